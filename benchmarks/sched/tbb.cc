// oneTBB: task_group, parallel_invoke and the algorithms, in an arena of its own.
//
// The calling thread is one of the workers, as TBB means it; only for what comes from outside the
// arena has no place for it. Built by name only, since it wants Debian's package libtbb-dev.
#include <tbb/blocked_range.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/parallel_invoke.h>
#include <tbb/parallel_reduce.h>
#include <tbb/parallel_sort.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "annulet/benchmarks/sched/driver.h"
#include "annulet/benchmarks/sched/outside.h"
#include "annulet/benchmarks/sched/workloads.h"

namespace annulet::bench {
namespace {

// Workers of whom the caller is one.
class Workers {
 public:
  explicit Workers(const Run& run)
      : most_(tbb::global_control::max_allowed_parallelism, run.workers()),
        arena_(static_cast<int>(run.workers())) {}

  template <class Function>
  auto operator()(const Function& function) {
    return arena_.execute(function);
  }

 private:
  tbb::global_control most_;
  tbb::task_arena arena_;
};

// Workers of whom the caller is none.
class OtherWorkers {
 public:
  explicit OtherWorkers(const Run& run)
      : most_(tbb::global_control::max_allowed_parallelism, run.workers() + 1),
        arena_(static_cast<int>(run.workers()), /*reserved_for_masters=*/0) {}

  template <class Function>
  void post(const Function& function) {
    arena_.enqueue(function);
  }

 private:
  tbb::global_control most_;
  tbb::task_arena arena_;
};

void spawn_join(Run& run) {
  Workers workers(run);
  measure_tasks(run, [&](std::vector<uint64_t>& results) {
    return workers([&] {
      Stopwatch watch;
      tbb::task_group group;
      for (uint64_t i = 0; i < results.size(); ++i) {
        group.run([&results, i] { results[i] = i; });
      }
      group.wait();
      return watch.stop();
    });
  });
}

uint64_t fork(uint64_t n) {
  if (n < 2) return n;
  uint64_t left = 0, right = 0;
  tbb::parallel_invoke([&] { left = fork(n - 1); }, [&] { right = fork(n - 2); });
  return left + right;
}

// What waits there blocks a worker, which helps others meanwhile; TBB has no coroutines.
uint64_t fork_group(uint64_t n) {
  if (n < 2) return n;
  uint64_t right = 0;
  tbb::task_group group;
  group.run([&right, n] { right = fork_group(n - 2); });
  const uint64_t left = fork_group(n - 1);
  group.wait();
  return left + right;
}

template <uint64_t (*kFork)(uint64_t)>
void measure_forks(Run& run) {
  Workers workers(run);
  measure_fibonacci(run, [&](uint64_t n) {
    return workers([&] {
      Stopwatch watch;
      return watch.stop(kFork(n));
    });
  });
}

void parallel_for(Run& run) {
  Workers workers(run);
  measure_for(run, [&](std::vector<uint32_t>& items) {
    return workers([&] {
      Stopwatch watch;
      tbb::parallel_for(tbb::blocked_range<size_t>(0, items.size()), [&](const auto& range) {
        for (size_t i = range.begin(); i < range.end(); ++i) items[i] = 2 * items[i] + 1;
      });
      return watch.stop();
    });
  });
}

void parallel_sort(Run& run) {
  Workers workers(run);
  measure_sort(run, [&](std::vector<uint64_t>& numbers) {
    return workers([&] {
      Stopwatch watch;
      tbb::parallel_sort(numbers.begin(), numbers.end());
      return watch.stop();
    });
  });
}

void parallel_reduce(Run& run) {
  Workers workers(run);
  measure_reduce(run, [&](const std::vector<uint32_t>& items) {
    return workers([&] {
      Stopwatch watch;
      return watch.stop(tbb::parallel_reduce(
          tbb::blocked_range<size_t>(0, items.size()), uint64_t{0},
          [&](const auto& range, uint64_t sum) {
            for (size_t i = range.begin(); i < range.end(); ++i) sum += items[i];
            return sum;
          },
          std::plus<>()));
    });
  });
}

constexpr CaseEntry kCases[] = {
    {"busy_spawn", on<OtherWorkers, measure_busy_spawn>},
    {"coroutine_fib", measure_forks<fork_group>},
    {"fork_join", measure_forks<fork>},
    {"idle_cpu", on<OtherWorkers, measure_idle_cpu>},
    {"idle_wake", on<OtherWorkers, measure_idle_wake>},
    {"parallel_for", parallel_for},
    {"parallel_reduce", parallel_reduce},
    {"parallel_sort", parallel_sort},
    {"scope_loop", spawn_join},  // a task_group has no handles
    {"spawn_join", spawn_join},
    {"spawn_outside", on<OtherWorkers, measure_posts>},
};

}  // namespace
}  // namespace annulet::bench

int main(int argc, char** argv) {
  return annulet::bench::run_contestant(argc, argv, "tbb", annulet::bench::kCases);
}
