// Wait strategies: how a thread waits until something that other threads do has become true.
//
// A strategy trades the time from the change to the reaction against the processor time burnt
// meanwhile. Each waiting thread has an object of the type that it chose; those who wait for the
// same thing may choose differently. They share a Bell, which whoever makes the change rings.
//
//   | type           | reacts within | burns         | use it when                              |
//   | BusySpinWait   | 0.1 us        | a core        | the thread has a core of its own         |
//   | PauseWait      | 0.1 us        | a core        | its sibling hyperthread has work to do   |
//   | YieldWait      | 0.1 us to ms  | idle cores    | there are more threads than cores        |
//   | SleepWait      | 60 us         | a few percent | changes are made that ring no bell       |
//   | BlockWait      | 3 to 50 us    | nothing       | there is not always something to do      |
//   | TimedBlockWait | 3 to 50 us    | next to none  | a change may come without the bell, and  |
//   |                |               |               | is then seen within the interval         |
//   | PhasedWait     | by phase      | by phase      | it mostly takes short, sometimes long    |
//
//   waiter:  strategy.wait([&] { return sequence.load(acquire) >= wanted; }, bell, until);
//   changer: sequence.store(wanted, release);  bell.notify_all();
//
// Cost: wait() for what is true already is one call of ready(). Ringing with nobody asleep is two
// loads (0.2 ns). Each time that somebody goes to sleep he pays for that with a system call, and
// every thread of the process that runs with an interrupt (membarrier).
// Threads: wait() by the thread that owns the strategy, the bell by any.
// Lifetime: the bell outlives every wait and every ringing, which comes after the change: who spins
// may see the change and go on before the bell has rung.
// Source: the wait strategies of the LMAX Disruptor.
#ifndef ANNULET_WAIT_STRATEGY_H_
#define ANNULET_WAIT_STRATEGY_H_

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstdint>

#include "annulet/wait/deadline.h"
#include "annulet/wait/event_count.h"
#include "annulet/wait/sync.h"
#include "annulet/wait/thread_parker.h"

namespace annulet::wait {

// Wakes those who block. Ring it by notify() or notify_all() after each change.
template <class Sync = RealSync>
using BasicBell = BasicEventCount<Sync, AsymmetricFence<Sync>>;
using Bell = BasicBell<>;

// wait(ready, bell, until): true once ready() returns true; false if it did not until `until`.
// ready() is called often, from the waiting thread, and must not block. If it throws, so does
// wait().
template <class T, class Sync = RealSync>
concept WaitStrategy = requires(T strategy, bool (*ready)(), BasicBell<Sync>& bell) {
  { strategy.wait(ready, bell, kNever) } -> std::same_as<bool>;
};

namespace internal {

// Waits in a loop with `between` after each look. Looks at the clock after every `looks` only, for
// that takes longer than a look at most things.
template <class Ready, class Between>
bool look_until(const Ready& ready, Deadline until, uint32_t looks, const Between& between) {
  for (uint32_t look = 1;; ++look) {
    if (ready()) return true;
    if (until != kNever && look % looks == 0 && Clock::now() >= until) return false;
    between();
  }
}

inline constexpr uint32_t kLooksOfASpin = 64;

}  // namespace internal

// Looks again at once.
template <class Sync = RealSync>
class BasicBusySpinWait {
 public:
  template <class Ready>
  bool wait(const Ready& ready, BasicBell<Sync>&, Deadline until) {
    return internal::look_until(ready, until, internal::kLooksOfASpin, [] {});
  }
};

// Looks again after a pause instruction, which leaves the core to a sibling hyperthread.
template <class Sync = RealSync>
class BasicPauseWait {
 public:
  template <class Ready>
  bool wait(const Ready& ready, BasicBell<Sync>&, Deadline until) {
    return internal::look_until(ready, until, internal::kLooksOfASpin, [] { Sync::pause(); });
  }
};

// Pauses for `looks`, then gives the core to any thread that is ready, again and again. Few looks,
// since where threads outnumber cores each of them is time that the others wait for.
template <class Sync = RealSync>
class BasicYieldWait {
 public:
  explicit BasicYieldWait(uint32_t looks = 10) : looks_(looks) {}

