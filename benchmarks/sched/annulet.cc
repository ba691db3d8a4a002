// Ours: tasks of a runtime::Runtime, shared by its workers unless a case says otherwise.
//
// Each case is one function over the few at the top that say how a task is started, so that a
// change of the scheduler's interface is a change of those.
#include <array>
#include <atomic>
#include <chrono>
#include <coroutine>
#include <memory>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/base/log_severity.h"
#include "absl/log/check.h"
#include "absl/log/globals.h"
#include "annulet/benchmarks/sched/driver.h"
#include "annulet/benchmarks/sched/outside.h"
#include "annulet/benchmarks/sched/sleepers.h"
#include "annulet/benchmarks/sched/workloads.h"
#include "annulet/runtime/runtime.h"
#include "annulet/sched/spawn.h"
#include "annulet/task/spawn.h"
#include "annulet/task/task.h"
#include "annulet/task/this_task.h"

namespace annulet::bench {
namespace {

using runtime::Runtime;
using task::JoinHandle;
using task::LocalJoinHandle;
using task::Task;

std::unique_ptr<Runtime> start_runtime(const Run& run) {
  absl::StatusOr<std::unique_ptr<Runtime>> runtime = Runtime::create({.threads = run.workers()});
  CHECK_OK(runtime);
  return *std::move(runtime);
}

// A task that any worker may run, from a task or from outside.
template <class T>
JoinHandle<T> spawn(Runtime& runtime, Task<T> task) {
  if (sched::Worker::current() != nullptr) return *sched::spawn(std::move(task));
  return *runtime.spawn(std::move(task));
}

// A task that stays on the worker of the caller, a task that does so, too.
template <class T>
LocalJoinHandle<T> spawn_local(Task<T> task) {
  return *sched::spawn_local(std::move(task));
}

// --- Many small tasks. ---

Task<uint64_t> give(uint64_t i) { co_return i; }

template <class Spawn>
Task<Taken> spawn_and_join(uint64_t count, Spawn spawn_one) {
  Stopwatch watch;
  std::vector<std::invoke_result_t<Spawn&, uint64_t>> handles;
  handles.reserve(count);
  for (uint64_t i = 0; i < count; ++i) handles.push_back(spawn_one(i));
  uint64_t sum = 0;
  for (auto& handle : handles) sum += co_await std::move(handle);
  co_return watch.stop(sum);
}

template <class Spawn>
void measure_spawns(Run& run, Runtime& runtime, uint64_t expected, const Spawn& spawn_one) {
  run.measure(run.count(), expected,
              [&] { return runtime.block_on(spawn_and_join(run.count(), spawn_one)); });
}

void spawn_join(Run& run) {
  const auto runtime = start_runtime(run);
  measure_spawns(run, *runtime, sum_below(run.count()),
                 [&](uint64_t i) { return spawn(*runtime, give(i)); });
}

void spawn_local_join(Run& run) {
  const auto runtime = start_runtime(run);
  run.measure(run.count(), sum_below(run.count()), [&] {
    const auto local = [](uint64_t i) { return spawn_local(give(i)); };
    return std::move(*runtime->spawn_on(0, spawn_and_join(run.count(), local))).join();
  });
}

void spawn_outside(Run& run) {
  const auto runtime = start_runtime(run);
  run.measure(run.count(), sum_below(run.count()), [&] {
    Stopwatch watch;
    std::vector<JoinHandle<uint64_t>> handles;
    handles.reserve(run.count());
    for (uint64_t i = 0; i < run.count(); ++i) handles.push_back(spawn(*runtime, give(i)));
    uint64_t sum = 0;
    for (JoinHandle<uint64_t>& handle : handles) sum += std::move(handle).join();
    return watch.stop(sum);
  });
}

// --- Forks. ---

Task<uint64_t> fork(Runtime& runtime, uint64_t n) {
  if (n < 2) co_return n;
  JoinHandle<uint64_t> left = spawn(runtime, fork(runtime, n - 1));
  const uint64_t right = co_await fork(runtime, n - 2);
  co_return right + co_await std::move(left);
}

Task<Taken> timed_fork(Runtime& runtime, uint64_t n) {
  Stopwatch watch;
  co_return watch.stop(co_await fork(runtime, n));
}

void fork_join(Run& run) {
  const auto runtime = start_runtime(run);
  measure_fibonacci(run, [&](uint64_t n) { return runtime->block_on(timed_fork(*runtime, n)); });
}

// --- Yields. ---

Task<uint64_t> yield_often(uint64_t yields) {
  uint64_t done = 0;
  for (; done < yields; ++done) co_await task::yield();
  co_return done;
}

Task<Taken> spawn_yielders(Runtime& runtime, uint64_t tasks, uint64_t yields) {
  co_return co_await spawn_and_join(
      tasks, [&, yields](uint64_t) { return spawn(runtime, yield_often(yields)); });
}

void measure_yields(Run& run, uint64_t tasks) {
  const auto runtime = start_runtime(run);
  run.measure(tasks * run.count(), tasks * run.count(),
              [&] { return runtime->block_on(spawn_yielders(*runtime, tasks, run.count())); });
}

void yield_two(Run& run) { measure_yields(run, 2); }
void task_switch(Run& run) { measure_yields(run, 10); }

template <size_t kBytes>
Task<uint64_t> create_and_yield(uint64_t i) {
  std::array<unsigned char, kBytes> bytes{};
  bytes[i % kBytes] = 1;
  touch(bytes.data());
  co_await task::yield();
  touch(bytes.data());
  co_return bytes[i % kBytes] * i;
}

template <size_t kBytes>
void measure_creations(Run& run) {
  const auto runtime = start_runtime(run);
  measure_spawns(run, *runtime, sum_below(run.count()),
                 [&](uint64_t i) { return spawn(*runtime, create_and_yield<kBytes>(i)); });
}

// --- Waking. ---

Task<Clock::time_point> now() { co_return Clock::now(); }

void idle_wake(Run& run) {
  const auto runtime = start_runtime(run);
  run.measure_latencies([&] {
    std::vector<double> latencies;
    for (uint64_t i = 0; i < run.count(); ++i) {
      std::this_thread::sleep_for(kIdle);
      const Clock::time_point posted = Clock::now();
      latencies.push_back(ns_between(posted, spawn(*runtime, now()).join()));
    }
    return latencies;
  });
}

// One task waits for it, another rings it, each once.
class Bell {
 public:
  class Awaiter {
   public:
    explicit Awaiter(Bell& bell) : bell_(bell) {}
    bool await_ready() const noexcept { return false; }
    template <task::TaskPromise P>
    bool await_suspend(std::coroutine_handle<P> self) noexcept {
      task::Runnable* nobody = nullptr;
      // Release pairs with ring()'s acquire: who rings sees the suspended task.
      return bell_.waiter_.compare_exchange_strong(nobody, &self.promise(),
                                                   std::memory_order_acq_rel);
    }
    void await_resume() const noexcept {}

