// The case `memory`: many tasks that sleep until one point in time.
//
// When: in contestants whose tasks can wait. Threads: main thread, which is no worker.
#ifndef ANNULET_BENCHMARKS_SCHED_SLEEPERS_H_
#define ANNULET_BENCHMARKS_SCHED_SLEEPERS_H_

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "absl/log/check.h"
#include "annulet/benchmarks/sched/driver.h"
#include "annulet/benchmarks/sched/outside.h"

namespace annulet::bench {

inline constexpr std::chrono::microseconds kLookAgain(100);  // at those who come

// When the sleepers wake: time enough to start them all.
inline Clock::duration sleep_of(uint64_t tasks) {
  return std::chrono::milliseconds(500) + tasks * std::chrono::microseconds(16);
}

// `start(until, asleep)` starts run.count() tasks; each adds one to `asleep`, sleeps until then,
// and counts `ended` down. Figures "bytes", "start_ns" and "end_ns", for a task.
template <class Start>
void measure_sleepers(Run& run, Countdown& ended, const Start& start) {
  const auto tasks = static_cast<double>(run.count());
  const uint64_t bytes_before = resident_bytes();
  std::atomic<uint64_t> asleep{0};
  const Clock::time_point began = Clock::now();
  const Clock::time_point until = began + sleep_of(run.count());
  start(until, asleep);
  while (asleep.load(std::memory_order_relaxed) < run.count())
    std::this_thread::sleep_for(kLookAgain);
  const double start_ns = ns_between(began, Clock::now());
  std::this_thread::sleep_for(kSettle);
  const uint64_t bytes = std::max(resident_bytes(), bytes_before) - bytes_before;
  CHECK(Clock::now() < until) << "the first tasks woke before the last ones slept";
  ended.wait();
  run.note("end_ns", ns_between(until, Clock::now()) / tasks);
  run.note("bytes", static_cast<double>(bytes) / tasks);
  run.note("start_ns", start_ns / tasks);
}

}  // namespace annulet::bench

#endif  // ANNULET_BENCHMARKS_SCHED_SLEEPERS_H_
