// A queue that one thread uses as a stack while others steal from its far end.
//
//      top                    bottom
//       v                        v
//   ... [4][5][6][7][8][9][10][11][ free ]...      place = index & mask
//       ^ thieves take here      ^ the owner pushes and pops here
//
// Use it for work that the thread which made it should do, newest first, unless another one has
// nothing to do; what is stolen is the oldest. Not for first in, first out (the owner gets the
// newest), not for items that do not fit into a word (push a pointer), and not where the owner
// seldom shares: a queue of its own, shared on request, costs it no locked instruction.
//
// Why no item is taken twice. A thief owns what its compare-exchange of top_ took. The owner pops
// without one, unless the item is the last:
//
//   owner: bottom_ = b;  read top_      thief: read top_;  read bottom_;  top_: t -> t + 1
//
// All four of the first line are seq_cst (the owner's store as part of an exchange), so that they
// have one order. If the owner reads top_ < b, it takes item b; a thief that wants item b reads
// top_ == b, which is newer, hence later in that order; so it reads bottom_ == b afterwards, and
// sees nothing to take. If the owner reads top_ == b, it competes for item b by compare-exchange as
// the thieves do.
//
// A batch is taken one by one, each item with a look at bottom_ and a compare-exchange of its own.
// With a single one for many, the owner could meanwhile pop down into the batch without noticing:
// it reads only top_, which has not moved yet. What a thief counted when it began bounds the batch
// but gives it no right to any item.
//
// Cost: push two stores (1 ns); pop one exchange (5 ns), of the last item a compare-exchange more
// (10 ns); a steal one compare-exchange, a batch one for each item; from an empty one two loads.
// Threads: push_bottom, pop_bottom and reserve by the owner; steal, steal_batch and size by any.
// Order: what happened before push_bottom(x) is visible to whoever gets x.
// Lifetime: outlives every steal. It grows and never shrinks; an array that it has outgrown may
// still be read by a thief and is kept until the end. Each is twice as large as the one before, so
// together the old ones take less than the newest.
// Source: Chase and Lev, "Dynamic circular work-stealing deque", 2005; the orders after Le, Pop,
// Cohen, Zappa Nardelli, "Correct and efficient work-stealing for weak memory models", 2013, with
// seq_cst accesses in place of fences, and a release also where the owner lowers bottom_, which
// would otherwise end the release sequence of the pushes before.
#ifndef ANNULET_SCHED_DEQUE_H_
#define ANNULET_SCHED_DEQUE_H_

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include "annulet/wait/cache_line.h"
#include "annulet/wait/sync.h"

namespace annulet::sched {

enum class StealStatus {
  kEmpty,    // there was nothing to steal
  kSuccess,  // something was stolen
  kRetry,    // another one was faster; there may be more
};

template <class T, class Sync = wait::RealSync>
class Deque {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(void*));

 public:
  struct Stolen {
    StealStatus status;
    T item{};  // with kSuccess
  };

  struct Batch {
    StealStatus status;  // kSuccess if count > 0
    size_t count = 0;
  };

  // Room for `capacity` items at first, a power of two.
  explicit Deque(size_t capacity = 64) { grow_to(std::bit_ceil(std::max<size_t>(capacity, 1)), 0); }
  Deque(const Deque&) = delete;
  Deque& operator=(const Deque&) = delete;

  // Owner. Strong guarantee where it grows and memory runs out.
  void push_bottom(T item) {
    const int64_t bottom = bottom_.load(std::memory_order_relaxed);  // only the owner writes it
    if (bottom - known_top_ > newest_->mask) [[unlikely]]
      make_room(bottom);
    newest_->place(bottom).store(item, std::memory_order_relaxed);  // published by the next line
    // Pairs with steal(): the item, what it points to, and the array are visible.
    bottom_.store(bottom + 1, std::memory_order_release);
  }

  // Owner: the newest item.
  std::optional<T> pop_bottom() {
    const int64_t bottom = bottom_.load(std::memory_order_relaxed) - 1;  // only the owner writes it
    // Relaxed: top_ only rises, so an old one that says empty is right.
    if (top_.load(std::memory_order_relaxed) > bottom) return std::nullopt;
    // Before the load of top_ in the order of the seq_cst operations; see the top. Pairs with
    // steal() as in push_bottom(), too. A store and a fence cost as much (5 ns) or, as clang's
    // mfence, four times that, and would need another fence in steal().
    bottom_.exchange(bottom, std::memory_order_seq_cst);
    int64_t top = top_.load(std::memory_order_seq_cst);  // pairs with the loads in steal()
    if (top < bottom) return newest_->place(bottom).load(std::memory_order_relaxed);  // its own
    bool mine = top == bottom;
    // The last one: the thieves may want it, too. Relaxed: whoever wins, the owner wrote the item.
    if (mine) mine = top_.compare_exchange_strong(top, top + 1, std::memory_order_relaxed);
    // Relaxed: it says empty, and no thief takes anything because of it.
    bottom_.store(bottom + 1, std::memory_order_relaxed);
    if (!mine) return std::nullopt;
    return newest_->place(bottom).load(std::memory_order_relaxed);
  }

