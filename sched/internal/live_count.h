// How many tasks live, counted without a word that all workers write.
//
// Each worker counts what begins and what ends on it in a Tally of its own; the Intake counts what
// threads that are no workers begin, and closes. live_tasks() adds them up.
//
// Why a count of 0 is true once the intake is closed. Ends are read before beginnings. An end that
// was read has its beginning behind it, for the task was handed from where it began to where it
// ended; so no end is counted without its beginning, and a missing end only makes the count larger.
// A worker begins tasks only for one that lives, whose own end is still to come: the one that runs
// on it, or, in a function that it has stolen, the one that forked that and awaits the job. Or it
// does so before anybody can close the intake, in on_start.
// Cost: begin() and end() a plain addition, from outside a compare-exchange.
// Threads: a tally is written by its worker, read by any; the intake by any.
#ifndef ANNULET_SCHED_INTERNAL_LIVE_COUNT_H_
#define ANNULET_SCHED_INTERNAL_LIVE_COUNT_H_

#include <atomic>
#include <cstdint>

#include "annulet/wait/sync.h"

namespace annulet::sched::internal {

template <class Sync = wait::RealSync>
class BasicTally {
 public:
  void begin(uint64_t count = 1) { increase(begun_, count); }
  void end() { increase(ended_, 1); }

  // Relaxed: ordered by the ends that were read before.
  uint64_t begun() const { return begun_.load(std::memory_order_relaxed); }
  // Acquire pairs with increase(): the beginnings of these tasks, and what they did, are visible.
  uint64_t ended() const { return ended_.load(std::memory_order_acquire); }

 private:
  using Counter = typename Sync::template atomic<uint64_t>;

  static void increase(Counter& counter, uint64_t by) {
    // One thread writes it. Release pairs with ended().
    counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_release);
  }

  Counter begun_{0};
  Counter ended_{0};
};

template <class Sync = wait::RealSync>
class BasicIntake {
 public:
  // `watched`: each beginning asks for more than whether it is closed.
  explicit BasicIntake(bool watched = false) : word_(watched ? kWatched : 0) {}

  // Counts `count` tasks more. False: closed.
  bool begin(uint64_t count = 1) {
    uint64_t before = word_.load(std::memory_order_relaxed);  // checked by the exchange
    do {
      if ((before & kClosed) != 0) return false;
    } while (!word_.compare_exchange_weak(before, before + count,
                                          std::memory_order_relaxed));  // the post hands over
    return true;
  }

  // Relaxed: what was counted before is in the same word.
  void close() { word_.fetch_or(kClosed, std::memory_order_relaxed); }
  bool closed() const { return (word_.load(std::memory_order_relaxed) & kClosed) != 0; }
  // Neither closed nor watched. Relaxed: a worker that sees a close() late begins its task out of
  // one that lives itself, so that live_tasks() counts on.
  bool plain() const { return (word_.load(std::memory_order_relaxed) & (kClosed | kWatched)) == 0; }
  uint64_t begun() const { return word_.load(std::memory_order_relaxed) & ~(kClosed | kWatched); }

 private:
  static constexpr uint64_t kClosed = uint64_t{1} << 63;
  static constexpr uint64_t kWatched = uint64_t{1} << 62;

  // The count, and whether it is closed, in one word: begin() and close() cannot miss each other.
  typename Sync::template atomic<uint64_t> word_;
};

// `tally_of(worker)` for each of `workers`. Exact once the intake is closed.
template <class Intake, class Workers, class TallyOf>
uint64_t live_tasks(const Intake& intake, const Workers& workers, const TallyOf& tally_of) {
  uint64_t ended = 0;
  for (const auto& worker : workers) ended += tally_of(worker).ended();
  uint64_t begun = intake.begun();
  for (const auto& worker : workers) begun += tally_of(worker).begun();
  return begun - ended;
}

using Tally = BasicTally<>;
using Intake = BasicIntake<>;

}  // namespace annulet::sched::internal

#endif  // ANNULET_SCHED_INTERNAL_LIVE_COUNT_H_
