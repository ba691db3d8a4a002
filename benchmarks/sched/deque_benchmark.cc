// What the owner and a thief pay for an item, beside the cheapest way to order a store before a
// load.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdint>

#include "annulet/sched/deque.h"
#include "annulet/wait/cache_line.h"
#include "annulet/wait/sync.h"

namespace annulet::sched {
namespace {

void PushAndPop(benchmark::State& state) {
  Deque<void*> deque;
  deque.push_bottom(&state);
  for (auto iteration : state) {
    deque.push_bottom(&state);
    benchmark::DoNotOptimize(deque.pop_bottom());
  }
}
BENCHMARK(PushAndPop);

void PushAndPopTheLastItem(benchmark::State& state) {
  Deque<void*> deque;
  for (auto iteration : state) {
    deque.push_bottom(&state);
    benchmark::DoNotOptimize(deque.pop_bottom());
  }
}
BENCHMARK(PushAndPopTheLastItem);

void PushAndSteal(benchmark::State& state) {
  Deque<void*> deque;
  for (auto iteration : state) {
    deque.push_bottom(&state);
    benchmark::DoNotOptimize(deque.steal());
  }
}
BENCHMARK(PushAndSteal);

void PopFromAnEmptyDeque(benchmark::State& state) {
  Deque<void*> deque;
  for (auto iteration : state) benchmark::DoNotOptimize(deque.pop_bottom());
}
BENCHMARK(PopFromAnEmptyDeque);

// --- Floors of a pop: a store, ordered before a load. ---

struct Ends {
  alignas(wait::kCacheLine) std::atomic<int64_t> bottom{0};
  alignas(wait::kCacheLine) std::atomic<int64_t> top{0};
};

void ExchangeThenLoad(benchmark::State& state) {
  Ends ends;
  for (auto iteration : state) {
    ends.bottom.exchange(1, std::memory_order_seq_cst);
    benchmark::DoNotOptimize(ends.top.load(std::memory_order_seq_cst));
  }
}
BENCHMARK(ExchangeThenLoad);

void StoreAndFenceThenLoad(benchmark::State& state) {
  Ends ends;
  for (auto iteration : state) {
    ends.bottom.store(1, std::memory_order_release);
    wait::RealSync::fence(std::memory_order_seq_cst);
    benchmark::DoNotOptimize(ends.top.load(std::memory_order_relaxed));
  }
}
BENCHMARK(StoreAndFenceThenLoad);

}  // namespace
}  // namespace annulet::sched