  template <class Ready>
  bool wait(const Ready& ready, BasicBell<Sync>&, Deadline until) {
    for (uint32_t look = 0; look < looks_; ++look) {
      if (ready()) return true;
      Sync::pause();
    }
    return internal::look_until(ready, until, 1, [] { Sync::yield(); });
  }

 private:
  uint32_t looks_;
};

// Yields for `looks`, then naps between looks. Never needs the bell.
template <class Sync = RealSync>
class BasicSleepWait {
 public:
  explicit BasicSleepWait(std::chrono::nanoseconds nap = std::chrono::microseconds(10),
                          uint32_t looks = 100)
      : nap_(nap), looks_(looks) {}

  template <class Ready>
  bool wait(const Ready& ready, BasicBell<Sync>&, Deadline until) {
    uint32_t look = 0;
    return internal::look_until(ready, until, 1, [&] {
      if (look++ < looks_) return Sync::yield();
      parker_.park(std::min(until, deadline_after(Clock::now(), nap_)));
    });
  }

 private:
  std::chrono::nanoseconds nap_;
  uint32_t looks_;
  BasicThreadParker<Sync> parker_;
};

// Sleeps until the bell rings, but for at most `interval` at a time.
template <class Sync = RealSync>
class BasicTimedBlockWait {
 public:
  explicit BasicTimedBlockWait(std::chrono::nanoseconds interval = std::chrono::milliseconds(1))
      : interval_(interval) {}

  template <class Ready>
  bool wait(const Ready& ready, BasicBell<Sync>& bell, Deadline until) {
    while (!ready()) {
      if (until != kNever && Clock::now() >= until) return false;
      const auto key = bell.prepare_wait();
      if (looks_ready(ready, bell)) return true;
      bell.commit_wait(key, parker_, std::min(until, deadline_after(Clock::now(), interval_)));
    }
    return true;
  }

 private:
  // The last look between prepare_wait() and commit_wait(). True: the wait is cancelled.
  template <class Ready>
  static bool looks_ready(const Ready& ready, BasicBell<Sync>& bell) {
    try {
      if (!ready()) return false;
    } catch (...) {
      bell.cancel_wait();
      throw;
    }
    bell.cancel_wait();
    return true;
  }

  std::chrono::nanoseconds interval_;
  BasicThreadParker<Sync> parker_;
};

// Sleeps until the bell rings.
template <class Sync = RealSync>
class BasicBlockWait : public BasicTimedBlockWait<Sync> {
 public:
  BasicBlockWait() : BasicTimedBlockWait<Sync>(std::chrono::nanoseconds::max()) {}
};

// Waits by First for `patience`, then by Second: for example PhasedWait<PauseWait, BlockWait>. Both
// are as their default constructors make them.
template <class First, class Second, class Sync = RealSync>
class PhasedWait {
 public:
  explicit PhasedWait(std::chrono::nanoseconds patience = std::chrono::microseconds(20))
      : patience_(patience) {}

  template <class Ready>
  bool wait(const Ready& ready, BasicBell<Sync>& bell, Deadline until) {
    if (ready()) return true;
    const Deadline first_until = std::min(until, deadline_after(Clock::now(), patience_));
    return first_.wait(ready, bell, first_until) || second_.wait(ready, bell, until);
  }

 private:
  std::chrono::nanoseconds patience_;
  First first_;
  Second second_;
};

using BusySpinWait = BasicBusySpinWait<>;
using PauseWait = BasicPauseWait<>;
using YieldWait = BasicYieldWait<>;
using SleepWait = BasicSleepWait<>;
using BlockWait = BasicBlockWait<>;
using TimedBlockWait = BasicTimedBlockWait<>;

}  // namespace annulet::wait

#endif  // ANNULET_WAIT_STRATEGY_H_
