// The cases of a scheduler that takes functions from any thread: a `Pool` with post(function).
//
// When: for pools of threads that can be made from a Run, as entries of the table of cases:
//
//   {"spawn_outside", on<Pool, measure_posts>}
//
// A contestant whose tasks are more than functions writes these cases itself; rivals/src/ has them
// too.
// Threads: main thread, which is no worker of the pool.
#ifndef ANNULET_BENCHMARKS_SCHED_OUTSIDE_H_
#define ANNULET_BENCHMARKS_SCHED_OUTSIDE_H_

#include <atomic>
#include <chrono>
#include <semaphore>
#include <thread>
#include <vector>

#include "annulet/benchmarks/sched/driver.h"
#include "annulet/benchmarks/sched/workloads.h"

namespace annulet::bench {

inline constexpr std::chrono::milliseconds kIdle(5);      // before each sample of idle_wake
inline constexpr std::chrono::milliseconds kBusy(4);      // of the task that wakes another
inline constexpr std::chrono::milliseconds kCalm(1);      // between the samples of busy_*
inline constexpr std::chrono::milliseconds kSettle(100);  // before memory or CPU time is looked at

// Counts tasks down; the last one lets wait() go on. Unlike std::latch it may be released while the
// waiting thread destroys it.
class Countdown {
 public:
  explicit Countdown(uint64_t tasks) : left_(tasks) {}
  void count_down() {
    // acq_rel: what every task wrote is seen by the last one, and so by the thread that waits.
    if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) done_.release();
  }
  void wait() { done_.acquire(); }

 private:
  std::atomic<uint64_t> left_;
  std::binary_semaphore done_{0};
};

// A case: measures on a pool of its own.
template <class Pool, void (*measure)(Run&, Pool&)>
void on(Run& run) {
  Pool pool(run);
  measure(run, pool);
}

// Posts the tasks and waits until all have run.
template <class Pool>
void measure_posts(Run& run, Pool& pool) {
  measure_tasks(run, [&](std::vector<uint64_t>& results) {
    Countdown countdown(results.size());
    Stopwatch watch;
    for (uint64_t i = 0; i < results.size(); ++i) {
      pool.post([&results, &countdown, i] {
        results[i] = i;
        countdown.count_down();
      });
    }
    countdown.wait();
    return watch.stop();
  });
}

// From the post to the start of a task, when no task has run for kIdle.
template <class Pool>
void measure_idle_wake(Run& run, Pool& pool) {
  run.measure_latencies([&] {
    std::vector<double> latencies;
    for (uint64_t i = 0; i < run.count(); ++i) {
      std::this_thread::sleep_for(kIdle);
      Clock::time_point started;
      Countdown ended(1);
      const Clock::time_point posted = Clock::now();
      pool.post([&] {
        started = Clock::now();
        ended.count_down();
      });
      ended.wait();
      latencies.push_back(ns_between(posted, started));
    }
    return latencies;
  });
}

// A task posts another one and computes on: how long until that starts.
template <class Pool>
void measure_busy_spawn(Run& run, Pool& pool) {
  run.measure_latencies([&] {
    std::vector<double> latencies;
    for (uint64_t i = 0; i < run.count(); ++i) {
      std::this_thread::sleep_for(kCalm);
      Clock::time_point posted, started;
      Countdown ended(2);
      pool.post([&] {
        posted = Clock::now();
        pool.post([&] {
          started = Clock::now();
          ended.count_down();
        });
        spin_for(kBusy);
        ended.count_down();
      });
      ended.wait();
      latencies.push_back(ns_between(posted, started));
    }
    return latencies;
  });
}

// CPU time while nothing happens for `count` milliseconds.
inline void measure_idle_cpu(Run& run) {
  std::this_thread::sleep_for(kSettle);
  const double before = process_cpu_ns();
  std::this_thread::sleep_for(std::chrono::milliseconds(run.count()));
  run.note("cpu_us", (process_cpu_ns() - before) / 1e3);
}

// The same, of a pool that has had something to do.
template <class Pool>
void measure_idle_cpu(Run& run, Pool& pool) {
  Countdown ended(1);
  pool.post([&] { ended.count_down(); });
  ended.wait();
  measure_idle_cpu(run);
}

}  // namespace annulet::bench

#endif  // ANNULET_BENCHMARKS_SCHED_OUTSIDE_H_
