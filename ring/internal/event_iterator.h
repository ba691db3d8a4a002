// Goes over consecutive events of a ring.
#ifndef ANNULET_RING_INTERNAL_EVENT_ITERATOR_H_
#define ANNULET_RING_INTERNAL_EVENT_ITERATOR_H_

#include <cstddef>
#include <iterator>

#include "annulet/ring/sequence.h"

namespace annulet::ring::internal {

template <class Ring, class Event>
class EventIterator {
 public:
  using iterator_category = std::forward_iterator_tag;
  using value_type = Event;
  using difference_type = ptrdiff_t;
  using pointer = Event*;
  using reference = Event&;

  EventIterator() = default;
  EventIterator(const Ring& ring, Sequence sequence) : ring_(&ring), sequence_(sequence) {}

  Event& operator*() const { return ring_->event(sequence_); }
  Event* operator->() const { return &ring_->event(sequence_); }
  EventIterator& operator++() {
    ++sequence_;
    return *this;
  }
  EventIterator operator++(int) {
    EventIterator before = *this;
    ++sequence_;
    return before;
  }
  bool operator==(const EventIterator& other) const { return sequence_ == other.sequence_; }

  Sequence sequence() const { return sequence_; }

 private:
  const Ring* ring_ = nullptr;
  Sequence sequence_ = 0;
};

}  // namespace annulet::ring::internal

#endif  // ANNULET_RING_INTERNAL_EVENT_ITERATOR_H_
