// A claim: places in a ring that a producer fills and then publishes.
//
//   ring::Claim claim = ring.claim();            ring::Claim claim = ring.claim(10);
//   if (!claim) return claim.status();           if (!claim) return claim.status();
//   claim->price = 7;                            for (Event& event : claim) event.price = 7;
//   claim.publish();                             claim.publish();
//
// What is not published when the claim goes out of scope, because an exception passed or by a
// return, is cancelled: no reader ever sees it. The events themselves are as the producer left
// them, and the next lap finds them so.
//
// Cost: as a pointer and two numbers. Threads: the one that claimed it. Lifetime: the ring's.
#ifndef ANNULET_RING_CLAIM_H_
#define ANNULET_RING_CLAIM_H_

#include <cstddef>
#include <utility>

#include "absl/log/absl_check.h"
#include "absl/status/status.h"
#include "annulet/ring/internal/event_iterator.h"
#include "annulet/ring/internal/sequencer.h"
#include "annulet/ring/sequence.h"

namespace annulet::ring {

template <class Ring>
class [[nodiscard]] Claim {
 public:
  using Event = typename Ring::Event;
  using Iterator = internal::EventIterator<Ring, Event>;

  Claim(Claim&& other) noexcept
      : ring_(std::exchange(other.ring_, nullptr)),
        first_(other.first_),
        end_(other.end_),
        outcome_(other.outcome_) {}
  Claim& operator=(Claim&&) = delete;
  // Inlined even where an exception passes: else the claim lives in memory.
  [[gnu::always_inline]] ~Claim() {
    if (ring_ != nullptr && outcome_ == internal::Outcome::kClaimed) cancel();
  }

  // False if nothing could be claimed; status() says why.
  explicit operator bool() const { return outcome_ == internal::Outcome::kClaimed; }

  // OK, or: ResourceExhausted (full), DeadlineExceeded, FailedPrecondition (closed),
  // InvalidArgument (0 events, or more than the ring holds), or the failure that halted the ring.
  absl::Status status() const {
    return *this || ring_ == nullptr ? absl::OkStatus() : ring_->status_of(outcome_);
  }

  size_t size() const { return end_ - first_; }
  // Of the first event.
  Sequence sequence() const { return first_; }

  Event& operator*() const { return (*this)[0]; }
  Event* operator->() const { return &(*this)[0]; }
  Event& operator[](size_t index) const { return ring_->event(first_ + index); }
  Iterator begin() const { return Iterator(*ring_, first_); }
  Iterator end() const { return Iterator(*ring_, end_); }

  // Only with the layout Dense: the events as they lie in memory, in order.
  auto spans() const
    requires(!Ring::Array::kMarks)
  {
    return ring_->spans(first_, end_);
  }

  // Readers see the events from now on. Once for each claim.
  void publish() {
    ABSL_DCHECK(*this && ring_ != nullptr) << "publish() of nothing that was claimed";
    std::exchange(ring_, nullptr)->publish_claim(first_, end_);
  }

  // Nobody will see the events.
  void cancel() {
    ABSL_DCHECK(*this && ring_ != nullptr) << "cancel() of nothing that was claimed";
    std::exchange(ring_, nullptr)->cancel_claim(first_, end_);
  }

 private:
  friend Ring;

  Claim(Ring& ring, Sequence first, size_t size, internal::Outcome outcome)
      : ring_(&ring), first_(first), end_(first + size), outcome_(outcome) {}

  Ring* ring_;  // null once published or cancelled
  Sequence first_;
  Sequence end_;
  internal::Outcome outcome_;
};

}  // namespace annulet::ring

#endif  // ANNULET_RING_CLAIM_H_
