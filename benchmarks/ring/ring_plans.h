// Makes every topology from Annulet's ring: one ring for all stages, or two for a pingpong.
//
// The code is what a user of ring/ring.h would write. It is a template over layout, event and wait
// strategy, so that the loops are compiled for each.
#ifndef ANNULET_BENCHMARKS_RING_RING_PLANS_H_
#define ANNULET_BENCHMARKS_RING_RING_PLANS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "annulet/benchmarks/ring/driver.h"
#include "annulet/benchmarks/ring/event.h"
#include "annulet/benchmarks/ring/options.h"
#include "annulet/ring/ring.h"
#include "annulet/wait/strategy.h"

namespace annulet::bench {
namespace internal {

// A ring and its consumers, each on lines of its own: every thread writes to its consumer.
template <class Ring, class Strategy>
class Rig {
 public:
  struct alignas(128) Reader {
    typename Ring::Consumer consumer;
    Strategy strategy;
  };

  explicit Rig(size_t capacity) : ring({.capacity = capacity}) {}
  ~Rig() {
    while (!readers_.empty()) readers_.pop_back();  // the last to join leaves first
  }

  Reader& add_reader(const std::vector<const Reader*>& after = {}) {
    ring::ConsumerOptions<Ring> options;
    for (const Reader* reader : after) options.after.push_back(reader->consumer);
    readers_.emplace_back(
        new Reader{.consumer = *ring.add_consumer(options), .strategy = Strategy()});
    return *readers_.back();
  }

  Ring ring;

 private:
  std::vector<std::unique_ptr<Reader>> readers_;
};

// Calls use(event) for each event of a claim or of a batch; by spans where the layout has them.
template <class Ring, class Events, class Use>
void for_each(const Events& events, const Use& use) {
  if constexpr (!Ring::Array::kMarks) {
    for (const auto& span : events.spans()) {
      for (auto& event : span) use(event);
    }
  } else {
    for (auto& event : events) use(event);
  }
}

// Publishes events with the numbers from 0 on, `batch` at a time. Stops early only if the ring is
// closed.
template <class Strategy, class Ring>
void send(Ring& ring, uint64_t count, size_t batch) {
  if (batch == 1) {
    for (uint64_t i = 0; i < count; ++i) {
      auto claim = ring.template claim<Strategy>();
      if (!claim) return;
      claim->set(i);
      claim.publish();
    }
    return;
  }
  for (uint64_t sent = 0; sent < count;) {
    auto claim = ring.template claim<Strategy>(std::min<uint64_t>(batch, count - sent));
    if (!claim) return;
    for_each<Ring>(claim, [&sent](auto& event) { event.set(sent++); });
    claim.publish();
  }
}

// Sees `count` events, and returns their sum. Lets go of a quarter of the ring at the latest, so
// that the producer can go on.
template <class Ring, class Reader, class See>
uint64_t receive(const Ring& ring, Reader& reader, uint64_t count, const See& see) {
  const size_t most = std::max<size_t>(ring.capacity() / 4, 1);
  uint64_t sum = 0;
  for (uint64_t seen = 0; seen < count;) {
    if (reader.consumer.wait(reader.strategy) != ring::Wake::kReady) return sum;
    const auto batch = reader.consumer.take(most);
    for_each<Ring>(batch, [&](auto& event) { sum += see(event); });
    seen += batch.size();
    reader.consumer.release();
  }
  return sum;
}

template <class E, class Producers, class Layout, class Strategy>
class RingPlan {
 public:
  explicit RingPlan(const Options& options) : options_(options) {}

  Plan make() {
    switch (options_.topology) {
      case Topology::kUnicast:
        add_producer();
        add_consumer({}, 0);
        break;
      case Topology::kPipeline: {
        add_producer();
        const Reader* before = &add_stage({}, 1);
        before = &add_stage({before}, 2);
        add_stage({before}, 3);
        break;
      }
      case Topology::kMulticast:
        add_producer();
        for (int i = 0; i < 3; ++i) add_consumer({}, 0);
        break;
      case Topology::kDiamond: {
        add_producer();
        const Reader& left = add_consumer({}, 0);
        const Reader& right = add_consumer({}, 0);
        add_consumer({&left, &right}, 0);
        break;
      }
      case Topology::kProducers:
        add_producers();
        break;
      case Topology::kPingpong:
        add_pingpong();
        break;
    }
    plan_.state = std::make_shared<decltype(rigs_)>(std::move(rigs_));
    return std::move(plan_);
  }

 private:
  using TheRing = ring::Ring<E, Producers, Layout>;
  using TheRig = Rig<TheRing, Strategy>;
  using Reader = typename TheRig::Reader;

