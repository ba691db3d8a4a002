// What a worker has done so far, and what it has before it.
//
// Counted by the worker for itself, with plain additions, and read by anybody without stopping it:
// each number was right at some moment, not all at the same one.
// Threads: WorkerMetrics are plain values; the counters are written by their worker and read by any
// thread.
#ifndef ANNULET_SCHED_METRICS_H_
#define ANNULET_SCHED_METRICS_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "annulet/sched/internal/worker_counter.h"
#include "annulet/task/context.h"
#include "annulet/wait/deadline.h"

namespace annulet::sched {

struct WorkerMetrics {
  static constexpr size_t kTurnTimes = 40;

  uint64_t runs = 0;    // tasks and callbacks resumed, each as often as it was
  uint64_t steals = 0;  // times that it took from another worker
  uint64_t stolen = 0;  // tasks that it took from others
  // Forked functions that it took from others, with those that it took while it waited for one.
  uint64_t jobs_stolen = 0;
  uint64_t parks = 0;  // times that it slept or looked for I/O with nothing else to do
  uint64_t wakes = 0;  // times that it was woken to look for work
  // Tasks that tasks which ran on it have spawned; in a sum all spawned tasks.
  uint64_t spawned = 0;
  // Spawned tasks that ended on it; in a sum those that live are the rest.
  uint64_t ended = 0;
  // How long it has not slept, but run tasks, looked for some, or looked at I/O.
  std::chrono::nanoseconds busy{0};
  // How many tasks of each priority are ready, as of its last look outside, which is every
  // poll_interval tasks: those that it alone may run, and those that others may. A worker that is
  // alone counts all among its own. What comes from outside counts once a worker has fetched it: a
  // spawn from outside that nobody has looked at is in `spawned` alone.
  std::array<uint64_t, task::kPriorities> queued_own{};
  std::array<uint64_t, task::kPriorities> queued_shared{};
  // With SchedulerOptions::turn_histogram, else 0: how many turns of a task or callback took less
  // than 2^i nanoseconds, and no less than half of that; the last: longer ones, too.
  std::array<uint64_t, kTurnTimes> turn_times{};

  WorkerMetrics& operator+=(const WorkerMetrics& other) {
    runs += other.runs;
    steals += other.steals;
    stolen += other.stolen;
    jobs_stolen += other.jobs_stolen;
    parks += other.parks;
    wakes += other.wakes;
    spawned += other.spawned;
    ended += other.ended;
    busy += other.busy;
    add(queued_own, other.queued_own);
    add(queued_shared, other.queued_shared);
    add(turn_times, other.turn_times);
    return *this;
  }

 private:
  template <size_t kSize>
  static void add(std::array<uint64_t, kSize>& to, const std::array<uint64_t, kSize>& more) {
    for (size_t i = 0; i < kSize; ++i) to[i] += more[i];
  }
};

namespace internal {

template <size_t kSize>
class WorkerCounterArray {
 public:
  WorkerCounter& operator[](size_t i) { return counters_[i]; }
  std::array<uint64_t, kSize> read() const {
    std::array<uint64_t, kSize> result;
    for (size_t i = 0; i < kSize; ++i) result[i] = counters_[i].read();
    return result;
  }

 private:
  std::array<WorkerCounter, kSize> counters_;
};

// How many turns took how long.
class TurnTimes {
 public:
  void add(std::chrono::nanoseconds time) {
    const auto ns = static_cast<uint64_t>(std::max<int64_t>(time.count(), 0));
    counts_[std::min<size_t>(std::bit_width(ns), WorkerMetrics::kTurnTimes - 1)].add(1);
  }
  auto read() const { return counts_.read(); }

 private:
  WorkerCounterArray<WorkerMetrics::kTurnTimes> counts_;
};

// How long a thread has been busy. In one word, so that who reads it while the thread goes to sleep
// or wakes up never counts a sleep as work, nor work twice. Relaxed: the word stands for itself,
// and its own thread alone writes it.
class BusyTime {
 public:
  // Its thread, in turn.
  void begin(wait::Deadline now) {
    set(now.time_since_epoch().count() - word_.load(std::memory_order_relaxed) / 2, true);
  }
  void end(wait::Deadline now) {
    set(now.time_since_epoch().count() - word_.load(std::memory_order_relaxed) / 2, false);
  }

  // Any thread. `clock` is asked after the look, so that the time is no earlier than what was seen.
  template <class Clock>
  std::chrono::nanoseconds read(const Clock& clock) const {
    const int64_t word = word_.load(std::memory_order_relaxed);  // one number
    if (word % 2 == 0) return std::chrono::nanoseconds(word / 2);
    return std::chrono::nanoseconds(clock().time_since_epoch().count() - word / 2);
  }

 private:
  void set(int64_t nanoseconds, bool busy) {
    word_.store(2 * nanoseconds + (busy ? 1 : 0), std::memory_order_relaxed);
  }

  // Halved: how long it has been busy; if odd, the time at which it would have begun had it never
  // paused.
  std::atomic<int64_t> word_{0};
};

struct WorkerCounters {
  WorkerCounter runs;
  WorkerCounter steals;
  WorkerCounter stolen;
  WorkerCounter jobs_stolen;
  WorkerCounter parks;
  WorkerCounter wakes;
  BusyTime busy;
  WorkerCounterArray<task::kPriorities> queued_own;
  WorkerCounterArray<task::kPriorities> queued_shared;
};

}  // namespace internal
}  // namespace annulet::sched

#endif  // ANNULET_SCHED_METRICS_H_
