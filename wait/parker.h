// How one thread sleeps.
//
// A thread that runs tasks owns one Parker and asks nothing else of the world below it: an I/O
// reactor is a Parker that sleeps in the kernel's I/O wait, ThreadParker one that sleeps on a
// futex. Waking is a token: an unpark() sent before park() makes that park() return at once.
// Threads: poll() and park() by the owner, unpark() by any thread.
// Lifetime: outlives every unpark().
#ifndef ANNULET_WAIT_PARKER_H_
#define ANNULET_WAIT_PARKER_H_

#include "annulet/wait/deadline.h"
#include "annulet/wait/park_state.h"

namespace annulet::wait {

class Parker {
 public:
  virtual ~Parker() = default;

  // Owner: takes in whatever events are ready. Never blocks.
  virtual void poll() = 0;

  // Owner: blocks until unpark(), an event of the parker's own, or `until`. May return early for no
  // reason.
  virtual void park(Deadline until) = 0;

  // Any thread: makes the current or the next park() return.
  virtual void unpark() = 0;
};

}  // namespace annulet::wait

#endif  // ANNULET_WAIT_PARKER_H_
