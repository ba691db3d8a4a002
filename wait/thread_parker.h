// The Parker of a thread that has nothing but other threads to wait for: a futex.
//
// Use it for plain threads and for workers without I/O.
// Cost: unpark() of a thread that is awake is one atomic exchange, of a sleeping one a futex wake
// (2-5 us until it runs).
// Threads, lifetime: as Parker.
#ifndef ANNULET_WAIT_THREAD_PARKER_H_
#define ANNULET_WAIT_THREAD_PARKER_H_

#include "annulet/wait/parker.h"

namespace annulet::wait {

template <class Sync = RealSync>
class BasicThreadParker final : public Parker {
 public:
  void poll() override {}

  void park(Deadline until) override {
    // Once is enough: an early return is allowed, so a futex that wakes for no reason needs no
    // loop.
    if (state_.begin_park()) Sync::futex_wait(state_.word(), ParkState<Sync>::kParked, until);
    state_.end_park();
  }

  void unpark() override {
    if (state_.unpark()) Sync::futex_wake(state_.word(), 1);
  }

 private:
  ParkState<Sync> state_;
};

using ThreadParker = BasicThreadParker<>;

}  // namespace annulet::wait

#endif  // ANNULET_WAIT_THREAD_PARKER_H_
