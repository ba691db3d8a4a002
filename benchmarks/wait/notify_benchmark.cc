// What it costs to publish something when nobody sleeps on it, and to get ready to sleep.
#include <benchmark/benchmark.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

#include "annulet/wait/event_count.h"
#include "annulet/wait/sync.h"

namespace annulet::wait {
namespace {

// --- Publishing to nobody costs little more than the store. Floor: the store. ---

void PublishByAReleaseStore(benchmark::State& state) {
  std::atomic<int64_t> published{0};
  benchmark::DoNotOptimize(&published);  // others may look at it
  int64_t next = 0;
  for (auto iteration : state) {
    published.store(++next, std::memory_order_release);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(PublishByAReleaseStore);

template <class T>
void publish_and_notify(benchmark::State& state) {
  std::atomic<int64_t> published{0};
  benchmark::DoNotOptimize(&published);
  T event_count;
  int64_t next = 0;
  for (auto iteration : state) {
    published.store(++next, std::memory_order_release);
    event_count.notify();
    benchmark::ClobberMemory();
  }
}
void PublishAndNotifyAsymmetric(benchmark::State& state) {
  publish_and_notify<AsymmetricEventCount>(state);
}
BENCHMARK(PublishAndNotifyAsymmetric);

void PublishAndNotify(benchmark::State& state) { publish_and_notify<EventCount>(state); }
BENCHMARK(PublishAndNotify);

// The rival: a condition variable, whose notifier takes the lock.
void PublishUnderALockAndNotify(benchmark::State& state) {
  std::mutex mutex;
  std::condition_variable changed;
  int64_t next = 0;
  for (auto iteration : state) {
    {
      const std::lock_guard lock(mutex);
      ++next;
    }
    changed.notify_one();
    benchmark::ClobberMemory();
  }
  benchmark::DoNotOptimize(next);
}
BENCHMARK(PublishUnderALockAndNotify);

// --- What the waiter pays instead. ---

template <class T>
void prepare_and_cancel(benchmark::State& state) {
  T event_count;
  for (auto iteration : state) {
    benchmark::DoNotOptimize(event_count.prepare_wait());
    event_count.cancel_wait();
  }
}
void PrepareAndCancelAsymmetric(benchmark::State& state) {
  prepare_and_cancel<AsymmetricEventCount>(state);
}
BENCHMARK(PrepareAndCancelAsymmetric);

// The kernel interrupts the core of every other thread of the process that runs.
void PrepareAndCancelAsymmetricBesideABusyThread(benchmark::State& state) {
  std::atomic<bool> stop{false};
  std::thread busy([&] {
    while (!stop.load(std::memory_order_relaxed)) RealSync::pause();
  });
  prepare_and_cancel<AsymmetricEventCount>(state);
  stop.store(true, std::memory_order_relaxed);
  busy.join();
}
BENCHMARK(PrepareAndCancelAsymmetricBesideABusyThread);

void PrepareAndCancel(benchmark::State& state) { prepare_and_cancel<EventCount>(state); }
BENCHMARK(PrepareAndCancel);

}  // namespace
}  // namespace annulet::wait
