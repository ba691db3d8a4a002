// Ours: tasks of a runtime::Runtime, shared by its workers unless a case says otherwise.
//
// Each case is one function over the few at the top that say how a task is started, so that a
// change of the scheduler's interface is a change of those.
#include <array>
#include <atomic>
#include <chrono>
#include <coroutine>
#include <functional>
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
#include "annulet/sched/fork_join.h"
#include "annulet/sched/fork_join_tasks.h"
#include "annulet/sched/parallel.h"
#include "annulet/sched/parallel_sort.h"
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
  absl::StatusOr<std::unique_ptr<Runtime>> runtime =
      Runtime::create({.engine = {.workers = run.workers()}});
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
                 [](uint64_t i) { return *sched::spawn(give(i)); });
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

// Tasks without handles, the last of which wakes the one that started them.
Task<void> store(uint64_t& result, uint64_t i, std::atomic<uint64_t>& left, Bell& all_done) {
  result = i;
  // Release and acquire pair with each other: who is woken sees all results.
  if (left.fetch_sub(1, std::memory_order_acq_rel) == 1) all_done.ring();
  co_return;
}

Task<Taken> store_all(std::vector<uint64_t>& results) {
  Stopwatch watch;
  Bell all_done;
  std::atomic<uint64_t> left{results.size()};
  for (uint64_t i = 0; i < results.size(); ++i) {
    CHECK_OK(sched::spawn_detached(store(results[i], i, left, all_done)));
  }
  co_await all_done.wait();
  co_return watch.stop();
}

void scope_loop(Run& run) {
  const auto runtime = start_runtime(run);
  measure_tasks(
      run, [&](std::vector<uint64_t>& results) { return runtime->block_on(store_all(results)); });
}

// Local tasks without handles, but for the last of them, which runs last.
Task<void> count(uint64_t& ran) {
  ++ran;
  co_return;
}

Task<Taken> count_all(uint64_t tasks) {
  Stopwatch watch;
  uint64_t ran = 0;
  for (uint64_t i = 1; i < tasks; ++i) CHECK_OK(sched::spawn_local_detached(count(ran)));
  co_await spawn_local(count(ran));
  co_return watch.stop(ran);
}

void spawn_local_run(Run& run) {
  const auto runtime = start_runtime(run);
  run.measure(run.count(), run.count(),
              [&] { return std::move(*runtime->spawn_on(0, count_all(run.count()))).join(); });
}

// --- Forks of plain functions. ---

uint64_t fork(uint64_t n) {
  if (n < 2) return n;
  const auto [left, right] =
      sched::fork_join([n] { return fork(n - 1); }, [n] { return fork(n - 2); });
  return left + right;
}

// What `work` takes on a worker, where its forks are shared.
template <class Work>
Taken on_worker(Runtime& runtime, const Work& work) {
  return runtime.engine().run([&] {
    Stopwatch watch;
    if constexpr (std::is_void_v<std::invoke_result_t<const Work&>>) {
      work();
      return watch.stop();
    } else {
      return watch.stop(work());
    }
  });
}

void fork_join(Run& run) {
  const auto runtime = start_runtime(run);
  measure_fibonacci(run, [&](uint64_t n) { return on_worker(*runtime, [n] { return fork(n); }); });
}

// --- Forks of tasks. ---

Task<uint64_t> fork_task(uint64_t n) {
  if (n < 2) co_return n;
  const auto [left, right] = co_await sched::fork_join(fork_task(n - 1), fork_task(n - 2));
  co_return left + right;
}

Task<Taken> time_fork_task(uint64_t n) {
  Stopwatch watch;
  co_return watch.stop(co_await fork_task(n));
}

void coroutine_fib(Run& run) {
  const auto runtime = start_runtime(run);
  measure_fibonacci(run, [&](uint64_t n) { return runtime->block_on(time_fork_task(n)); });
}

// --- Algorithms. ---

void parallel_for(Run& run) {
  const auto runtime = start_runtime(run);
  measure_for(run, [&](std::vector<uint32_t>& items) {
    return on_worker(*runtime, [&] {
      sched::parallel_for(size_t{0}, items.size(), [&](size_t i) { items[i] = 2 * items[i] + 1; });
    });
  });
}