   private:
    Bell& bell_;
  };

  Awaiter wait() { return Awaiter(*this); }

  void ring() {
    task::Runnable* waiter = waiter_.exchange(&rung_, std::memory_order_acq_rel);  // pairs above
    if (waiter != nullptr) task::resume_at_home(waiter);
  }

 private:
  task::Runnable rung_;  // its address says that it has rung
  std::atomic<task::Runnable*> waiter_{nullptr};
};

Task<Clock::time_point> now_at(Bell& bell) {
  co_await bell.wait();
  co_return Clock::now();
}

Task<std::vector<double>> wake_and_compute(Runtime& runtime, uint64_t samples) {
  std::vector<double> latencies;
  for (uint64_t i = 0; i < samples; ++i) {
    Bell bell;
    JoinHandle<Clock::time_point> waiting = spawn(runtime, now_at(bell));
    CHECK_OK(co_await task::sleep_for(kCalm));  // it waits by then
    const Clock::time_point woken = Clock::now();
    bell.ring();
    spin_for(kBusy);
    latencies.push_back(ns_between(woken, co_await std::move(waiting)));
  }
  co_return latencies;
}

Task<std::vector<double>> spawn_and_compute(Runtime& runtime, uint64_t samples) {
  std::vector<double> latencies;
  for (uint64_t i = 0; i < samples; ++i) {
    CHECK_OK(co_await task::sleep_for(kCalm));
    const Clock::time_point posted = Clock::now();
    JoinHandle<Clock::time_point> started = spawn(runtime, now());
    spin_for(kBusy);
    latencies.push_back(ns_between(posted, co_await std::move(started)));
  }
  co_return latencies;
}

void busy_wake(Run& run) {
  const auto runtime = start_runtime(run);
  run.measure_latencies([&] { return runtime->block_on(wake_and_compute(*runtime, run.count())); });
}

void busy_spawn(Run& run) {
  const auto runtime = start_runtime(run);
  run.measure_latencies(
      [&] { return runtime->block_on(spawn_and_compute(*runtime, run.count())); });
}

void idle_cpu(Run& run) {
  const auto runtime = start_runtime(run);
  runtime->block_on(now());
  measure_idle_cpu(run);
}

// --- Memory. ---

Task<void> sleeper(Clock::time_point until, std::atomic<uint64_t>& asleep, Countdown& ended) {
  asleep.fetch_add(1, std::memory_order_relaxed);  // a count, looked at a while later
  CHECK_OK(co_await task::sleep_until(until));
  ended.count_down();
}

Task<void> start_sleepers(Runtime& runtime, uint64_t count, Clock::time_point until,
                          std::atomic<uint64_t>& asleep, Countdown& ended) {
  for (uint64_t i = 0; i < count; ++i) {
    CHECK_OK(runtime.spawn_detached(sleeper(until, asleep, ended)));
  }
  co_return;
}

void memory(Run& run) {
  const auto runtime = start_runtime(run);
  Countdown ended(run.count());
  measure_sleepers(run, ended, [&](Clock::time_point until, std::atomic<uint64_t>& asleep) {
    runtime->block_on(start_sleepers(*runtime, run.count(), until, asleep, ended));
  });
}

constexpr CaseEntry kCases[] = {
    {"busy_spawn", busy_spawn},
    {"busy_wake", busy_wake},
    {"create_and_yield", measure_creations<8>},
    {"create_and_yield_9000", measure_creations<9000>},
    {"fork_join", fork_join},
    {"idle_cpu", idle_cpu},
    {"idle_wake", idle_wake},
    {"memory", memory},
    {"spawn_join", spawn_join},
    {"spawn_local", spawn_local_join},
    {"spawn_outside", spawn_outside},
    {"task_switch", task_switch},
    {"yield", yield_two},
};

}  // namespace
}  // namespace annulet::bench

int main(int argc, char** argv) {
  absl::SetMinLogLevel(absl::LogSeverityAtLeast::kWarning);
  return annulet::bench::run_contestant(argc, argv, "annulet", annulet::bench::kCases);
}
