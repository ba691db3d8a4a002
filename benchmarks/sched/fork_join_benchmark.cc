// What a fork costs when nobody steals and when somebody may, and what parallel loops and sorts
// take beside their sequential twins.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <vector>

#include "annulet/sched/fork_join.h"
#include "annulet/sched/parallel.h"
#include "annulet/sched/parallel_sort.h"
#include "annulet/sched/testing/fork_join_crew.h"

namespace annulet::sched {
namespace {

// Longer than any pause between two iterations: the thieves stay awake.
constexpr int kAlwaysAwake = 1 << 30;

// --- A fork. Floor: the same calls without one. ---

constexpr unsigned kFib = 25;
constexpr int64_t kForks = 242'784;  // of fib(25)

uint64_t plain_fib(unsigned n) {
  if (n < 2) return n;
  const uint64_t first = plain_fib(n - 1);
  benchmark::ClobberMemory();  // or the compiler turns it into something else
  return first + plain_fib(n - 2);
}

uint64_t forked_fib(unsigned n) {
  if (n < 2) return n;
  const auto [first, second] =
      fork_join([=] { return forked_fib(n - 1); }, [=] { return forked_fib(n - 2); });
  return first + second;
}

void report_time_of_a_fork(benchmark::State& state) {
  state.counters["a fork"] =
      benchmark::Counter(static_cast<double>(kForks * state.iterations()),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void CallFibonacci(benchmark::State& state) {
  for (auto iteration : state) {
    unsigned n = kFib;
    benchmark::DoNotOptimize(n);
    benchmark::DoNotOptimize(plain_fib(n));
  }
  report_time_of_a_fork(state);
}
BENCHMARK(CallFibonacci)->Unit(benchmark::kMicrosecond)->UseRealTime();

// Argument: threads.
void ForkFibonacci(benchmark::State& state) {
  ForkJoinCrew crew(static_cast<size_t>(state.range(0)), kAlwaysAwake);
  crew.run([&] {
    for (auto iteration : state) benchmark::DoNotOptimize(forked_fib(kFib));
  });
  report_time_of_a_fork(state);
}
BENCHMARK(ForkFibonacci)->Arg(1)->Arg(2)->Unit(benchmark::kMicrosecond)->UseRealTime();

// --- A loop of five million trivial steps. Rival: the loop. ---

constexpr size_t kSteps = 5'000'000;

void Loop(benchmark::State& state) {
  std::vector<uint32_t> values(kSteps, 1);
  for (auto iteration : state) {
    for (size_t i = 0; i < kSteps; ++i) values[i] = values[i] * 3 + 1;
    benchmark::ClobberMemory();
  }
}
BENCHMARK(Loop)->Unit(benchmark::kMicrosecond)->UseRealTime();

void ParallelFor(benchmark::State& state) {
  ForkJoinCrew crew(static_cast<size_t>(state.range(0)), kAlwaysAwake);
  std::vector<uint32_t> values(kSteps, 1);
  crew.run([&] {
    for (auto iteration : state) {
      parallel_for(size_t{0}, kSteps, [&](size_t i) { values[i] = values[i] * 3 + 1; });
      benchmark::ClobberMemory();
    }
  });
}
BENCHMARK(ParallelFor)->Arg(1)->Arg(2)->Unit(benchmark::kMicrosecond)->UseRealTime();

void ParallelReduce(benchmark::State& state) {
  ForkJoinCrew crew(static_cast<size_t>(state.range(0)), kAlwaysAwake);
  const std::vector<uint32_t> values(kSteps, 1);
  crew.run([&] {
    for (auto iteration : state) {
      benchmark::DoNotOptimize(parallel_reduce(
          values.begin(), values.end(), uint32_t{0}, [](auto it) { return *it; }, std::plus<>()));
    }
  });
}
BENCHMARK(ParallelReduce)->Arg(1)->Arg(2)->Unit(benchmark::kMicrosecond)->UseRealTime();

// --- Sorting a million random numbers. Rival: std::sort. ---

std::vector<uint64_t> random_values() {
  std::mt19937_64 random(1);
  std::vector<uint64_t> values(1'000'000);
  std::generate(values.begin(), values.end(), std::ref(random));
  return values;
}

template <class Sort>
void sort_many(benchmark::State& state, const Sort& sort) {
  const std::vector<uint64_t> unsorted = random_values();
  std::vector<uint64_t> values;
  for (auto iteration : state) {
    state.PauseTiming();
    values = unsorted;
    state.ResumeTiming();
    sort(values);
  }
}

void StandardSort(benchmark::State& state) {
  sort_many(state, [](auto& values) { std::sort(values.begin(), values.end()); });
}
BENCHMARK(StandardSort)->Unit(benchmark::kMicrosecond)->UseRealTime();

void ParallelSort(benchmark::State& state) {
  ForkJoinCrew crew(static_cast<size_t>(state.range(0)), kAlwaysAwake);
  crew.run(
      [&] { sort_many(state, [](auto& values) { parallel_sort(values.begin(), values.end()); }); });
}
BENCHMARK(ParallelSort)->Arg(1)->Arg(2)->Unit(benchmark::kMicrosecond)->UseRealTime();

}  // namespace
}  // namespace annulet::sched
