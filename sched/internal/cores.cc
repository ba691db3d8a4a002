#include "annulet/sched/internal/cores.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"

namespace annulet::sched::internal {
namespace {

// The CPU time per time that the control group grants, or a large number. Version 2 first, then
// version 1.
double quota_in_cores() {
  std::string quota;
  double period = 0;
  if (std::ifstream("/sys/fs/cgroup/cpu.max") >> quota >> period && quota != "max" && period > 0) {
    return std::stod(quota) / period;
  }
  double quota_us = -1;
  if (std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") >> quota_us && quota_us > 0 &&
      std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_period_us") >> period && period > 0) {
    return quota_us / period;
  }
  return 1e9;
}

}  // namespace

std::vector<int> usable_cores() {
  std::vector<int> cores;
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof(mask), &mask) == 0) {
    for (int core = 0; core < CPU_SETSIZE; ++core) {
      if (CPU_ISSET(core, &mask)) cores.push_back(core);
    }
  }
  // A machine with more cores than the mask has bits: sched_getaffinity refuses, and one worker is
  // safe.
  if (cores.empty()) cores.push_back(0);
  return cores;
}

size_t usable_core_count() {
  const double cores = static_cast<double>(usable_cores().size());
  return static_cast<size_t>(std::max(1.0, std::min(cores, std::ceil(quota_in_cores()))));
}

absl::Status pin_this_thread(int core) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  CPU_SET(core, &mask);
  const int error = pthread_setaffinity_np(pthread_self(), sizeof(mask), &mask);
  if (error == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(error, absl::StrCat("pinning a worker to core ", core));
}

AffinityMask::AffinityMask() : known_(sched_getaffinity(0, sizeof(mask_), &mask_) == 0) {}

void AffinityMask::apply() const {
  // It fails if the cores have gone meanwhile, and then where the thread may run is as good.
  if (known_) pthread_setaffinity_np(pthread_self(), sizeof(mask_), &mask_);
}

}  // namespace annulet::sched::internal
