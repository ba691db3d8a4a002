// A worker's queue of tasks that others may take: first in, first out, of fixed capacity, filled by
// its owner alone.
//
// Use it where one thread makes work and several may do it, oldest first. What the owner pushes is
// visible to thieves at once, also while the owner is busy with something long. The owner takes
// back a few at a time: one compare-exchange claims up to an eighth of what is queued, at most
// kMostClaimed, and the next pops are plain loads. Thieves do not get what is claimed, so that up
// to kMostClaimed - 1 tasks wait for the one that the owner runs; with few tasks queued it claims
// them one by one. Not for last in, first out: that is Deque.
//
//   head_  the oldest that nobody has claimed; raised by owner and thieves
//   tail_  where the next is pushed; the owner's
//   [next_, claimed_)  claimed by the owner, not yet popped
//
// Why a thief never runs what it should not. It reads the items first and then claims them by
// raising head_ from the value it read before. The owner overwrites a place only once head_ has
// passed it, and head_ never falls: if the claim succeeds, head_ has not moved, and the items were
// those that it claims.
// Cost: push one release store; pop a compare-exchange for each claim; steal one compare-exchange
// for up to half of the queue.
// Threads: push, pop and size by the owner; steal and empty by any thread.
// Lifetime: outlives every call. What is left in it when it goes is not freed: it owns nothing.
// Source: the local queue of Go's and tokio's schedulers; the owner's claim of several is ours.
#ifndef ANNULET_SCHED_RUN_QUEUE_H_
#define ANNULET_SCHED_RUN_QUEUE_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "annulet/wait/cache_line.h"
#include "annulet/wait/sync.h"

namespace annulet::sched {

// kCapacity: a power of two.
template <class T, uint64_t kCapacity = 256, class Sync = wait::RealSync>
class RunQueue {
 public:
  static_assert((kCapacity & (kCapacity - 1)) == 0);
  static constexpr uint64_t kMostClaimed = 16;
  static constexpr uint64_t kClaimedShare = 8;  // of what is queued, one in so many

  RunQueue() = default;
  // With the first item at the index `first`. Indices wrap around, which a test need not wait for.
  explicit RunQueue(uint64_t first)
      : head_(first), tail_(first), next_(first), claimed_(first), freed_(first) {}
  RunQueue(const RunQueue&) = delete;
  RunQueue& operator=(const RunQueue&) = delete;

  // Owner: false if it is full.
  [[nodiscard]] bool push(T item) {
    const uint64_t tail = tail_.load(std::memory_order_relaxed);  // the owner's own
    if (!has_room(tail)) [[unlikely]]
      return false;
    place(tail).store(item, std::memory_order_relaxed);  // handed over by tail_
    tail_.store(tail + 1, std::memory_order_release);    // pairs with steal()
    return true;
  }

  // Owner: whether a push would succeed.
  bool has_room() { return has_room(tail_.load(std::memory_order_relaxed)); }

  // Owner: how many pushes would succeed. Thieves may make room for more meanwhile.
  uint64_t room() {
    const uint64_t tail = tail_.load(std::memory_order_relaxed);  // the owner's own
    (void)make_room(tail);
    return kCapacity - (tail - freed_);
  }

  // Owner: the oldest one, or null.
  T pop() {
    if (next_ == claimed_ && !claim()) return T();
    return place(next_++).load(std::memory_order_relaxed);  // the owner's own store
  }

  // Owner: how many thieves could take, a moment's view; perhaps more than there are, never fewer.
  // Relaxed: tail_ is the owner's own; a head_ that is seen late is too low, and nothing is read or
  // overwritten on the strength of it. Acquire would see it no earlier: who has to know at once
  // whether a thief has taken the last one needs a full fence between a push and this.
  uint64_t stealable() const {
    return tail_.load(std::memory_order_relaxed) - head_.load(std::memory_order_relaxed);
  }

  // Owner: how many are queued. Thieves may take some meanwhile.
  uint64_t size() const { return stealable() + (claimed_ - next_); }

  // Thief: takes the older half of what is queued, at least one and at most as many as `items` has
  // room for. Returns how many. 0: nothing is queued.
  size_t steal(std::span<T> items) {
    // Acquire pairs with the claims of others: whoever reads their head_ also sees the tail_ that
    // they saw, so that it is never the smaller one.
    uint64_t head = head_.load(std::memory_order_acquire);
    for (;;) {
      const uint64_t tail = tail_.load(std::memory_order_acquire);  // pairs with push()
      const uint64_t half = (tail - head + 1) / 2;
      const size_t count = std::min<uint64_t>(half, items.size());
      if (count == 0) return 0;
      for (size_t i = 0; i < count; ++i) {
        items[i] = place(head + i).load(std::memory_order_relaxed);  // checked by the exchange
      }
      // Release pairs with make_room(): the places were read before they are written again; and
      // with the loads of head_ by thieves. Acquire as above.
      if (head_.compare_exchange_weak(head, head + count, std::memory_order_release,
                                      std::memory_order_acquire)) {
        return count;
      }
    }
  }

  // Any thread: true only if all pushes that the caller can know of are claimed. Relaxed: where
  // head_ has the value of any tail_, everything pushed until then is claimed, and nothing is read
  // on the strength of it.
  bool empty() const {
    const uint64_t head = head_.load(std::memory_order_relaxed);
    return tail_.load(std::memory_order_relaxed) == head;
  }

 private:
  typename Sync::template atomic<T>& place(uint64_t index) {
    return places_[index & (kCapacity - 1)];
  }

  bool has_room(uint64_t tail) { return tail - freed_ < kCapacity || make_room(tail); }

  [[gnu::noinline]] bool make_room(uint64_t tail) {
    // Acquire pairs with steal(): the thieves have read what is overwritten from here on.
    const uint64_t head = head_.load(std::memory_order_acquire);
    freed_ = next_ != claimed_ ? next_ : head;
    return tail - freed_ < kCapacity;
  }

  bool claim() {
    const uint64_t tail = tail_.load(std::memory_order_relaxed);  // the owner's own
    uint64_t head = head_.load(std::memory_order_relaxed);        // checked by the exchange
    uint64_t count;
    do {
      if (head == tail) return false;
      count = std::clamp<uint64_t>((tail - head) / kClaimedShare, 1, kMostClaimed);
      // Release pairs with the loads of head_ by thieves.
    } while (!head_.compare_exchange_weak(head, head + count, std::memory_order_release,
                                          std::memory_order_relaxed));
    next_ = head;
    claimed_ = head + count;
    return true;
  }

  // They only rise, and wrap around: compared by their differences alone.
  alignas(wait::kCacheLine) typename Sync::template atomic<uint64_t> head_{0};

  // Written by the owner; thieves read tail_ and the places.
  alignas(wait::kCacheLine) typename Sync::template atomic<uint64_t> tail_{0};
  uint64_t next_ = 0;
  uint64_t claimed_ = 0;
  uint64_t freed_ = 0;  // places below it were free when the owner looked last
  std::array<typename Sync::template atomic<T>, kCapacity> places_{};
};

}  // namespace annulet::sched

#endif  // ANNULET_SCHED_RUN_QUEUE_H_
