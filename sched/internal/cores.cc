#include "annulet/sched/internal/cores.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace annulet::sched::internal {
namespace {

constexpr double kNoQuota = 1e9;

// "<quota or max> <period>" of version 2.
double quota_v2(const std::string& group) {
  double quota = 0;
  double period = 0;
  std::ifstream file(group + "/cpu.max");
  const bool granted = static_cast<bool>(file >> quota >> period);  // "max" is no number
  return granted && quota > 0 && period > 0 ? quota / period : kNoQuota;
}

double quota_v1(const std::string& group) {
  double quota = 0;
  double period = 0;
  const bool granted = std::ifstream(group + "/cpu.cfs_quota_us") >> quota &&
                       std::ifstream(group + "/cpu.cfs_period_us") >> period;
  return granted && quota > 0 && period > 0 ? quota / period : kNoQuota;
}

// The least quota of the group `path` below `root` and those around it, with that of the root. A
// namespace may show another part of the tree than the path is of; then the folders are not there.
double least_quota(const std::string& root, std::string path, double (*quota)(const std::string&)) {
  double least = quota(root);
  for (; path.size() > 1; path.resize(path.rfind('/'))) least = std::min(least, quota(root + path));
  return least;
}

// Whether `controllers`, a list with commas, names that of CPU time.
bool has_cpu(const std::string& controllers) {
  return absl::StrContains("," + controllers + ",", ",cpu,");
}

}  // namespace

// A line of `self` is "number:controllers:/path"; version 2 has number 0 and no controllers.
double quota_in_cores(const CgroupPaths& paths) {
  // Without lines of their own, the roots.
  double least = std::min(quota_v2(paths.root), quota_v1(paths.root + "/cpu"));
  std::ifstream self(paths.self);
  for (std::string line; std::getline(self, line);) {
    const std::vector<std::string> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3 || !absl::StartsWith(parts[2], "/")) continue;
    if (parts[0] == "0") {
      least = std::min(least, least_quota(paths.root, parts[2], &quota_v2));
    } else if (has_cpu(parts[1])) {
      least = std::min(least, least_quota(paths.root + "/cpu", parts[2], &quota_v1));
    }
  }
  return least;
}

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

size_t usable_core_count(const CgroupPaths& paths) {
  const double cores = static_cast<double>(usable_cores().size());
  return static_cast<size_t>(std::max(1.0, std::min(cores, std::ceil(quota_in_cores(paths)))));
}

size_t default_worker_count() { return std::max<size_t>(2, usable_core_count()); }

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
