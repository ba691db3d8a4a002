// oneTBB's concurrent_bounded_queue. It has no bulk operations; with --wait=block it sleeps itself.
//
// Built by name only, since it wants Debian's package libtbb-dev.
#include <tbb/concurrent_queue.h>

#include "annulet/benchmarks/ring/driver.h"
#include "annulet/benchmarks/ring/queue_plans.h"

namespace annulet::bench {
namespace {

template <class E>
struct TbbQueue {
  static constexpr bool kManyProducers = true;
  static constexpr bool kBlocks = true;

  TbbQueue(size_t capacity_wanted, size_t) : capacity(capacity_wanted) {
    queue.set_capacity(static_cast<std::ptrdiff_t>(capacity));
  }

  struct Producer {
    explicit Producer(TbbQueue& adapter) : queue(adapter.queue) {}

    template <class Source>
    size_t try_push(size_t n, const Source& source) {
      size_t pushed = 0;
      while (pushed < n && queue.try_push(source(pushed))) ++pushed;
      return pushed;
    }

    template <class Source>
    void push(size_t n, const Source& source) {
      for (size_t i = 0; i < n; ++i) queue.push(source(i));
    }

    tbb::concurrent_bounded_queue<E>& queue;
  };

  struct Consumer {
    explicit Consumer(TbbQueue& adapter) : queue(adapter.queue), capacity(adapter.capacity) {}

    template <class See>
    size_t try_drain(const See& see) {
      return drain_up_to(capacity, see);
    }

    template <class See>
    size_t drain(const See& see) {
      E event;
      queue.pop(event);
      see(event);
      return 1 + drain_up_to(capacity - 1, see);
    }

    template <class See>
    size_t drain_up_to(size_t most, const See& see) {
      E event;
      size_t found = 0;
      for (; found < most && queue.try_pop(event); ++found) see(event);
      return found;
    }

    tbb::concurrent_bounded_queue<E>& queue;
    const size_t capacity;
  };

  tbb::concurrent_bounded_queue<E> queue;
  const size_t capacity;
};

}  // namespace
}  // namespace annulet::bench

int main(int argc, char** argv) {
  using namespace annulet::bench;
  return run_contestant(argc, argv, "tbb", queue_plan<TbbQueue>);
}
