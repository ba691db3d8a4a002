// Every topology with every wait strategy: random batches, cancelled claims, early releases, and
// sequences that pass 2^63. Nothing is lost, repeated or reordered.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "annulet/ring/ring.h"
#include "annulet/ring/work_group.h"
#include "annulet/wait/strategy.h"
#include "gtest/gtest.h"

namespace annulet::ring {
namespace {

constexpr uint64_t kProducers = 3;  // where there may be several
constexpr size_t kCapacity = 32;

// So many events of each producer. Who spins on a core that others need takes a time slice for each
// hand-over.
template <class Wait>
constexpr uint64_t kEvents = 3'000;
template <>
constexpr uint64_t kEvents<wait::BusySpinWait> = 200;
template <>
constexpr uint64_t kEvents<wait::PauseWait> = 200;

struct Event {
  uint64_t producer = 0;
  uint64_t number = 0;
  std::atomic<int> handlings = 0;  // by all readers, in this lap
};

// So many parallel consumers, or workers of a group.
struct Stage {
  size_t readers;
  bool group = false;
};

struct Topology {
  std::string name;
  std::vector<Stage> stages;
};

const std::vector<Topology>& topologies() {
  static const auto* all = new std::vector<Topology>{
      {"unicast", {{1}}},
      {"pipeline", {{1}, {1}, {1}}},
      {"multicast", {{3}}},
      {"diamond", {{1}, {2}, {1}}},
      {"group", {{.readers = 3, .group = true}}},
      {"group between stages", {{1}, {.readers = 2, .group = true}, {1}}},
  };
  return *all;
}

// The events of each producer come in order, without a gap; a worker sees a part of them.
class OrderCheck {
 public:
  explicit OrderCheck(bool whole) : whole_(whole) {}

  void see(const Event& event) {
    uint64_t& next = next_[event.producer];
    if (whole_ ? event.number != next : event.number < next) ++wrong_;
    next = event.number + 1;
    ++seen_;
  }

  uint64_t wrong() const { return wrong_; }
  uint64_t seen() const { return seen_; }

 private:
  const bool whole_;
  uint64_t next_[kProducers] = {};
  uint64_t wrong_ = 0;
  uint64_t seen_ = 0;
};

template <class R>
void produce(R& ring, uint64_t producer, uint64_t events, uint64_t seed) {
  std::mt19937_64 random(seed + producer);
  for (uint64_t number = 0; number < events;) {
    if (random() % 16 == 0) ring.claim(1 + random() % 4).cancel();
    const size_t most = std::min<uint64_t>(events - number, kCapacity);
    const size_t count = random() % 4 == 0 ? 1 + random() % most : 1;
    auto claim =
        random() % 8 == 0 ? ring.claim_for(std::chrono::hours(1), count) : ring.claim(count);
    for (Event& event : claim) {
      event.producer = producer;
      event.number = number++;
      event.handlings.store(0, std::memory_order_relaxed);
    }
    claim.publish();
  }
}

// `before`: how often an event has been handled when it gets here.
template <class Wait, class Reader>
void consume(Reader& reader, int before, OrderCheck& check, std::atomic<uint64_t>& too_early,
             uint64_t seed) {
  std::mt19937_64 random(seed);
  Wait strategy;
  while (reader.wait(strategy) == Wake::kReady) {
    const auto batch = reader.take(1 + random() % kCapacity);
    size_t released = 0;
    size_t handled = 0;
    for (Event& event : batch) {
      check.see(event);
      if (event.handlings.fetch_add(1, std::memory_order_relaxed) < before) ++too_early;
      ++handled;
      if (random() % 8 == 0) {
        reader.release(handled - released);
        released = handled;
      }
    }
    reader.release(handled - released);
  }
}

template <class R, class Wait>
class Soak {
 public:
  Soak(const Topology& topology, uint64_t seed)
      : seed_(seed), ring_({.capacity = kCapacity, .first_sequence = kFirst}, make_event()) {
    std::vector<internal::Upstream<R>> after;
    int before = 0;
    for (const Stage& stage : topology.stages) {
      after = stage.group ? add_group(stage.readers, before, after)
                          : add_consumers(stage.readers, before, after);
      before += stage.group ? 1 : static_cast<int>(stage.readers);
    }
  }

