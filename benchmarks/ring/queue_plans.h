// Makes every topology from a plain queue, so that a rival is an adapter of some thirty lines.
//
// An adapter is a class template over the event, with two handles that each one thread uses:
//
//   template <class E> struct Queue {
//     static constexpr bool kManyProducers, kBlocks;
//     Queue(size_t capacity, size_t producers);
//     struct Producer {
//       explicit Producer(Queue&);
//       // Pushes source(0) .. source(n - 1), or as many of them as fit; returns how many.
//       size_t try_push(size_t n, const auto& source);
//       void push(size_t n, const auto& source);  // optional: sleeps until all are in
//     };
//     struct Consumer {
//       explicit Consumer(Queue&);
//       // Calls see(event) for each event there is, `capacity` at most; returns how many.
//       size_t try_drain(const auto& see);
//       size_t drain(const auto& see);  // with kBlocks: sleeps until there is one
//     };
//   };
//
// n is kMaxBatch at most. Where a topology wants several readers there is a queue for each: a
// producer of three consumers pushes each batch three times.
#ifndef ANNULET_BENCHMARKS_RING_QUEUE_PLANS_H_
#define ANNULET_BENCHMARKS_RING_QUEUE_PLANS_H_

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "annulet/benchmarks/ring/driver.h"
#include "annulet/benchmarks/ring/event.h"
#include "annulet/benchmarks/ring/idle.h"
#include "annulet/benchmarks/ring/options.h"

namespace annulet::bench {
namespace internal {

// Pushes make(0) .. make(count - 1), options.batch at a time.
template <class Producer, class Make>
void send(Producer& producer, uint64_t count, size_t batch, Wait wait, const Make& make) {
  Idle idle(wait);
  for (uint64_t sent = 0; sent < count;) {
    const size_t wanted = static_cast<size_t>(std::min<uint64_t>(batch, count - sent));
    const auto source = [&make, sent](size_t i) { return make(sent + i); };
    if constexpr (requires { producer.push(wanted, source); }) {
      if (wait == Wait::kBlock) {
        producer.push(wanted, source);
        sent += wanted;
        continue;
      }
    }
    const size_t pushed = producer.try_push(wanted, source);
    sent += pushed;
    pushed == 0 ? idle() : idle.reset();
  }
}

// One look, or a sleep until there is something; returns how many events it saw.
template <class Consumer, class See>
size_t look(Consumer& consumer, Wait wait, const See& see) {
  if constexpr (requires { consumer.drain(see); }) {
    if (wait == Wait::kBlock) return consumer.drain(see);
  }
  return consumer.try_drain(see);
}

template <class Consumer, class See>
void receive(Consumer& consumer, uint64_t count, Wait wait, const See& see) {
  Idle idle(wait);
  for (uint64_t seen = 0; seen < count;) {
    const size_t found = look(consumer, wait, see);
    seen += found;
    found == 0 ? idle() : idle.reset();
  }
}

// A queue with the handles of its threads.
template <class Queue>
struct Link {
  explicit Link(const Options& options, size_t count = 1) : queue(options.ring, count) {
    for (size_t i = 0; i < count; ++i) {
      producers.push_back(std::make_unique<typename Queue::Producer>(queue));
    }
  }

  Queue queue;
  std::vector<std::unique_ptr<typename Queue::Producer>> producers;
  typename Queue::Consumer consumer{queue};
};

template <template <class> class Queue, class E>
class QueuePlan {
 public:
  explicit QueuePlan(const Options& options) : options_(options) {}

  Plan make() {
    switch (options_.topology) {
      case Topology::kUnicast:
        add_producer({add_link()});
        add_consumer(*links_[0], 0);
        break;
      case Topology::kPipeline:
        for (int i = 0; i < 3; ++i) add_link();
        add_producer({links_[0].get()});
        add_stage(*links_[0], links_[1].get(), 0, true);
        add_stage(*links_[1], links_[2].get(), 1, true);
        add_stage(*links_[2], nullptr, 2, true);
        break;
      case Topology::kMulticast:
        add_producer({add_link(), add_link(), add_link()});
        for (const auto& link : links_) add_consumer(*link, 0);
        break;
      case Topology::kDiamond:
        for (int i = 0; i < 4; ++i) add_link();
        add_producer({links_[0].get(), links_[1].get()});
        add_stage(*links_[0], links_[2].get(), 0, false);
        add_stage(*links_[1], links_[3].get(), 0, false);
        add_join(*links_[2], *links_[3]);
        break;
      case Topology::kProducers:
        add_producers();
        break;
      case Topology::kPingpong:
        add_pingpong();
        break;
    }
    plan_.state = std::make_shared<decltype(links_)>(std::move(links_));
    return std::move(plan_);
  }

 private:
  using OneLink = Link<Queue<E>>;

  OneLink* add_link(size_t producers = 1) {
    links_.push_back(std::make_unique<OneLink>(options_, producers));
    return links_.back().get();
  }

  // Sends each batch to all of the links, one after another.
  void add_producer(std::vector<OneLink*> links) {
    const Options options = options_;
    plan_.workers.push_back({[links, options] {
                               for (uint64_t sent = 0; sent < options.events;) {
                                 const uint64_t count =
                                     std::min<uint64_t>(options.batch, options.events - sent);
                                 for (OneLink* link : links) {
                                   send(*link->producers[0], count, options.batch, options.wait,
                                        [sent](uint64_t i) { return E::of(sent + i); });
                                 }
                                 sent += count;
                               }
                               return uint64_t{0};
                             },
                             0});
  }

