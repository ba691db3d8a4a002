// For tests: lets chosen system calls fail in the calling thread and the threads it starts, as a
// container's seccomp profile does. There is no way back, so call it on a thread of the test's own.
#ifndef ANNULET_TESTING_DENY_SYSCALLS_H_
#define ANNULET_TESTING_DENY_SYSCALLS_H_

#include <vector>

namespace annulet::faults {

// From now on each of `calls` (SYS_...) returns -1 with `error` and does nothing. Ends the process
// if it cannot.
void deny_syscalls(const std::vector<int>& calls, int error);

}  // namespace annulet::faults

#endif  // ANNULET_TESTING_DENY_SYSCALLS_H_