  void run() {
    std::vector<std::thread> threads;
    for (uint64_t producer = 0; producer < producers(); ++producer) {
      threads.emplace_back([this, producer] { produce(ring_, producer, kEvents<Wait>, seed_); });
    }
    std::vector<std::thread> readers;
    for (auto& body : bodies_) readers.emplace_back(body);
    for (std::thread& thread : threads) thread.join();
    ring_.close();
    for (std::thread& thread : readers) thread.join();
    EXPECT_EQ(too_early_, 0u);
    for (const OrderCheck& check : checks_) EXPECT_EQ(check.wrong(), 0u);
    for (const auto& readers_of_all : stages_) {
      uint64_t seen = 0;
      for (const OrderCheck* check : readers_of_all) seen += check->seen();
      EXPECT_EQ(seen, producers() * kEvents<Wait>);
    }
  }

  ~Soak() {
    while (!consumers_.empty()) consumers_.pop_back();
  }

 private:
  static constexpr Sequence kFirst = (Sequence{1} << 63) - 100;

  static auto make_event() {
    return [](size_t) { return Event(); };
  }
  static constexpr uint64_t producers() { return R::kManyProducers ? kProducers : 1; }

  OrderCheck& new_check(bool whole) { return checks_.emplace_back(whole); }

  std::vector<internal::Upstream<R>> add_consumers(
      size_t count, int before, const std::vector<internal::Upstream<R>>& after) {
    std::vector<internal::Upstream<R>> stage;
    for (size_t number = 0; number < count; ++number) {
      auto consumer = std::make_shared<typename R::Consumer>(*ring_.add_consumer({.after = after}));
      stage.push_back(*consumer);
      OrderCheck& check = new_check(true);
      stages_.push_back({&check});
      bodies_.push_back([this, &consumer = *consumer, before, &check, seed = ++seed_] {
        consume<Wait>(consumer, before, check, too_early_, seed);
      });
      consumers_.push_back(std::move(consumer));
    }
    return stage;
  }

  std::vector<internal::Upstream<R>> add_group(size_t count, int before,
                                               const std::vector<internal::Upstream<R>>& after) {
    auto group = std::make_shared<typename R::WorkGroup>(
        *ring_.add_work_group({.workers = count, .after = after}));
    stages_.emplace_back();
    for (size_t number = 0; number < count; ++number) {
      OrderCheck& check = new_check(false);
      stages_.back().push_back(&check);
      bodies_.push_back([this, &worker = group->worker(number), before, &check, seed = ++seed_] {
        consume<Wait>(worker, before, check, too_early_, seed);
      });
    }
    consumers_.push_back(group);
    return {*group};
  }

  uint64_t seed_;
  R ring_;
  std::deque<OrderCheck> checks_;
  std::vector<std::vector<const OrderCheck*>> stages_;  // whose readers see all events together
  std::vector<std::function<void()>> bodies_;
  std::vector<std::shared_ptr<void>> consumers_;
  std::atomic<uint64_t> too_early_ = 0;
};

template <class Wait>
class SoakTest : public ::testing::Test {};

using EagerWait = wait::PhasedWait<wait::YieldWait, wait::BlockWait>;
using Strategies =
    ::testing::Types<wait::BusySpinWait, wait::PauseWait, wait::YieldWait, wait::SleepWait,
                     wait::BlockWait, wait::TimedBlockWait, EagerWait>;
TYPED_TEST_SUITE(SoakTest, Strategies);

template <class R, class Wait>
void soak_all() {
  const uint64_t seed = std::random_device()();
  for (const Topology& topology : topologies()) {
    SCOPED_TRACE(topology.name + ", seed " + std::to_string(seed));
    Soak<R, Wait>(topology, seed).run();
  }
}

TYPED_TEST(SoakTest, OneProducerLosesRepeatsAndReordersNothing) {
  soak_all<Ring<Event>, TypeParam>();
}

TYPED_TEST(SoakTest, OneProducerInADenseRingLosesRepeatsAndReordersNothing) {
  soak_all<Ring<Event, SingleProducer, Dense>, TypeParam>();
}

TYPED_TEST(SoakTest, SeveralProducersLoseRepeatAndReorderNothing) {
  soak_all<Ring<Event, MultiProducer>, TypeParam>();
}

}  // namespace
}  // namespace annulet::ring