  TheRig& rig(size_t index = 0) {
    while (rigs_.size() <= index) rigs_.push_back(std::make_unique<TheRig>(options_.ring));
    return *rigs_[index];
  }

  void add_producer() {
    plan_.workers.push_back({[&ring = rig().ring, options = options_] {
                               send<Strategy>(ring, options.events, options.batch);
                               return uint64_t{0};
                             },
                             0});
  }

  template <class See>
  Reader& add_reader(const std::vector<const Reader*>& after, uint64_t expected, const See& see) {
    Reader& reader = rig().add_reader(after);
    plan_.workers.push_back({[&ring = rig().ring, &reader, events = options_.events, see] {
                               return receive(ring, reader, events, see);
                             },
                             expected});
    return reader;
  }

  // `first`: the number of the first event, as it is seen.
  Reader& add_consumer(const std::vector<const Reader*>& after, uint64_t first) {
    return add_reader(after, sum_of_range<E>(options_.events, first),
                      [](const E& event) { return event.sum(); });
  }

  Reader& add_stage(const std::vector<const Reader*>& after, uint64_t first) {
    return add_reader(after, sum_of_range<E>(options_.events, first), [](E& event) {
      event.increment();
      return event.sum();
    });
  }

  void add_producers() {
    uint64_t expected = 0;
    for (uint64_t i = 0; i < kProducers; ++i) {
      const uint64_t count = share_of_producer(options_.events, i);
      plan_.workers.push_back({[&ring = rig().ring, count, batch = options_.batch] {
                                 send<Strategy>(ring, count, batch);
                                 return uint64_t{0};
                               },
                               0});
      expected += sum_of_range<E>(count);
    }
    add_consumer({}, 0);
    plan_.workers.back().expected = expected;
  }

  void add_pingpong() {
    TheRing& there = rig(0).ring;
    TheRing& back = rig(1).ring;
    Reader& pong_reader = rig(0).add_reader();
    Reader& ping_reader = rig(1).add_reader();
    plan_.latencies = std::make_shared<Latencies>(options_.events);
    const auto ping = [&there, &ping_reader, &times = *plan_.latencies] {
      return time_round_trips(times, [&](uint64_t i) {
        post(there, i);
        return await(ping_reader).sum();
      });
    };
    const auto pong = [&back, &pong_reader, events = options_.events] {
      uint64_t sum = 0;
      for (uint64_t i = 0; i < events; ++i) {
        const E event = await(pong_reader);
        sum += event.sum();
        post(back, event.words[0]);
      }
      return sum;
    };
    const uint64_t expected = sum_of_range<E>(options_.events);
    plan_.workers = {{ping, expected}, {pong, expected}};
  }

  static void post(TheRing& ring, uint64_t number) {
    auto claim = ring.template claim<Strategy>();
    if (!claim) return;
    claim->set(number);
    claim.publish();
  }

  static E await(Reader& reader) {
    if (reader.consumer.wait(reader.strategy) != ring::Wake::kReady) return E::of(0);
    const E event = reader.consumer.take(1)[0];
    reader.consumer.release();
    return event;
  }

  const Options options_;
  std::vector<std::unique_ptr<TheRig>> rigs_;
  Plan plan_;
};

template <class E, class Producers, class Layout>
Plan plan_by_wait(const Options& options) {
  switch (options.wait) {
    case Wait::kSpin:
      return RingPlan<E, Producers, Layout, wait::BusySpinWait>(options).make();
    case Wait::kPause:
      return RingPlan<E, Producers, Layout, wait::PauseWait>(options).make();
    case Wait::kYield:
      return RingPlan<E, Producers, Layout, wait::YieldWait>(options).make();
    case Wait::kBlock:
      break;
  }
  return RingPlan<E, Producers, Layout, wait::BlockWait>(options).make();
}

}  // namespace internal

// The plan for the options over a ring of that layout, or why there is none.
template <class Layout>
absl::StatusOr<Plan> ring_plan(const Options& options) {
  const auto with = [&options]<class Producers>(Producers) {
    return options.event_bytes == 8 ? internal::plan_by_wait<Event<8>, Producers, Layout>(options)
                                    : internal::plan_by_wait<Event<64>, Producers, Layout>(options);
  };
  if (options.topology != Topology::kProducers) return with(ring::SingleProducer{});
  if constexpr (std::is_same_v<Layout, ring::Slots>) {
    return with(ring::MultiProducer{});
  } else {
    return absl::UnimplementedError("one producer only");
  }
}

}  // namespace annulet::bench

#endif  // ANNULET_BENCHMARKS_RING_RING_PLANS_H_
