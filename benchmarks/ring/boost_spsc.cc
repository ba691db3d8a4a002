// boost::lockfree::spsc_queue with its capacity given at run time; bulk push, consume_all.
//
// Built by name only, since it wants Debian's package libboost-dev.
#include <array>
#include <boost/lockfree/spsc_queue.hpp>

#include "annulet/benchmarks/ring/driver.h"
#include "annulet/benchmarks/ring/queue_plans.h"

namespace annulet::bench {
namespace {

template <class E>
struct BoostSpsc {
  static constexpr bool kManyProducers = false;
  static constexpr bool kBlocks = false;

  BoostSpsc(size_t capacity, size_t) : queue(capacity) {}

  struct Producer {
    explicit Producer(BoostSpsc& adapter) : queue(adapter.queue) {}

    template <class Source>
    size_t try_push(size_t n, const Source& source) {
      if (n == 1) return queue.push(source(0)) ? 1 : 0;
      for (size_t i = 0; i < n; ++i) batch[i] = source(i);
      return queue.push(batch.data(), n);
    }

    boost::lockfree::spsc_queue<E>& queue;
    std::array<E, kMaxBatch> batch;
  };

  struct Consumer {
    explicit Consumer(BoostSpsc& adapter) : queue(adapter.queue) {}

    template <class See>
    size_t try_drain(const See& see) {
      return queue.consume_all(see);
    }

    boost::lockfree::spsc_queue<E>& queue;
  };

  boost::lockfree::spsc_queue<E> queue;
};

}  // namespace
}  // namespace annulet::bench

int main(int argc, char** argv) {
  using namespace annulet::bench;
  return run_contestant(argc, argv, "boost_spsc", queue_plan<BoostSpsc>);
}
