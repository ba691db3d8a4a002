// The floor: one thread without a scheduler. A fork is a call, a loop a loop.
#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "annulet/benchmarks/sched/driver.h"
#include "annulet/benchmarks/sched/workloads.h"

namespace annulet::bench {
namespace {

[[gnu::noinline]] uint64_t recursive_fibonacci(uint64_t n) {
  return n < 2 ? n : recursive_fibonacci(n - 1) + recursive_fibonacci(n - 2);
}

void fork_join(Run& run) {
  measure_fibonacci(run, [](uint64_t n) {
    Stopwatch watch;
    return watch.stop(recursive_fibonacci(n));
  });
}

void parallel_for(Run& run) {
  measure_for(run, [](std::vector<uint32_t>& items) {
    Stopwatch watch;
    for (uint32_t& item : items) item = 2 * item + 1;
    return watch.stop();
  });
}

void parallel_sort(Run& run) {
  measure_sort(run, [](std::vector<uint64_t>& numbers) {
    Stopwatch watch;
    std::sort(numbers.begin(), numbers.end());
    return watch.stop();
  });
}

void parallel_reduce(Run& run) {
  measure_reduce(run, [](const std::vector<uint32_t>& items) {
    Stopwatch watch;
    return watch.stop(std::accumulate(items.begin(), items.end(), uint64_t{0}));
  });
}

constexpr CaseEntry kCases[] = {
    {"fork_join", fork_join},
    {"parallel_for", parallel_for},
    {"parallel_reduce", parallel_reduce},
    {"parallel_sort", parallel_sort},
};

}  // namespace
}  // namespace annulet::bench

int main(int argc, char** argv) {
  return annulet::bench::run_contestant(argc, argv, "serial", annulet::bench::kCases);
}
