// moodycamel::ReaderWriterQueue, kept to its first capacity: try_enqueue never allocates.
//
// It has no bulk operations. Up to 1024 slots it is one block, of one event less than asked for;
// beyond that, blocks of 511 events, and a little more. With --wait=block it is the
// BlockingReaderWriterQueue, whose producer cannot sleep and yields when it is full.
// Built by name only, since it wants Debian's package libreaderwriterqueue-dev.
#include <readerwriterqueue/readerwriterqueue.h>

#include <type_traits>

#include "annulet/benchmarks/ring/driver.h"
#include "annulet/benchmarks/ring/queue_plans.h"

namespace annulet::bench {
namespace {

template <class E, bool kBlocking>
struct MoodycamelSpsc {
  static constexpr bool kManyProducers = false;
  static constexpr bool kBlocks = kBlocking;
  using Queue = std::conditional_t<kBlocking, moodycamel::BlockingReaderWriterQueue<E>,
                                   moodycamel::ReaderWriterQueue<E>>;

  MoodycamelSpsc(size_t capacity_wanted, size_t)
      : queue(capacity_wanted - 1), capacity(capacity_wanted) {}

  struct Producer {
    explicit Producer(MoodycamelSpsc& adapter) : queue(adapter.queue) {}

    template <class Source>
    size_t try_push(size_t n, const Source& source) {
      size_t pushed = 0;
      while (pushed < n && queue.try_enqueue(source(pushed))) ++pushed;
      return pushed;
    }

    Queue& queue;
  };

  struct Consumer {
    explicit Consumer(MoodycamelSpsc& adapter) : queue(adapter.queue), capacity(adapter.capacity) {}

    template <class See>
    size_t try_drain(const See& see) {
      return drain_up_to(capacity, see);
    }

    template <class See>
    size_t drain(const See& see)
      requires kBlocking
    {
      E event;
      queue.wait_dequeue(event);
      see(event);
      return 1 + drain_up_to(capacity - 1, see);
    }

    template <class See>
    size_t drain_up_to(size_t most, const See& see) {
      E event;
      size_t found = 0;
      for (; found < most && queue.try_dequeue(event); ++found) see(event);
      return found;
    }

    Queue& queue;
    const size_t capacity;
  };

  Queue queue;
  const size_t capacity;
};

template <class E>
using Polled = MoodycamelSpsc<E, false>;
template <class E>
using Blocking = MoodycamelSpsc<E, true>;

absl::StatusOr<Plan> plan(const Options& options) {
  return options.wait == Wait::kBlock ? queue_plan<Blocking>(options) : queue_plan<Polled>(options);
}

}  // namespace
}  // namespace annulet::bench

int main(int argc, char** argv) {
  using namespace annulet::bench;
  return run_contestant(argc, argv, "moodycamel_spsc", plan);
}
