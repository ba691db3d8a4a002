// Waits for a condition under a lock, until a Deadline.
// Cost: a system call where it has to sleep.
// Threads: any that hold the lock.
#ifndef ANNULET_SCHED_INTERNAL_AWAIT_UNTIL_H_
#define ANNULET_SCHED_INTERNAL_AWAIT_UNTIL_H_

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "annulet/wait/deadline.h"

namespace annulet::sched::internal {

// Under `mutex`: whether the condition came true in time.
inline bool await_until(absl::Mutex& mutex, const absl::Condition& condition,
                        wait::Deadline until) {
  return mutex.AwaitWithTimeout(condition, until == wait::kNever
                                               ? absl::InfiniteDuration()
                                               : absl::FromChrono(until - wait::Clock::now()));
}

}  // namespace annulet::sched::internal

#endif  // ANNULET_SCHED_INTERNAL_AWAIT_UNTIL_H_
