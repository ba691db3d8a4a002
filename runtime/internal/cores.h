// Which cores this process may use, and staying on one of them.
#ifndef ANNULET_RUNTIME_INTERNAL_CORES_H_
#define ANNULET_RUNTIME_INTERNAL_CORES_H_

#include <vector>

#include "absl/status/status.h"

namespace annulet::runtime::internal {

// The numbers of the cores in the calling thread's affinity mask; never empty.
std::vector<int> usable_cores();

// How many of them are worth a worker: no more than the control group's CPU quota allows; at
// least 1.
size_t usable_core_count();

// Keeps the calling thread on `core`.
absl::Status pin_this_thread(int core);

}  // namespace annulet::runtime::internal

#endif  // ANNULET_RUNTIME_INTERNAL_CORES_H_