  // The oldest item.
  Stolen steal() {
    // Both seq_cst, in this order: pair with the exchange and the load in pop_bottom(). The second
    // one also pairs with push_bottom().
    int64_t top = top_.load(std::memory_order_seq_cst);
    const int64_t bottom = bottom_.load(std::memory_order_seq_cst);
    if (top >= bottom) return {StealStatus::kEmpty};
    // Acquire pairs with grow_to(): it may be newer than the bottom_ that was read.
    Array* const array = array_.load(std::memory_order_acquire);
    // Read before the exchange, which makes it free to be overwritten; void if that fails.
    const T item = array->place(top).load(std::memory_order_relaxed);
    // Release pairs with make_room(): the owner reuses the place after the load above.
    if (!top_.compare_exchange_strong(top, top + 1, std::memory_order_release,
                                      std::memory_order_relaxed)) {
      return {StealStatus::kRetry};
    }
    return {StealStatus::kSuccess, item};
  }

  // Half of the items, rounded up, oldest first, as far as they fit into `into` and nobody is
  // faster.
  Batch steal_batch(std::span<T> into) {
    return steal_some(std::min(into.size(), (size() + 1) / 2),
                      [&into](size_t index, T item) { into[index] = item; });
  }

  // The same into `thief`, whose owner calls it; at most `limit`.
  Batch steal_batch(Deque& thief, size_t limit) {
    const size_t count = std::min(limit, (size() + 1) / 2);
    thief.reserve(count);  // before anything is stolen: an item must not be lost if this throws
    return steal_some(count, [&thief](size_t, T item) { thief.push_bottom(item); });
  }

  // Owner: makes room for `count` more items.
  void reserve(size_t count) {
    const int64_t bottom = bottom_.load(std::memory_order_relaxed);  // only the owner writes it
    // Relaxed: an old top_ only makes the array larger.
    const auto needed = static_cast<size_t>(bottom - top_.load(std::memory_order_relaxed)) + count;
    if (needed > capacity()) grow_to(std::bit_ceil(needed), bottom);
  }

  // A moment's view: both ends may have moved since, and apart.
  size_t size() const {
    const int64_t bottom = bottom_.load(std::memory_order_relaxed);  // a hint
    const int64_t top = top_.load(std::memory_order_relaxed);        // a hint
    return bottom > top ? static_cast<size_t>(bottom - top) : 0;
  }
  bool empty() const { return size() == 0; }

  // Owner: how many items fit before it grows.
  size_t capacity() const { return static_cast<size_t>(newest_->mask) + 1; }

 private:
  struct Array {
    explicit Array(size_t capacity)
        : mask(static_cast<int64_t>(capacity) - 1),
          places(std::make_unique<typename Sync::template atomic<T>[]>(capacity)) {}

    auto& place(int64_t index) { return places[static_cast<size_t>(index & mask)]; }

    const int64_t mask;
    const std::unique_ptr<typename Sync::template atomic<T>[]> places;
  };

  template <class Take>
  Batch steal_some(size_t limit, const Take& take) {
    Batch batch{StealStatus::kEmpty};
    while (batch.count < limit) {
      const Stolen stolen = steal();
      if (stolen.status != StealStatus::kSuccess) {
        if (batch.count == 0) batch.status = stolen.status;
        break;
      }
      take(batch.count, stolen.item);
      ++batch.count;
      batch.status = StealStatus::kSuccess;
    }
    return batch;
  }

  // Looks at how much the thieves have taken, and grows if that is too little.
  [[gnu::noinline]] void make_room(int64_t bottom) {
    // Acquire pairs with steal(): whoever emptied a place has read it.
    known_top_ = top_.load(std::memory_order_acquire);
    if (bottom - known_top_ > newest_->mask) grow_to(2 * capacity(), bottom);
  }

  // Owner.
  void grow_to(size_t capacity, int64_t bottom) {
    arrays_.reserve(arrays_.size() + 1);
    auto array = std::make_unique<Array>(capacity);
    // Relaxed: an item that has been stolen since is copied for nothing.
    for (int64_t i = top_.load(std::memory_order_relaxed); i < bottom; ++i) {
      // The owner wrote them; published below.
      array->place(i).store(newest_->place(i).load(std::memory_order_relaxed),
                            std::memory_order_relaxed);
    }
    newest_ = array.get();
    arrays_.push_back(std::move(array));
    array_.store(newest_, std::memory_order_release);  // pairs with steal()
  }

  // Indices are signed, so that a pop of an empty deque may try -1, and only rise: at one item per
  // nanosecond they reach their end after 292 years.
  // The owner's, and what it writes seldom.
  alignas(wait::kCacheLine) typename Sync::template atomic<int64_t> bottom_{0};
  typename Sync::template atomic<Array*> array_{nullptr};
  Array* newest_ = nullptr;  // the owner's copy of array_
  int64_t known_top_ = 0;    // no larger than top_; saves the owner a look at the thieves' line
  std::vector<std::unique_ptr<Array>> arrays_;

  alignas(wait::kCacheLine) typename Sync::template atomic<int64_t> top_{0};
};

}  // namespace annulet::sched

#endif  // ANNULET_SCHED_DEQUE_H_
