// The process that made an object whose threads a child of fork() has not.
// Cost: a system call for each check.
// Threads: any.
// Lifetime: of the object that has it.
#ifndef ANNULET_SCHED_INTERNAL_HOME_PROCESS_H_
#define ANNULET_SCHED_INTERNAL_HOME_PROCESS_H_

#include <unistd.h>

#include "absl/log/check.h"

namespace annulet::sched::internal {

class HomeProcess {
 public:
  // Ends a child process of it, where `call` would wait for ever.
  void check(const char* call) const {
    CHECK_EQ(id_, getpid()) << call
                            << ": the engine is that of a parent process, and fork() copied "
                               "none of its threads; call exec or _exit in the child, or create "
                               "an engine of its own";
  }

 private:
  const pid_t id_ = getpid();
};

}  // namespace annulet::sched::internal

#endif  // ANNULET_SCHED_INTERNAL_HOME_PROCESS_H_
