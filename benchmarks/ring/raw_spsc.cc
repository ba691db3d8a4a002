// The floor of all queues here: a ring for one producer and one consumer, and nothing else.
//
// Each side keeps a copy of the other's index and looks at the real one only when the copy says
// full or empty, so that a cache line moves once for many events. A batch is published as a whole.
#include <atomic>
#include <cstdint>
#include <memory>

#include "annulet/benchmarks/ring/driver.h"
#include "annulet/benchmarks/ring/queue_plans.h"

namespace annulet::bench {
namespace {

constexpr size_t kLine = 64;

template <class E>
class RawSpsc {
 public:
  static constexpr bool kManyProducers = false;
  static constexpr bool kBlocks = false;

  RawSpsc(size_t capacity, size_t) : capacity_(capacity), slots_(new E[capacity]) {}

  class Producer {
   public:
    explicit Producer(RawSpsc& ring) : ring_(ring) {}

    // The whole batch or nothing.
    template <class Source>
    size_t try_push(size_t n, const Source& source) {
      if (tail_ + n - head_seen_ > ring_.capacity_) {
        head_seen_ =
            ring_.head_.load(std::memory_order_acquire);  // pairs with the consumer's store
        if (tail_ + n - head_seen_ > ring_.capacity_) return 0;
      }
      for (size_t i = 0; i < n; ++i) ring_.slot(tail_ + i) = source(i);
      tail_ += n;
      ring_.tail_.store(tail_, std::memory_order_release);  // pairs with the consumer's load
      return n;
    }

   private:
    RawSpsc& ring_;
    alignas(kLine) uint64_t tail_ = 0;
    uint64_t head_seen_ = 0;
  };

  class Consumer {
   public:
    explicit Consumer(RawSpsc& ring) : ring_(ring) {}

    template <class See>
    size_t try_drain(const See& see) {
      const uint64_t tail =
          ring_.tail_.load(std::memory_order_acquire);  // pairs with the producer's
      const size_t found = static_cast<size_t>(tail - head_);
      if (found == 0) return 0;
      for (; head_ != tail; ++head_) see(ring_.slot(head_));
      ring_.head_.store(head_, std::memory_order_release);  // pairs with the producer's load
      return found;
    }

   private:
    RawSpsc& ring_;
    alignas(kLine) uint64_t head_ = 0;
  };

 private:
  E& slot(uint64_t at) { return slots_[at & (capacity_ - 1)]; }

  const size_t capacity_;
  const std::unique_ptr<E[]> slots_;
  alignas(kLine) std::atomic<uint64_t> head_{0};  // the consumer's: all before it are free
  alignas(kLine) std::atomic<uint64_t> tail_{0};  // the producer's: all before it are written
};

}  // namespace
}  // namespace annulet::bench

int main(int argc, char** argv) {
  using namespace annulet::bench;
  return run_contestant(argc, argv, "raw_spsc", queue_plan<RawSpsc>);
}
