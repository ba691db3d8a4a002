// What it costs to publish an event where consumers would sleep, while none does.
//
// One thread does it all: it publishes, and lets the events go each half of a ring, so that it
// never waits. A case is the time of one event.
#include <benchmark/benchmark.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>

#include "annulet/benchmarks/ring/event.h"
#include "annulet/ring/ring.h"
#include "annulet/wait/cache_line.h"
#include "annulet/wait/deadline.h"
#include "annulet/wait/event_count.h"
#include "annulet/wait/parker.h"
#include "annulet/wait/strategy.h"
#include "annulet/wait/sync.h"

namespace annulet {
namespace bench {
namespace {

// A policy under which a ring has no bell, and is the same otherwise.
struct SilentSync : wait::RealSync {};

}  // namespace
}  // namespace bench

namespace wait {

template <>
class BasicEventCount<bench::SilentSync, AsymmetricFence<bench::SilentSync>> {
 public:
  using Key = uint32_t;

  BasicEventCount() { RealSync::prepare_asymmetric_fences(); }
  Key prepare_wait() { std::abort(); }  // nobody waits here
  void cancel_wait() {}
  bool commit_wait(Key, Parker&, Deadline) { return true; }
  void notify(size_t = 1) {}
  void notify_all() {}
  uint32_t rings() const { return 0; }

 private:
  [[maybe_unused]] std::array<std::byte, sizeof(Bell)> where_the_bell_is_;
};

}  // namespace wait

namespace bench {
namespace {

constexpr size_t kCapacity = 1024;

// The least that publishing can be: the event, and how many there are.
template <class E>
struct BareRing {
  BareRing() { benchmark::DoNotOptimize(this); }  // others may look at it

  bool has_room() {
    if (tail - head_seen < kCapacity) return true;
    head_seen = head.load(std::memory_order_acquire);
    return tail - head_seen < kCapacity;
  }

  void write(uint64_t number) { slots[tail++ & (kCapacity - 1)].set(number); }
  void publish() { published.store(tail, std::memory_order_release); }
  void release_all() { head.store(tail, std::memory_order_release); }

  std::unique_ptr<E[]> slots = std::make_unique<E[]>(kCapacity);
  alignas(2 * wait::kCacheLine) uint64_t tail = 0;
  uint64_t head_seen = 0;
  alignas(2 * wait::kCacheLine) std::atomic<uint64_t> published{0};
  alignas(2 * wait::kCacheLine) std::atomic<uint64_t> head{0};
};

// Runs publish(number) for each event, and release() after each half of a ring.
template <class Publish, class Release>
void run(benchmark::State& state, const Publish& publish, const Release& release) {
  uint64_t number = 0;
  while (state.KeepRunningBatch(kCapacity / 2)) {
    for (size_t i = 0; i < kCapacity / 2; ++i) {
      publish(number++);
      benchmark::ClobberMemory();
    }
    release();
  }
}

// --- Publishing to nobody asleep costs at most 1.3 times a release store. Floors: the store, and a
// ring of two indices that looks for room. ---

template <class E>
void WriteAndStore(benchmark::State& state) {
  BareRing<E> ring;
  run(
      state,
      [&](uint64_t number) {
        ring.write(number);
        ring.publish();
      },
      [&] { ring.release_all(); });
}
BENCHMARK(WriteAndStore<Event<8>>);
BENCHMARK(WriteAndStore<Event<64>>);

// With `notify` after each event.
template <class E, class Notify>
void publish_barely(benchmark::State& state, const Notify& notify) {
  BareRing<E> ring;
  run(
      state,
      [&](uint64_t number) {
        if (!ring.has_room()) return state.SkipWithError("full");
        ring.write(number);
        ring.publish();
        notify();
      },
      [&] { ring.release_all(); });
}
template <class E>
void BareRingOfTwoIndices(benchmark::State& state) {
  publish_barely<E>(state, [] {});
}
BENCHMARK(BareRingOfTwoIndices<Event<8>>);
BENCHMARK(BareRingOfTwoIndices<Event<64>>);

template <class E, class Layout, class Sync>
void publish_by_ring(benchmark::State& state) {
  ring::Ring<E, ring::SingleProducer, Layout, Sync> ring({.capacity = kCapacity});
  benchmark::DoNotOptimize(&ring);
  auto consumer = ring.add_consumer();
  run(
      state,
      [&](uint64_t number) {
        auto claim = ring.template claim<wait::BasicPauseWait<Sync>>();
        if (!claim) return state.SkipWithError("closed");
        claim->set(number);
        claim.publish();
      },
      [&] {
        consumer->take();
        consumer->release();
      });
}
template <class E, class Layout>
void Ring(benchmark::State& state) {
  publish_by_ring<E, Layout, wait::RealSync>(state);
}
BENCHMARK(Ring<Event<8>, ring::Slots>);
BENCHMARK(Ring<Event<8>, ring::Dense>);
BENCHMARK(Ring<Event<64>, ring::Slots>);
BENCHMARK(Ring<Event<64>, ring::Dense>);

// --- What the bell is of that: the same ring without it. ---

template <class E, class Layout>
void RingWithoutABell(benchmark::State& state) {
  publish_by_ring<E, Layout, SilentSync>(state);
}
BENCHMARK(RingWithoutABell<Event<8>, ring::Slots>);
BENCHMARK(RingWithoutABell<Event<8>, ring::Dense>);
BENCHMARK(RingWithoutABell<Event<64>, ring::Slots>);
BENCHMARK(RingWithoutABell<Event<64>, ring::Dense>);

// --- Other ways to wake who may sleep, behind the ring of two indices. ---

void BareRingAndAsymmetricEventCount(benchmark::State& state) {
  wait::AsymmetricEventCount event_count;
  publish_barely<Event<8>>(state, [&] { event_count.notify_all(); });
}
BENCHMARK(BareRingAndAsymmetricEventCount);

void BareRingAndEventCount(benchmark::State& state) {
  wait::EventCount event_count;
  publish_barely<Event<8>>(state, [&] { event_count.notify_all(); });
}
BENCHMARK(BareRingAndEventCount);

// As a condition variable needs it: whoever is about to sleep holds the lock while he looks.
void BareRingAndLockAndNotify(benchmark::State& state) {
  std::mutex mutex;
  std::condition_variable changed;
  publish_barely<Event<8>>(state, [&] {
    {
      const std::lock_guard lock(mutex);
    }
    changed.notify_all();
  });
}
BENCHMARK(BareRingAndLockAndNotify);

}  // namespace
}  // namespace bench
}  // namespace annulet
