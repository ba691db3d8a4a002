// A stack of forked jobs of which the owner shares the oldest when a thief asks.
//
//      0        tail       split        head
//      v          v          v           v
//     [stolen    |public    |private     | free ]
//                 ^ thieves take here     ^ the owner pushes and takes back here
//
// Use it below fork_join(): jobs live on their owner's stack and end in the reverse order of their
// forks. What is private costs no fence and no locked instruction, for no thief ever looks at it. A
// thief that finds nothing public raises want_, which the owner reads once per fork; the owner then
// moves the split up over half of what is private. Taking back a job that has become public moves
// the split down again, by compare-exchange. Not for items that outlive a stack frame or leave in
// another order: use sched/deque.h.
//
// Why no job is run twice. Tail and split are one word. A thief takes a job by raising the tail,
// the owner by lowering the split to the tail or above, both by compare-exchange on that word; so
// neither does it on an outdated view of the other one. Where tail == split no thief changes the
// word, and the owner stores to it plainly. A word that comes back with the same value (ABA) does
// no harm: the place is read only after the exchange, when the job in it belongs to the thief and
// the owner cannot leave the frame, nor reuse the place, before the job has ended.
//
// Cost: push and take_back of a private job two stores and three loads (below 1 ns).
// Threads: those marked "Thief" by any, the rest by the owner.
// Lifetime: outlives every steal(). Bounded: where it is full, fork_join() runs both sides in
// place.
// Source: van Dijk and van de Pol, "Lace: non-blocking split deque for work-stealing", 2014; tail
// and split in one word, and so no flag for "all stolen", are ours.
#ifndef ANNULET_SCHED_INTERNAL_JOB_DEQUE_H_
#define ANNULET_SCHED_INTERNAL_JOB_DEQUE_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "annulet/wait/cache_line.h"
#include "annulet/wait/deadline.h"
#include "annulet/wait/sync.h"

namespace annulet::sched::internal {

// One side of a fork, in the frame that forked it.
template <class Sync = wait::RealSync>
class BasicJob {
 public:
  // Runs the job; true if it ended by an exception. The result stays with the job.
  using Run = bool (*)(BasicJob& job) noexcept;

  explicit BasicJob(Run run) : run_(run) {}
  BasicJob(const BasicJob&) = delete;
  BasicJob& operator=(const BasicJob&) = delete;

  // Thief number `thief`, which has stolen the job. The job may be gone when this returns.
  void run_stolen(uint32_t thief) {
    // Relaxed: says whom to help, no more.
    state_.store((thief + 1) << kThiefShift, std::memory_order_relaxed);
    const bool threw = run_(*this);
    // Release pairs with ended(): the result is visible. In one step with the look at kAsleep, so
    // that the owner either sees the end or is woken.
    const uint32_t before = state_.exchange(threw ? kEnded | kThrew : kEnded,  //
                                            std::memory_order_release);
    if ((before & kAsleep) != 0) Sync::futex_wake(state_, 1);
  }

  // --- the owner of a stolen job ---

  // Acquire pairs with run_stolen().
  bool ended() const { return (state_.load(std::memory_order_acquire) & kEnded) != 0; }
  // Relaxed: once it has ended, which ended() has seen.
  bool threw() const { return (state_.load(std::memory_order_relaxed) & kThrew) != 0; }

  // Who runs it, unless it has ended or the thief has not said so yet.
  std::optional<uint32_t> thief() const {
    const uint32_t thief = state_.load(std::memory_order_relaxed) >> kThiefShift;  // a hint
    return thief == 0 ? std::nullopt : std::optional(thief - 1);
  }

  // Sleeps until it has ended, or `until`; may return early. False: there is nothing to sleep on
  // yet, for the thief is between the theft and its first word; its processor may be the caller's.
  [[nodiscard]] bool sleep(wait::Deadline until) {
    uint32_t state = state_.load(std::memory_order_relaxed);  // checked by the exchange
    // A thief that has not said its name would overwrite the mark.
    if (state >> kThiefShift == 0) return (state & kEnded) != 0;
    if ((state & kAsleep) == 0) {
      // Relaxed: nothing is handed over.
      if (!state_.compare_exchange_strong(state, state | kAsleep, std::memory_order_relaxed)) {
        return true;
      }
      state |= kAsleep;
    }
    Sync::futex_wait(state_, state, until);
    return true;
  }

 private:
  static constexpr uint32_t kEnded = 1;
  static constexpr uint32_t kThrew = 2;   // with kEnded
  static constexpr uint32_t kAsleep = 4;  // the owner sleeps, or did once
  static constexpr uint32_t kThiefShift = 3;

  const Run run_;
  // 0: not stolen, or by a thief that has not said so. While it runs: who runs it, and kAsleep.
  // Then: kEnded, kThrew.
  typename Sync::template atomic<uint32_t> state_{0};
};

template <class Sync = wait::RealSync, uint32_t kCapacity = 1024>
class BasicJobDeque {
 public:
  using Job = BasicJob<Sync>;

  struct Stolen {
    Job* job;   // null: nothing is public
    bool more;  // there was more behind it
  };

