// Signals are for the program's own threads, but for those that report what a thread itself did
// wrong, and a profiler's. In place while threads start, since they inherit the mask.
#ifndef ANNULET_SCHED_INTERNAL_BLOCKED_SIGNALS_H_
#define ANNULET_SCHED_INTERNAL_BLOCKED_SIGNALS_H_

#include <pthread.h>
#include <signal.h>

namespace annulet::sched::internal {

class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    for (int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF})
      sigdelset(&all, own);
    pthread_sigmask(SIG_SETMASK, &all, &former_);
  }
  ~AllSignalsBlocked() { pthread_sigmask(SIG_SETMASK, &former_, nullptr); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  sigset_t former_;
};

}  // namespace annulet::sched::internal

#endif  // ANNULET_SCHED_INTERNAL_BLOCKED_SIGNALS_H_
