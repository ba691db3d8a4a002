// How long to keep trying before it is better to sleep.
//
// Use it in a loop that waits for another thread which is expected to be quick: spin() in a
// compare-exchange loop, snooze() while waiting for somebody else's progress, and go to sleep
// (EventCount, Parker) once exhausted(). Not for waits of unknown length: those sleep at once.
// Cost: spin() doubles its pause instructions up to 64 (about 2 us on x86); snooze() yields the
// core after that.
// Threads: owner thread only.
// Source: crossbeam-utils' Backoff.
#ifndef ANNULET_WAIT_BACKOFF_H_
#define ANNULET_WAIT_BACKOFF_H_

#include <cstdint>

#include "annulet/wait/sync.h"

namespace annulet::wait {

template <class Sync = RealSync>
class Backoff {
 public:
  // Pauses a little longer each time; never gives the core away.
  void spin() {
    for (uint32_t i = 0; i < (1u << (step_ < kSpinSteps ? step_ : kSpinSteps)); ++i) Sync::pause();
    if (step_ <= kSpinSteps) ++step_;
  }

  // Pauses a little longer each time, later gives the core to whoever is ready.
  void snooze() {
    if (step_ <= kSpinSteps) return spin();
    Sync::yield();
    if (step_ <= kYieldSteps) ++step_;
  }

  // Whether waiting has gone on for so long that sleeping is cheaper.
  bool exhausted() const { return step_ > kYieldSteps; }

  void reset() { step_ = 0; }

 private:
  static constexpr uint32_t kSpinSteps = 6;
  static constexpr uint32_t kYieldSteps = 10;

  uint32_t step_ = 0;
};

}  // namespace annulet::wait

#endif  // ANNULET_WAIT_BACKOFF_H_
