// Who may write which sequence, for one producer.
#ifndef ANNULET_RING_INTERNAL_SINGLE_SEQUENCER_H_
#define ANNULET_RING_INTERNAL_SINGLE_SEQUENCER_H_

#include <cstddef>
#include <type_traits>

#include "absl/log/absl_check.h"
#include "annulet/ring/internal/sequencer.h"
#include "annulet/ring/sequence.h"
#include "annulet/wait/cache_line.h"
#include "annulet/wait/deadline.h"

namespace annulet::ring::internal {

// A claim writes claimed_ and then looks at limit_, which close() puts out of reach before it looks
// at claimed_; with a fence between, the heavy one on the side of close(). So a claim is refused,
// or known to whoever finds the ring closed.
template <class Sync>
class SingleSequencer : public Sequencer<Sync> {
 public:
  static constexpr bool kManyProducers = false;

  SingleSequencer(size_t capacity, size_t readers, Sequence first)
      : Sequencer<Sync>(capacity, readers, first),
        claimed_(first),
        limit_(first + capacity),
        published_(first) {}

  // By the producer. `count` is from 1 to the capacity; `waiter` an OwnWait, GivenWait or NoWait.
  template <class Waiter>
  [[gnu::always_inline]] Grant claim(size_t count, Waiter waiter, wait::Deadline until) {
    const Sequence first = claimed_.load(std::memory_order_relaxed);  // written by this thread
    ABSL_CHECK_EQ(first, published_.load(std::memory_order_relaxed))
        << "a ring for one producer: claim() while an earlier claim is neither published nor "
           "cancelled, or from a second thread";
    if (claims(first + count)) [[likely]]
      return {.first = first, .outcome = Outcome::kClaimed};
    return {.first = first, .outcome = claim_slowly(count, first, waiter, until)};
  }

  // Whether the producer could go on to `end` without waiting.
  bool has_room_for(Sequence end) const {
    return distance(end, limit_.load(std::memory_order_relaxed)) >= 0;
  }

  void publish(Sequence /*first*/, Sequence end) {
    // Release pairs with the acquire in published(): who sees the count sees the events.
    published_.store(end, std::memory_order_release);
    this->published_bell().notify_all();
  }

  // Gives a claim back.
  void cancel(Sequence first) {
    claimed_.store(first, std::memory_order_relaxed);  // ordered by the fence of the bell
    this->published_bell().notify_all();
    // A reader may wait for the claim to end; if he comes after others, at their bells. He has seen
    // the ring shut before the heavy fence of his sleep, so it is seen here behind our light one.
    if (shut_.load(std::memory_order_relaxed)) this->ring_all_bells();
  }

  Sequence published() const { return published_.load(std::memory_order_acquire); }
  // Where a reader that joins now begins.
  Sequence newest() const { return published(); }

  // Of a reader that has handled everything before `next`: whether nothing more will come. The mark
  // of an event is seen before the count, so that published_ may still lie before `next`.
  bool ends_at(Sequence next) const {
    return this->state() != State::kOpen && claimed_.load(std::memory_order_relaxed) == next;
  }

  // By the producer: whether it has a claim that is neither published nor cancelled.
  bool has_claim() const {
    return claimed_.load(std::memory_order_relaxed) != published_.load(std::memory_order_relaxed);
  }

  void close(State how) {
    this->close_by(how, [this] {
      shut_.store(true, std::memory_order_relaxed);
      // A producer that is about to raise limit_ looks at shut_ afterwards, behind a light fence:
      // so either it sees it, or its limit_ is older than ours.
      Sync::fence_heavy();
      limit_.store(claimed_.load(std::memory_order_relaxed) - kFar, std::memory_order_relaxed);
      Sync::fence_heavy();  // pairs with the light fence in claims()
    });
  }

 private:
  bool claims(Sequence end) {
    claimed_.store(end, std::memory_order_relaxed);
    Sync::fence_light();  // pairs with the second heavy fence in close()
    return distance(end, limit_.load(std::memory_order_relaxed)) >= 0;
  }

  template <class Waiter>
  [[gnu::noinline]] Outcome claim_slowly(size_t count, Sequence first, Waiter waiter,
                                         wait::Deadline until) {
    cancel(first);
    if constexpr (std::is_same_v<Waiter, NoWait>) {
      return claim_in_loop(count, first, [](Sequence, const auto&) { return Outcome::kFull; });
    } else {
      decltype(auto) strategy = waiter();
      return claim_in_loop(count, first, [&](Sequence target, const auto& stop) {
        return this->wait_for_readers(target, strategy, until, stop) ? Outcome::kClaimed
                                                                     : Outcome::kTimeout;
      });
    }
  }

  // wait(target, stop) waits for room; kClaimed says that there may be some.
  template <class Wait>
  Outcome claim_in_loop(size_t count, Sequence first, const Wait& wait) {
    const auto shut = [this] { return shut_.load(std::memory_order_relaxed); };
    const Sequence end = first + count;
    for (;;) {
      if (shut()) return Outcome::kClosed;
      const Sequence room = this->ample_room_end(end);
      if (distance(end, room) >= 0) {
        if (raise_limit(room) && claims(end)) return Outcome::kClaimed;
        cancel(first);  // closed meanwhile
        continue;
      }
      const Outcome outcome = wait(end - this->capacity(), shut);
      if (outcome != Outcome::kClaimed) return outcome;
    }
  }

  // False if the ring has been closed.
  bool raise_limit(Sequence room) {
    limit_.store(room, std::memory_order_relaxed);
    Sync::fence_light();  // pairs with the first heavy fence in close()
    if (!shut_.load(std::memory_order_relaxed)) return true;
    limit_.store(room - kFar, std::memory_order_relaxed);
    return false;
  }

  // The producer's line. Others read it when the ring is closed.
  alignas(2 * wait::kCacheLine) typename Sync::template atomic<Sequence> claimed_;
  typename Sync::template atomic<Sequence> limit_;  // one past the last that may be claimed
  typename Sync::template atomic<bool> shut_{false};
  // The line that readers poll.
  alignas(2 * wait::kCacheLine) typename Sync::template atomic<Sequence> published_;
};

}  // namespace annulet::ring::internal

#endif  // ANNULET_RING_INTERNAL_SINGLE_SEQUENCER_H_
