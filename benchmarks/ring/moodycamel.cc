// moodycamel::ConcurrentQueue with producer and consumer tokens and its bulk operations.
//
// It is unbounded by nature. Here each producer's sub-queue is bounded by MAX_SUBQUEUE_SIZE, which
// is fixed at compile time and rounded up to blocks of 32: hence 1024 and 65536 slots only, a third
// of them for each of three producers. With --wait=block it is the BlockingConcurrentQueue, whose
// producer cannot sleep and yields when it is full.
// Built by name only, since it wants Debian's package libconcurrentqueue-dev.
#include <concurrentqueue/blockingconcurrentqueue.h>
#include <concurrentqueue/concurrentqueue.h>

#include <algorithm>
#include <array>
#include <type_traits>

#include "annulet/benchmarks/ring/driver.h"
#include "annulet/benchmarks/ring/queue_plans.h"

namespace annulet::bench {
namespace {

template <size_t kPerProducer>
struct Bounded : moodycamel::ConcurrentQueueDefaultTraits {
  static const size_t MAX_SUBQUEUE_SIZE = kPerProducer;
};

template <class E, size_t kPerProducer, bool kBlocking>
struct Moodycamel {
  static constexpr bool kManyProducers = true;
  static constexpr bool kBlocks = kBlocking;
  using Traits = Bounded<kPerProducer>;
  using Queue = std::conditional_t<kBlocking, moodycamel::BlockingConcurrentQueue<E, Traits>,
                                   moodycamel::ConcurrentQueue<E, Traits>>;

  Moodycamel(size_t capacity, size_t producers) : queue(capacity, producers, 0) {}

  struct Producer {
    explicit Producer(Moodycamel& adapter) : queue(adapter.queue), token(queue) {}

    // A batch goes in as a whole or not at all.
    template <class Source>
    size_t try_push(size_t n, const Source& source) {
      if (n == 1) return queue.enqueue(token, source(0)) ? 1 : 0;
      for (size_t i = 0; i < n; ++i) batch[i] = source(i);
      return queue.enqueue_bulk(token, batch.data(), n) ? n : 0;
    }

    Queue& queue;
    moodycamel::ProducerToken token;
    std::array<E, kMaxBatch> batch;
  };

  struct Consumer {
    explicit Consumer(Moodycamel& adapter) : queue(adapter.queue), token(queue) {}

    template <class See>
    size_t try_drain(const See& see) {
      return show(queue.try_dequeue_bulk(token, batch.data(), batch.size()), see);
    }

    template <class See>
    size_t drain(const See& see)
      requires kBlocking
    {
      return show(queue.wait_dequeue_bulk(token, batch.data(), batch.size()), see);
    }

    template <class See>
    size_t show(size_t found, const See& see) {
      std::for_each(batch.data(), batch.data() + found, see);
      return found;
    }

    Queue& queue;
    moodycamel::ConsumerToken token;
    std::array<E, 256> batch;
  };

  Queue queue;
};

template <size_t kPerProducer>
struct OfCapacity {
  template <class E>
  using Polled = Moodycamel<E, kPerProducer, false>;
  template <class E>
  using Blocking = Moodycamel<E, kPerProducer, true>;

  static absl::StatusOr<Plan> plan(const Options& options) {
    return options.wait == Wait::kBlock ? queue_plan<Blocking>(options)
                                        : queue_plan<Polled>(options);
  }
};

absl::StatusOr<Plan> plan(const Options& options) {
  const bool shared = options.topology == Topology::kProducers;
  switch (options.ring) {
    case 1024:
      return shared ? OfCapacity<1024 / 3>::plan(options) : OfCapacity<1024>::plan(options);
    case 65536:
      return shared ? OfCapacity<65536 / 3>::plan(options) : OfCapacity<65536>::plan(options);
    default:
      return absl::UnimplementedError("--ring: 1024 or 65536, which it is compiled for");
  }
}

}  // namespace
}  // namespace annulet::bench

int main(int argc, char** argv) {
  using namespace annulet::bench;
  return run_contestant(argc, argv, "moodycamel", plan);
}
