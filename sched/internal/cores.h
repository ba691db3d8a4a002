// Which cores this process may use, and staying on one of them.
#ifndef ANNULET_SCHED_INTERNAL_CORES_H_
#define ANNULET_SCHED_INTERNAL_CORES_H_

#include <sched.h>

#include <vector>

#include "absl/status/status.h"

namespace annulet::sched::internal {

// The numbers of the cores in the calling thread's affinity mask; never empty.
std::vector<int> usable_cores();

// How many of them are worth a worker: no more than the control group's CPU quota allows; at
// least 1.
size_t usable_core_count();

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
