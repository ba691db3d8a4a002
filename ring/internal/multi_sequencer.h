// Who may write which sequence, for several producers.
#ifndef ANNULET_RING_INTERNAL_MULTI_SEQUENCER_H_
#define ANNULET_RING_INTERNAL_MULTI_SEQUENCER_H_

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "annulet/ring/internal/sequencer.h"
#include "annulet/ring/sequence.h"
#include "annulet/wait/cache_line.h"
#include "annulet/wait/deadline.h"

namespace annulet::ring::internal {

// A producer that waits takes its sequences by one addition and then waits until they are free, in
// the order of arrival; one that may give up takes none before they are free. close() moves
// claimed_ out of reach in one step: its value before that is where the events end.
template <class Sync>
class MultiSequencer : public Sequencer<Sync> {
 public:
  static constexpr bool kManyProducers = true;

  MultiSequencer(size_t capacity, size_t readers, Sequence first)
      : Sequencer<Sync>(capacity, readers, first), claimed_(first), limit_(first + capacity) {}

  // Any thread. `count` is from 1 to the capacity; `waiter` an OwnWait, GivenWait or NoWait.
  template <class Waiter>
  [[gnu::always_inline]] Grant claim(size_t count, Waiter waiter, wait::Deadline until) {
    if constexpr (std::is_same_v<Waiter, NoWait>) {
      Grant grant = claim_if_free(count);
      if (grant.outcome == Outcome::kFull && is_closed()) grant.outcome = Outcome::kClosed;
      return grant;
    } else {
      return until == wait::kNever ? claim_in_turn(count, waiter)
                                   : claim_until(count, waiter, until);
    }
  }

  void publish(Sequence, Sequence) { this->published_bell().notify_all(); }

  // Where a reader that joins now begins. Relaxed: the fence in ProgressTable::join() orders it.
  Sequence newest() const {
    if (is_closed()) return end_.load(std::memory_order_relaxed);
    const Sequence claimed = claimed_.load(std::memory_order_relaxed);
    // close() may have moved claimed_ already; it never moves limit_, of whatever age that is here.
    const bool moved =
        distance(limit_.load(std::memory_order_relaxed), claimed) > static_cast<int64_t>(kFar / 2);
    return moved ? claimed - kFar : claimed;
  }

  // Of a reader that has handled everything before `next`: whether nothing more will come. One who
  // joins while the ring is being closed may begin behind its end, by the claims refused since.
  bool ends_at(Sequence next) const {
    // end_ was written before the state that state() acquires.
    return is_closed() && distance(end_.load(std::memory_order_relaxed), next) >= 0;
  }

  void close(State how) {
    this->close_by(how, [this] {
      end_.store(claimed_.fetch_add(kFar, std::memory_order_relaxed), std::memory_order_relaxed);
    });
  }

 private:
  // Acquire pairs with the release in raise_limit(): what one producer learnt from the readers'
  // progress, that they have read the old events, holds for all.
  bool is_free(Sequence end) const {
    return distance(end, limit_.load(std::memory_order_acquire)) >= 0;
  }

  // `room` was found by a look that came after all before `claimed` had been claimed. The look has
  // missed who joined since it began, and who begins at `claimed` or later; but it may have seen
  // others after they had gone on from there. So the limit lies a lap behind `claimed` at most.
  void raise_limit(Sequence room, Sequence claimed) {
    const Sequence lap = claimed + this->capacity();
    // An older one may replace a newer one: the next claim then looks for itself.
    limit_.store(distance(lap, room) > 0 ? lap : room, std::memory_order_release);
  }

  bool is_closed() const { return this->state() != State::kOpen; }

  template <class Waiter>
  [[gnu::always_inline]] Grant claim_in_turn(size_t count, Waiter waiter) {
    const Sequence first = claimed_.fetch_add(count, std::memory_order_relaxed);
    if (is_free(first + count)) [[likely]]
      return {.first = first, .outcome = Outcome::kClaimed};
    return {.first = first, .outcome = wait_turn(first + count, waiter)};
  }

  // Of a sequence that is ours: waits until it is free.
  template <class Waiter>
  [[gnu::noinline]] Outcome wait_turn(Sequence end, Waiter waiter) {
    decltype(auto) strategy = waiter();
    // What was claimed before the close is still published, unless the readers have been stopped or
    // have left.
    const auto is_over = [&] {
      const State now = this->state();
      return now == State::kHalted ||
             (now == State::kClosed && (distance(end_.load(std::memory_order_relaxed), end) > 0 ||
                                        !this->table().is_read()));
    };
    for (;;) {
      if (is_over()) return Outcome::kClosed;
      const Sequence room = this->ample_room_end(end);
      if (distance(end, room) >= 0) {
        raise_limit(room, end);
        return Outcome::kClaimed;
      }
      this->wait_for_readers(end - this->capacity(), strategy, wait::kNever, is_over);
    }
  }

  // kFull says that there is no room now.
  Grant claim_if_free(size_t count) {
    Sequence first = claimed_.load(std::memory_order_relaxed);
    for (;;) {
      const Sequence end = first + count;
      if (!is_free(end)) {
        const Sequence room = this->room_end(end);
        // So always, once the ring is closed.
        if (distance(end, room) < 0) return {.first = first, .outcome = Outcome::kFull};
        raise_limit(room, first);
      }
      if (claimed_.compare_exchange_weak(first, end, std::memory_order_relaxed)) {
        return {.first = first, .outcome = Outcome::kClaimed};
      }
    }
  }

  template <class Waiter>
  Grant claim_until(size_t count, Waiter waiter, wait::Deadline until) {
    Grant grant = claim_if_free(count);
    if (grant.outcome == Outcome::kClaimed) return grant;
    decltype(auto) strategy = waiter();
    const auto closed = [this] { return is_closed(); };
    while (grant.outcome == Outcome::kFull) {
      const Sequence target = grant.first + count - this->capacity();
      if (is_closed()) {
        grant.outcome = Outcome::kClosed;
      } else if (!this->wait_for_readers(target, strategy, until, closed)) {
        grant.outcome = Outcome::kTimeout;
      } else {
        grant = claim_if_free(count);
      }
    }
    return grant;
  }

  // Where the producers contend.
  alignas(2 * wait::kCacheLine) typename Sync::template atomic<Sequence> claimed_;
  // Read by every claim, written once in many.
  alignas(2 * wait::kCacheLine) typename Sync::template atomic<Sequence> limit_;
  typename Sync::template atomic<Sequence> end_{0};  // where the events end, once closed
};

}  // namespace annulet::ring::internal

#endif  // ANNULET_RING_INTERNAL_MULTI_SEQUENCER_H_
