// How many more tasks may begin where SchedulerOptions::max_live bounds them: a permit for each
// that lives, and a pool of those that are free.
//
// Each worker keeps some permits of tasks that ended on it for the next ones that begin there (its
// Allowance), so that workers which spawn and join meet at the pool only now and then, a batch at a
// time. Permits are neither made nor lost, so there are never more tasks than permits. A spawn may
// be refused although permits are free, for they may lie with other workers: up to 2 * batch() with
// each of those that are awake, all in all at most an eighth of the bound. A small bound has
// batches of 0: each task takes its permit from the pool and returns it there.
// Cost: an Allowance a plain decrement or increment, and a compare-exchange for a batch.
// Threads: the pool by any; an allowance by its worker.
#ifndef ANNULET_SCHED_INTERNAL_LIVE_BOUND_H_
#define ANNULET_SCHED_INTERNAL_LIVE_BOUND_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "annulet/wait/cache_line.h"
#include "annulet/wait/sync.h"

namespace annulet::sched::internal {

template <class Sync = wait::RealSync>
class BasicLiveBound {
 public:
  static constexpr int64_t kMostInBatch = 32;

  // 0: no bound. Then nothing else is to be called.
  explicit BasicLiveBound(uint64_t max_live)
      : max_live_(static_cast<int64_t>(max_live)), free_(max_live_) {}

  // Before the first permit is taken by a worker.
  void share_among(size_t workers) {
    batch_ = std::min(max_live_ / static_cast<int64_t>(16 * workers), kMostInBatch);
  }

  bool limited() const { return max_live_ != 0; }
  int64_t batch() const { return batch_; }

  // As many permits as there are, up to `most`; 0 if there are not even `least`.
  int64_t take(int64_t least, int64_t most) {
    int64_t before = free_.load(std::memory_order_relaxed);  // checked by the exchange
    int64_t count = 0;
    do {
      if (before < least) return 0;
      count = std::min(before, most);
      // Acquire pairs with give_back(): what the tasks did that made room is visible to those that
      // take it.
    } while (!free_.compare_exchange_weak(before, before - count, std::memory_order_acquire,
                                          std::memory_order_relaxed));
    return count;
  }

  // Takes one that there may not be: nobody else gets one before it is back. Relaxed: it does not
  // wait for room.
  void overdraw() { free_.fetch_sub(1, std::memory_order_relaxed); }

  void give_back(int64_t count) {
    free_.fetch_add(count, std::memory_order_release);  // pairs with take()
  }

 private:
  const int64_t max_live_;
  int64_t batch_ = 0;
  // Less than 0 where it was overdrawn.
  alignas(wait::kCacheLine) typename Sync::template atomic<int64_t> free_;
};

template <class Sync = wait::RealSync>
class BasicAllowance {
 public:
  // All of `count` or none.
  bool take(BasicLiveBound<Sync>& bound, size_t count) {
    const auto wanted = static_cast<int64_t>(count);
    if (held_ < wanted) held_ += bound.take(wanted - held_, wanted - held_ + bound.batch());
    if (held_ < wanted) return false;
    held_ -= wanted;
    return true;
  }

  // A task has ended.
  void put(BasicLiveBound<Sync>& bound) {
    if (++held_ <= 2 * bound.batch()) return;
    bound.give_back(held_ - bound.batch());
    held_ = bound.batch();
  }

  // Its worker is about to sleep.
  void give_all_back(BasicLiveBound<Sync>& bound) {
    if (held_ == 0) return;
    bound.give_back(held_);
    held_ = 0;
  }

 private:
  int64_t held_ = 0;
};

using LiveBound = BasicLiveBound<>;
using Allowance = BasicAllowance<>;

}  // namespace annulet::sched::internal

#endif  // ANNULET_SCHED_INTERNAL_LIVE_BOUND_H_