void parallel_sort(Run& run) {
  const auto runtime = start_runtime(run);
  measure_sort(run, [&](std::vector<uint64_t>& numbers) {
    return on_worker(*runtime, [&] { sched::parallel_sort(numbers.begin(), numbers.end()); });
  });
}

void parallel_reduce(Run& run) {
  const auto runtime = start_runtime(run);
  measure_reduce(run, [&](const std::vector<uint32_t>& items) {
    return on_worker(*runtime, [&] {
      return sched::parallel_reduce(
          size_t{0}, items.size(), uint64_t{0},
          [&](size_t i) { return static_cast<uint64_t>(items[i]); }, std::plus<>());
    });
  });
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

// Two that stay on their worker, as those of a LocalSet do.
void yield_two(Run& run) {
  const auto runtime = start_runtime(run);
  run.measure(2 * run.count(), 2 * run.count(), [&] {
    const auto local = [&run](uint64_t) { return spawn_local(yield_often(run.count())); };
    return std::move(*runtime->spawn_on(0, spawn_and_join(2, local))).join();
  });
}

// Ten that any worker may run.
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

// --- Priorities. ---

// Tasks of low priority that compute for a microsecond and yield, until they are told to end.
class Flood {
 public:
  static constexpr size_t kTasks = 200;

  explicit Flood(Runtime& runtime) : runtime_(runtime) {
    for (size_t i = 0; i < kTasks; ++i) {
      CHECK_OK(runtime.block_on(start(done_[i])));
    }
  }
  ~Flood() {
    ended_.store(true, std::memory_order_relaxed);
    while (runtime_.live_tasks() > 0) std::this_thread::yield();  // they refer to this
  }

  // How much they get done a nanosecond while `work` runs.
  template <class Work>
  double rate_during(const Work& work) const {
    const uint64_t before = sum();
    const Clock::time_point start = Clock::now();
    work();
    return static_cast<double>(sum() - before) / ns_between(start, Clock::now());
  }

 private:
  Task<absl::Status> start(std::atomic<uint64_t>& done) {
    co_return sched::spawn_detached(compute(done), sched::Priority::kLow);
  }

  Task<void> compute(std::atomic<uint64_t>& done) {
    while (!ended_.load(std::memory_order_relaxed)) {
      spin_for(std::chrono::microseconds(1));
      done.store(done.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);  // its own
      co_await task::yield();
    }
  }

  uint64_t sum() const {
    uint64_t sum = 0;
    for (const auto& done : done_) sum += done.load(std::memory_order_relaxed);
    return sum;
  }

  Runtime& runtime_;
  std::atomic<bool> ended_{false};
  std::array<std::atomic<uint64_t>, kTasks> done_{};
};

void high_priority(Run& run) {
  const auto runtime = start_runtime(run);
  const Flood flood(*runtime);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const double alone = flood.rate_during(
      [&] { std::this_thread::sleep_for(std::chrono::milliseconds(run.count())); });
  double beside = 0;
  run.measure_latencies([&] {
    std::vector<double> latencies;
    beside = flood.rate_during([&] {
      for (uint64_t i = 0; i < run.count(); ++i) {
        std::this_thread::sleep_for(kCalm);
        const Clock::time_point posted = Clock::now();
        auto handle = *runtime->spawn(now(), sched::Priority::kHigh);
        latencies.push_back(ns_between(posted, std::move(handle).join()));
      }
    });
    return latencies;
  });
  run.note("low_share", beside / alone);
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
    {"coroutine_fib", coroutine_fib},
    {"create_and_yield", measure_creations<8>},
    {"create_and_yield_9000", measure_creations<9000>},
    {"fork_join", fork_join},
    {"high_priority", high_priority},
    {"idle_cpu", idle_cpu},
    {"idle_wake", idle_wake},
    {"memory", memory},
    {"parallel_for", parallel_for},
    {"parallel_reduce", parallel_reduce},
    {"parallel_sort", parallel_sort},
    {"scope_loop", scope_loop},
    {"spawn_join", spawn_join},
    {"spawn_local", spawn_local_join},
    {"spawn_local_run", spawn_local_run},
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
