// OpenMP, as LLVM or GCC have it: tasks of a team, and its loops.
//
// LLVM's runs a task at once where 256 wait; that is its way to be fast. Built by name only, since
// it wants Debian's package libomp-19-dev.
#include <omp.h>

#include <cstdint>
#include <vector>

#include "annulet/benchmarks/sched/driver.h"
#include "annulet/benchmarks/sched/workloads.h"

namespace annulet::bench {
namespace {

// Runs `function` on one thread of a team, whose others take its tasks.
template <class Function>
Taken in_team(const Run& run, const Function& function) {
  Taken taken;
#pragma omp parallel num_threads(static_cast<int>(run.workers()))
#pragma omp single
  taken = function();
  return taken;
}

void spawn_join(Run& run) {
  measure_tasks(run, [&](std::vector<uint64_t>& results) {
    uint64_t* const data = results.data();
    return in_team(run, [&] {
      Stopwatch watch;
      for (uint64_t i = 0; i < results.size(); ++i) {
#pragma omp task firstprivate(i, data)
        data[i] = i;
      }
#pragma omp taskwait
      return watch.stop();
    });
  });
}

void scope_loop(Run& run) {
  measure_tasks(run, [&](std::vector<uint64_t>& results) {
    uint64_t* const data = results.data();
    return in_team(run, [&] {
      Stopwatch watch;
#pragma omp taskgroup
      for (uint64_t i = 0; i < results.size(); ++i) {
#pragma omp task firstprivate(i, data)
        data[i] = i;
      }
      return watch.stop();
    });
  });
}

uint64_t fork(uint64_t n) {
  if (n < 2) return n;
  uint64_t left = 0;
#pragma omp task shared(left) firstprivate(n)
  left = fork(n - 1);
  const uint64_t right = fork(n - 2);
#pragma omp taskwait
  return left + right;
}

void fork_join(Run& run) {
  measure_fibonacci(run, [&](uint64_t n) {
    return in_team(run, [n] {
      Stopwatch watch;
      return watch.stop(fork(n));
    });
  });
}

void parallel_for(Run& run) {
  measure_for(run, [&](std::vector<uint32_t>& items) {
    const size_t size = items.size();
    uint32_t* const data = items.data();
    Stopwatch watch;
#pragma omp parallel for num_threads(static_cast<int>(run.workers()))
    for (size_t i = 0; i < size; ++i) data[i] = 2 * data[i] + 1;
    return watch.stop();
  });
}

void parallel_reduce(Run& run) {
  measure_reduce(run, [&](const std::vector<uint32_t>& items) {
    const size_t size = items.size();
    const uint32_t* const data = items.data();
    uint64_t sum = 0;
    Stopwatch watch;
#pragma omp parallel for reduction(+ : sum) num_threads(static_cast<int>(run.workers()))
    for (size_t i = 0; i < size; ++i) sum += data[i];
    return watch.stop(sum);
  });
}

constexpr CaseEntry kCases[] = {
    {"fork_join", fork_join},
    {"parallel_for", parallel_for},
    {"parallel_reduce", parallel_reduce},
    {"scope_loop", scope_loop},
    {"spawn_join", spawn_join},
};

}  // namespace
}  // namespace annulet::bench

int main(int argc, char** argv) {
  return annulet::bench::run_contestant(argc, argv, "openmp", annulet::bench::kCases);
}