  BasicJobDeque() = default;
  BasicJobDeque(const BasicJobDeque&) = delete;
  BasicJobDeque& operator=(const BasicJobDeque&) = delete;

  // False: it is full.
  [[nodiscard]] bool push(Job* job) {
    if (head_ == kCapacity) [[unlikely]]
      return false;
    places_[head_++].write() = job;
    return true;
  }

  // Whether a thief has asked for jobs. Relaxed: no job depends on an answer, for the owner takes
  // back what nobody steals; a wish seen late is answered by the next fork. Who has asked before it
  // sleeps counts as asleep before it asks, and the answer's caller has a full fence between this
  // load and the look at who sleeps, so that it is woken.
  bool wanted() const { return want_.load(std::memory_order_relaxed); }

  // Answers wanted(): makes half of the private jobs public, rounded up. The caller then wakes
  // whoever sleeps.
  void expose() {
    if (head_ == split_) return;
    lower_request();  // before the split moves
    const uint32_t split = split_ + (head_ - split_ + 1) / 2;
    // Relaxed: checked by the exchange, and final where nothing is public.
    uint64_t word = word_.load(std::memory_order_relaxed);
    if (!has_public(word)) {
      // Release pairs with steal(): the jobs are visible.
      word_.store(make_word(split_, split), std::memory_order_release);
    } else {
      // Release as above.
      while (!word_.compare_exchange_weak(word, make_word(tail_of(word), split),
                                          std::memory_order_release, std::memory_order_relaxed)) {
      }
    }
    split_ = split;
  }

  // For an answer by other means than expose(), before that becomes visible: so that a request made
  // afterwards stays. Relaxed: whoever has asked and is about to sleep is woken by the caller,
  // whose full fence orders this store, too.
  void lower_request() { want_.store(false, std::memory_order_relaxed); }

  // The newest job is the owner's again, or, if this says false, stolen; then it stays where it is
  // until the owner has seen its end and calls drop().
  [[nodiscard]] bool take_back() {
    if (head_ == split_) [[unlikely]]
      return take_back_public();
    --head_;
    return true;
  }

  void drop() {
    // Everything below was stolen before it. The word may say so in a moment or two: tail and split
    // are equal, and that is all that it is asked.
    --head_;
    split_ = head_;
  }

  // Thief: the oldest public job.
  Stolen steal() {
    uint64_t word = word_.load(std::memory_order_relaxed);  // checked by the exchange
    while (has_public(word)) {
      const uint32_t tail = tail_of(word);
      // Acquire pairs with expose(): the place and the job in it are visible.
      if (word_.compare_exchange_weak(word, word + 1, std::memory_order_acquire,
                                      std::memory_order_relaxed)) {
        return {places_[tail].read(), has_public(word + 1)};
      }
    }
    return {nullptr, false};
  }

  // Thief. Relaxed: a hint, but for whoever has a full fence before it; see ForkJoinDomain.
  bool has_public() const { return has_public(word_.load(std::memory_order_relaxed)); }

  // Thief: asks the owner to make jobs public.
  void request() {
    // Relaxed, both: a look first, since the owner reads this line at each fork.
    if (!want_.load(std::memory_order_relaxed)) want_.store(true, std::memory_order_relaxed);
  }

 private:
  static constexpr uint64_t make_word(uint32_t tail, uint32_t split) {
    return uint64_t{split} << 32 | tail;
  }
  static constexpr uint32_t tail_of(uint64_t word) { return static_cast<uint32_t>(word); }
  static constexpr uint32_t split_of(uint64_t word) { return static_cast<uint32_t>(word >> 32); }
  static constexpr bool has_public(uint64_t word) { return tail_of(word) != split_of(word); }

  [[gnu::noinline]] bool take_back_public() {
    uint64_t word = word_.load(std::memory_order_relaxed);  // as in expose()
    uint32_t split = 0;
    do {
      if (!has_public(word)) return false;
      // Half of them, so that the thieves keep some and the next jobs are private again.
      split = tail_of(word) + (split_of(word) - tail_of(word)) / 2;
      // Relaxed: the owner gets back what it wrote itself. The exchange keeps the release sequence
      // of expose() for those that stay public.
    } while (!word_.compare_exchange_weak(word, make_word(tail_of(word), split),
                                          std::memory_order_relaxed));
    split_ = split;
    --head_;
    return true;
  }

  // The owner's: where it pushes, and its copy of the split.
  alignas(wait::kCacheLine) uint32_t head_ = 0;
  uint32_t split_ = 0;

  // Written by thieves, too.
  alignas(wait::kCacheLine) typename Sync::template atomic<uint64_t> word_{0};  // tail, split << 32
  typename Sync::template atomic<bool> want_{false};

  alignas(wait::kCacheLine) std::array<typename Sync::template cell<Job*>, kCapacity> places_;
};

using Job = BasicJob<>;
using JobDeque = BasicJobDeque<>;

}  // namespace annulet::sched::internal

#endif  // ANNULET_SCHED_INTERNAL_JOB_DEQUE_H_
