// What the cases compute, the same for every contestant in C++: Fibonacci, items, numbers to sort.
//
// When: a case hands its scheduler's way of doing it to measure_*(), which prepares the data,
// repeats and checks. rivals/src/workloads.rs has the same numbers.
// Threads: main thread.
#ifndef ANNULET_BENCHMARKS_SCHED_WORKLOADS_H_
#define ANNULET_BENCHMARKS_SCHED_WORKLOADS_H_

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "annulet/benchmarks/sched/driver.h"

namespace annulet::bench {

// The sum of 0 .. n-1: what n tasks that return their numbers add up to.
constexpr uint64_t sum_below(uint64_t n) { return n * (n - 1) / 2; }

constexpr uint64_t fibonacci(uint64_t n) {
  uint64_t a = 0, b = 1;
  for (; n > 0; --n) b += std::exchange(a, b);
  return a;
}

// How often the plain recursion forks: once for each call with n >= 2.
constexpr uint64_t forks_of_fibonacci(uint64_t n) { return fibonacci(n + 1) - 1; }

// Numbers without order, always the same (splitmix64).
inline std::vector<uint64_t> unordered(uint64_t count) {
  std::vector<uint64_t> numbers(count);
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t z = (i + 1) * 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    numbers[i] = z ^ (z >> 31);
  }
  return numbers;
}

inline std::vector<uint32_t> ascending(uint64_t count) {
  std::vector<uint32_t> items(count);
  std::iota(items.begin(), items.end(), 0);
  return items;
}

// `compute(n)` returns what it took, and the n-th Fibonacci number.
template <class Compute>
void measure_fibonacci(Run& run, const Compute& compute) {
  const uint64_t n = run.count();
  run.measure(std::max<uint64_t>(forks_of_fibonacci(n), 1), fibonacci(n),
              [&] { return compute(n); });
}

// `double_all(items)` does x = 2 * x + 1 to each, and returns what it took.
template <class DoubleAll>
void measure_for(Run& run, const DoubleAll& double_all) {
  std::vector<uint32_t> items(run.count(), 1);
  run.measure(run.count(), run.count(), [&] {
    const uint32_t expected = 2 * items[0] + 1;
    Taken taken = double_all(items);
    taken.result = static_cast<uint64_t>(std::count(items.begin(), items.end(), expected));
    return taken;
  });
}

// `sort(numbers)` sorts them, and returns what it took.
template <class Sort>
void measure_sort(Run& run, const Sort& sort) {
  const std::vector<uint64_t> source = unordered(run.count());
  run.measure(run.count(), std::accumulate(source.begin(), source.end(), uint64_t{0}), [&] {
    std::vector<uint64_t> numbers = source;
    Taken taken = sort(numbers);
    run.check(std::is_sorted(numbers.begin(), numbers.end()), true);
    taken.result = std::accumulate(numbers.begin(), numbers.end(), uint64_t{0});
    return taken;
  });
}

// `add_up(items)` returns what it took, and the sum of them.
template <class AddUp>
void measure_reduce(Run& run, const AddUp& add_up) {
  const std::vector<uint32_t> items = ascending(run.count());
  run.measure(run.count(), sum_below(run.count()), [&] { return add_up(items); });
}

// `run_tasks(results)` runs a task for each i that stores i in results[i], and returns what it
// took. For tasks that have no result.
template <class RunTasks>
void measure_tasks(Run& run, const RunTasks& run_tasks) {
  run.measure(run.count(), sum_below(run.count()), [&] {
    std::vector<uint64_t> results(run.count());
    Taken taken = run_tasks(results);
    taken.result = std::accumulate(results.begin(), results.end(), uint64_t{0});
    return taken;
  });
}

}  // namespace annulet::bench

#endif  // ANNULET_BENCHMARKS_SCHED_WORKLOADS_H_