  void add_consumer(OneLink& link, uint64_t first) {
    const Options options = options_;
    plan_.workers.push_back({[&link, options] {
                               uint64_t sum = 0;
                               receive(link.consumer, options.events, options.wait,
                                       [&sum](const E& event) { sum += event.sum(); });
                               return sum;
                             },
                             sum_of_range<E>(options.events, first)});
  }

  // Reads what there is and passes it on at once, to `to` if it is not null. `first` is the number
  // of the first event that comes in.
  void add_stage(OneLink& from, OneLink* to, uint64_t first, bool increments) {
    const Options options = options_;
    auto passing = std::make_shared<std::vector<E>>();
    passing->reserve(options.ring);
    const auto run = [&from, to, options, passing, increments] {
      uint64_t sum = 0;
      std::vector<E>& held = *passing;
      Idle idle(options.wait);
      for (uint64_t seen = 0; seen < options.events;) {
        const size_t found = look(from.consumer, options.wait, [&](E event) {
          if (increments) event.increment();
          sum += event.sum();
          if (to != nullptr) held.push_back(event);
        });
        seen += found;
        found == 0 ? idle() : idle.reset();
        if (held.empty()) continue;
        const size_t bulk = std::min(kMaxBatch, options.ring);
        send(*to->producers[0], held.size(), bulk, options.wait,
             [&held](uint64_t i) { return held[i]; });
        held.clear();
      }
      return sum;
    };
    plan_.workers.push_back({run, sum_of_range<E>(options.events, first + (increments ? 1 : 0))});
  }

  // Adds up both, and does not match one event with the other: the least that a join can do.
  void add_join(OneLink& left, OneLink& right) {
    const Options options = options_;
    const auto run = [&left, &right, options] {
      uint64_t sum = 0;
      const auto see = [&sum](const E& event) { sum += event.sum(); };
      Idle idle(options.wait);
      for (uint64_t seen = 0; seen < 2 * options.events;) {
        const size_t found = left.consumer.try_drain(see) + right.consumer.try_drain(see);
        seen += found;
        found == 0 ? idle() : idle.reset();
      }
      return sum;
    };
    plan_.workers.push_back({run, 2 * sum_of_range<E>(options.events)});
  }

  void add_producers() {
    const Options options = options_;
    OneLink& link = *add_link(kProducers);
    uint64_t expected = 0;
    for (uint64_t i = 0; i < kProducers; ++i) {
      const uint64_t count = share_of_producer(options.events, i);
      const auto run = [&link, options, count, i] {
        send(*link.producers[i], count, options.batch, options.wait, &E::of);
        return uint64_t{0};
      };
      plan_.workers.push_back({run, 0});
      expected += sum_of_range<E>(count);
    }
    add_consumer(link, 0);
    plan_.workers.back().expected = expected;
  }

  void add_pingpong() {
    const Options options = options_;
    OneLink& there = *add_link();
    OneLink& back = *add_link();
    auto latencies = std::make_shared<Latencies>(options.events);
    const auto exchange = [options](OneLink& out, uint64_t number) {
      send(*out.producers[0], 1, 1, options.wait, [number](uint64_t) { return E::of(number); });
    };
    const auto take = [options](OneLink& in) {
      E taken;
      receive(in.consumer, 1, options.wait, [&taken](const E& event) { taken = event; });
      return taken;
    };
    const auto ping = [&there, &back, exchange, take, latencies] {
      return time_round_trips(*latencies, [&](uint64_t i) {
        exchange(there, i);
        return take(back).sum();
      });
    };
    const auto pong = [&there, &back, exchange, take, options] {
      uint64_t sum = 0;
      for (uint64_t i = 0; i < options.events; ++i) {
        const E event = take(there);
        sum += event.sum();
        exchange(back, event.words[0]);
      }
      return sum;
    };
    plan_.workers = {{ping, sum_of_range<E>(options.events)},
                     {pong, sum_of_range<E>(options.events)}};
    plan_.latencies = latencies;
  }

  const Options options_;
  std::vector<std::unique_ptr<OneLink>> links_;
  Plan plan_;
};

}  // namespace internal

// The plan for the options over a queue, or why there is none.
template <template <class> class Queue>
absl::StatusOr<Plan> queue_plan(const Options& options) {
  using Small = Event<8>;
  if (options.topology == Topology::kProducers && !Queue<Small>::kManyProducers) {
    return absl::UnimplementedError("one producer only");
  }
  if (options.wait == Wait::kBlock && !Queue<Small>::kBlocks) {
    return absl::UnimplementedError("cannot block");
  }
  if (options.wait == Wait::kBlock && options.topology == Topology::kDiamond) {
    return absl::UnimplementedError("cannot block on two queues at once");
  }
  if (options.event_bytes == 8) return internal::QueuePlan<Queue, Small>(options).make();
  return internal::QueuePlan<Queue, Event<64>>(options).make();
}

}  // namespace annulet::bench

#endif  // ANNULET_BENCHMARKS_RING_QUEUE_PLANS_H_
