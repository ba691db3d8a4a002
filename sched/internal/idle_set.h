// Which workers sleep, and which one to wake when there is work that any of them may do.
//
//   whoever makes work:  make it visible; idle.notify(wake)
//   a worker:            look for work; none: idle.announce(me); look once more;
//                        found: idle.retract(me); else sleep; then idle.retract(me)
//   it was woken:        look for work; idle.end_search(); if there is more, idle.notify(wake)
//
// One at a time: as long as a worker that was woken still searches, nobody else is woken; when it
// has found something and there is more, it wakes the next. So a burst wakes as many as it needs
// and no herd.
//
// Why no work is left behind while somebody sleeps. Maker and worker each write one thing and then
// read the other's with a full fence between. If the maker reads that nobody sleeps or that
// somebody searches, then whoever announces itself or ends its search later looks at the work
// behind its own fence and sees it.
// Cost: notify() a fence and a load when there is nobody to be woken.
// Threads: notify from any thread, the rest by the worker.
// Lifetime: outlives every call.
// Source: the counts of sleepers and searchers of tokio's scheduler.
#ifndef ANNULET_SCHED_INTERNAL_IDLE_SET_H_
#define ANNULET_SCHED_INTERNAL_IDLE_SET_H_

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "annulet/wait/cache_line.h"
#include "annulet/wait/sync.h"

namespace annulet::sched::internal {

template <class Sync = wait::RealSync>
class BasicIdleSet {
 public:
  BasicIdleSet() = default;
  BasicIdleSet(const BasicIdleSet&) = delete;
  BasicIdleSet& operator=(const BasicIdleSet&) = delete;

  // Before anything else.
  void reset(size_t workers) {
    words_ = (workers + 63) / 64;
    asleep_ = std::make_unique<Word[]>(words_);
  }

  // Calls wake(worker) for one of those who sleep, unless somebody searches already.
  template <class Wake>
  void notify(const Wake& wake) {
    Sync::fence(std::memory_order_seq_cst);  // pairs with announce() and end_search()
    const uint64_t counts = counts_.load(std::memory_order_relaxed);  // ordered by the fence
    if (counts < kSleeper || (counts & kSearching) != 0) [[likely]]
      return;
    wake_one(wake);
  }

  // `worker` is about to sleep: from here on it may be woken. It looks for work once more.
  void announce(size_t worker) {
    counts_.fetch_add(kSleeper, std::memory_order_relaxed);         // ordered by the fence
    word(worker).fetch_or(bit(worker), std::memory_order_relaxed);  // ordered by the fence
    Sync::fence(std::memory_order_seq_cst);                         // pairs with notify()
  }

  // `worker` does not sleep any more. True: it was woken to search, and does so until end_search().
  [[nodiscard]] bool retract(size_t worker) {
    // Relaxed: who clears the bit has the worker; nothing else is handed over.
    const uint64_t before = word(worker).fetch_and(~bit(worker), std::memory_order_relaxed);
    if ((before & bit(worker)) == 0) return true;
    counts_.fetch_sub(kSleeper, std::memory_order_relaxed);  // as above
    return false;
  }

  // A worker that was woken stops searching. It then looks whether there is work for another, since
  // nobody was woken meanwhile.
  void end_search() {
    counts_.fetch_sub(kSearching, std::memory_order_relaxed);  // ordered by the fence
    Sync::fence(std::memory_order_seq_cst);                    // pairs with notify()
  }

  // How many sleep, a moment's view.
  size_t sleepers() const { return counts_.load(std::memory_order_relaxed) / kSleeper; }

 private:
  using Word = typename Sync::template atomic<uint64_t>;
  static constexpr size_t kNobody = SIZE_MAX;
  static constexpr uint64_t kSearching = 1;
  static constexpr uint64_t kSleeper = 2;

  Word& word(size_t worker) { return asleep_[worker / 64]; }
  static uint64_t bit(size_t worker) { return uint64_t{1} << (worker % 64); }

  template <class Wake>
  [[gnu::noinline]] void wake_one(const Wake& wake) {
    uint64_t counts = counts_.load(std::memory_order_relaxed);  // checked by the exchange
    for (;;) {
      // The right to wake somebody: of several who make work at once one has it.
      do {
        if (counts < kSleeper || (counts & kSearching) != 0) return;
      } while (!counts_.compare_exchange_weak(counts, counts + kSearching,
                                              std::memory_order_relaxed));  // ordered by fences
      const size_t worker = take_sleeper();
      if (worker != kNobody) {
        counts_.fetch_sub(kSleeper, std::memory_order_relaxed);  // the searching one stays
        return wake(worker);
      }
      // Those who are counted are waking up by themselves, or announce themselves behind the look.
      // Others have relied on this search, so it takes another look, behind the fence. Not at the
      // counts, which stay until somebody has run on: with no bit set nobody is to be woken.
      end_search();
      if (!anybody_asleep()) return;
      counts = counts_.load(std::memory_order_relaxed);  // ordered by the fence
    }
  }

  bool anybody_asleep() const {
    for (size_t i = 0; i < words_; ++i) {
      if (asleep_[i].load(std::memory_order_relaxed) != 0) return true;  // ordered by the fence
    }
    return false;
  }

  size_t take_sleeper() {
    for (size_t i = 0; i < words_; ++i) {
      uint64_t set = asleep_[i].load(std::memory_order_relaxed);  // checked by the next
      while (set != 0) {
        const uint64_t lowest = set & (~set + 1);
        // Relaxed: who clears the bit has the worker.
        const uint64_t before = asleep_[i].fetch_and(~lowest, std::memory_order_relaxed);
        if ((before & lowest) != 0) return i * 64 + static_cast<size_t>(std::countr_zero(lowest));
        set = before;
      }
    }
    return kNobody;
  }

  // Twice the number of those who sleep, plus one while somebody searches.
  alignas(wait::kCacheLine) typename Sync::template atomic<uint64_t> counts_{0};
  size_t words_ = 0;
  std::unique_ptr<Word[]> asleep_;
};

using IdleSet = BasicIdleSet<>;

}  // namespace annulet::sched::internal

#endif  // ANNULET_SCHED_INTERNAL_IDLE_SET_H_
