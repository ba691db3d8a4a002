// Which cores this process may use, how many workers they are worth, and staying on one of them.
// Cost: reads files: at the start of an engine.
// Threads: any.
#ifndef ANNULET_SCHED_INTERNAL_CORES_H_
#define ANNULET_SCHED_INTERNAL_CORES_H_

#include <sched.h>

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace annulet::sched::internal {

// Where the kernel tells of control groups.
struct CgroupPaths {
  std::string self = "/proc/self/cgroup";
  std::string root = "/sys/fs/cgroup";
};

// The numbers of the cores in the calling thread's affinity mask; never empty.
std::vector<int> usable_cores();

// The CPU time per time that control groups grant to this process, or a large number: the least of
// the quotas of its group and of those around it, as far as they can be seen. Version 1 and 2.
double quota_in_cores(const CgroupPaths& paths = {});

// How many of the usable cores are worth a worker: no more than the quota allows; at least 1.
size_t usable_core_count(const CgroupPaths& paths = {});

// How many workers there are unless told: as many as that, but at least two, so that one that is
// kept busy does not hold up the rest.
size_t default_worker_count();

// Keeps the calling thread on `core`.
absl::Status pin_this_thread(int core);

// The affinity mask of the thread that makes it, for threads that others start, whose mask they
// would inherit.
class AffinityMask {
 public:
  AffinityMask();
  // To the calling thread. Without effect if there was no mask to be had.
  void apply() const;

 private:
  cpu_set_t mask_;
  bool known_;
};

}  // namespace annulet::sched::internal

#endif  // ANNULET_SCHED_INTERNAL_CORES_H_
