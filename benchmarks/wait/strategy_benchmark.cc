// How long it takes from a change to the reaction, by wait strategy: two threads pass a turn to and
// fro. Each beside the floor, a bare spin on one atomic.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdint>
#include <thread>

#include "annulet/wait/strategy.h"

namespace annulet::wait {
namespace {

// One iteration is a round trip: two changes and two reactions.
template <class Wait, class Ring>
void pass_a_turn(benchmark::State& state, const Wait& wait, const Ring& ring) {
  std::atomic<int64_t> turn{0};  // even: ours
  std::atomic<bool> stop{false};
  std::thread other([&] {
    for (int64_t i = 1;; i += 2) {
      wait([&] { return turn.load(std::memory_order_acquire) >= i; });
      if (stop.load(std::memory_order_relaxed)) return;
      turn.store(i + 1, std::memory_order_release);
      ring();
    }
  });
  int64_t i = 0;
  for (auto iteration : state) {
    turn.store(++i, std::memory_order_release);
    ring();
    ++i;
    wait([&] { return turn.load(std::memory_order_acquire) >= i; });
  }
  stop.store(true, std::memory_order_relaxed);
  turn.store(++i, std::memory_order_release);
  ring();
  other.join();
}

void RoundTripOfABareSpin(benchmark::State& state) {
  pass_a_turn(
      state,
      [](const auto& ready) {
        while (!ready()) {
        }
      },
      [] {});
}
BENCHMARK(RoundTripOfABareSpin)->UseRealTime();

template <class Strategy>
void round_trip(benchmark::State& state) {
  Bell bell;
  pass_a_turn(
      state,
      [&](const auto& ready) {
        thread_local Strategy strategy;
        strategy.wait(ready, bell, kNever);
      },
      [&] { bell.notify_all(); });
}

void RoundTripByBusySpinWait(benchmark::State& state) { round_trip<BusySpinWait>(state); }
BENCHMARK(RoundTripByBusySpinWait)->UseRealTime();

void RoundTripByPauseWait(benchmark::State& state) { round_trip<PauseWait>(state); }
BENCHMARK(RoundTripByPauseWait)->UseRealTime();

void RoundTripByYieldWait(benchmark::State& state) { round_trip<YieldWait>(state); }
BENCHMARK(RoundTripByYieldWait)->UseRealTime();

void RoundTripBySleepWait(benchmark::State& state) { round_trip<SleepWait>(state); }
BENCHMARK(RoundTripBySleepWait)->UseRealTime();

void RoundTripByBlockWait(benchmark::State& state) { round_trip<BlockWait>(state); }
BENCHMARK(RoundTripByBlockWait)->UseRealTime();

void RoundTripByPauseThenBlock(benchmark::State& state) {
  round_trip<PhasedWait<PauseWait, BlockWait>>(state);
}
BENCHMARK(RoundTripByPauseThenBlock)->UseRealTime();

}  // namespace
}  // namespace annulet::wait
