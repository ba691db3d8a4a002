// Known algorithms, as small as possible, to measure the checker by: how many executions it needs
// and whether it notices each weakened access. Not for use.
#ifndef ANNULET_TESTING_REFERENCE_ALGORITHMS_H_
#define ANNULET_TESTING_REFERENCE_ALGORITHMS_H_

#include <array>
#include <atomic>
#include <cstdint>

namespace annulet::model_check {

// A work-stealing deque of four places that does not grow; 0 is no item. The orders are as weak as
// the scenarios of the test allow.
// Source: Le, Pop, Cohen, Zappa Nardelli, "Correct and efficient work-stealing for weak memory
// models", 2013.
template <class Sync>
class ChaseLev {
 public:
  void push_bottom(int item) {
    const int64_t bottom = bottom_.load(std::memory_order_relaxed);
    places_[bottom & kMask].store(item, std::memory_order_relaxed);
    bottom_.store(bottom + 1, std::memory_order_release);
  }

  int pop_bottom() {
    const int64_t bottom = bottom_.load(std::memory_order_relaxed) - 1;
    // Release as in push_bottom: a thief may read this store and take an item below it. (With a
    // fence before a relaxed store there, as published, the fence would cover this one, too.)
    bottom_.store(bottom, std::memory_order_release);
    Sync::fence(std::memory_order_seq_cst);
    int64_t top = top_.load(std::memory_order_relaxed);
    if (top > bottom) {
      bottom_.store(bottom + 1, std::memory_order_relaxed);
      return 0;
    }
    int item = places_[bottom & kMask].load(std::memory_order_relaxed);
    if (top == bottom) {
      // The last one: the thieves may want it, too.
      if (!top_.compare_exchange_strong(top, top + 1, std::memory_order_relaxed)) item = 0;
      bottom_.store(bottom + 1, std::memory_order_relaxed);
    }
    return item;
  }

  int steal() {
    int64_t top = top_.load(std::memory_order_relaxed);
    Sync::fence(std::memory_order_seq_cst);
    const int64_t bottom = bottom_.load(std::memory_order_acquire);
    if (top >= bottom) return 0;
    const int item = places_[top & kMask].load(std::memory_order_relaxed);
    if (!top_.compare_exchange_strong(top, top + 1, std::memory_order_relaxed)) return 0;
    return item;
  }

 private:
  static constexpr int64_t kMask = 3;
  typename Sync::template atomic<int64_t> top_{0};
  typename Sync::template atomic<int64_t> bottom_{0};
  std::array<typename Sync::template atomic<int>, 4> places_;
};

// Two producers claim places of a ring by fetch_add and publish each place by itself; a consumer
// takes them in order.
// Source: the multi-producer sequencer of the LMAX Disruptor.
template <class Sync>
class Sequencer {
 public:
  void publish(int item) {
    const int64_t sequence = claimed_.fetch_add(1, std::memory_order_relaxed);
    Place& place = places_[sequence & kMask];
    place.item.write() = item;
    place.published.store(sequence, std::memory_order_release);
  }

  int take(int64_t sequence) {
    Place& place = places_[sequence & kMask];
    while (place.published.load(std::memory_order_acquire) != sequence) Sync::pause();
    return place.item.read();
  }

 private:
  static constexpr int64_t kMask = 1;
  struct Place {
    typename Sync::template cell<int> item;
    typename Sync::template atomic<int64_t> published{-1};
  };
  typename Sync::template atomic<int64_t> claimed_{0};
  std::array<Place, 2> places_;
};

// A reader that never writes sees both halves of the same pair.
// Source: Hans Boehm, "Can seqlocks get along with programming language memory models?", 2012.
template <class Sync>
class SeqLock {
 public:
  // One writer.
  void write(int value) {
    const uint32_t version = version_.load(std::memory_order_relaxed);
    version_.store(version + 1, std::memory_order_relaxed);
    Sync::fence(std::memory_order_release);
    first_.store(value, std::memory_order_relaxed);
    second_.store(value, std::memory_order_relaxed);
    version_.store(version + 2, std::memory_order_release);
  }

  // False: a writer was in the way.
  bool read(int& first, int& second) {
    const uint32_t version = version_.load(std::memory_order_acquire);
    first = first_.load(std::memory_order_relaxed);
    second = second_.load(std::memory_order_relaxed);
    Sync::fence(std::memory_order_acquire);
    return version % 2 == 0 && version_.load(std::memory_order_relaxed) == version;
  }

 private:
  typename Sync::template atomic<uint32_t> version_{0};
  typename Sync::template atomic<int> first_{0};
  typename Sync::template atomic<int> second_{0};
};

}  // namespace annulet::model_check

#endif  // ANNULET_TESTING_REFERENCE_ALGORITHMS_H_
