// A batch: consecutive events that a reader may look at, until it lets them go.
//
// Cost: as a pointer and two numbers. Threads: the reader's. Lifetime: an event of it may be used
// until it is released.
#ifndef ANNULET_RING_BATCH_H_
#define ANNULET_RING_BATCH_H_

#include <cstddef>

#include "annulet/ring/internal/event_iterator.h"
#include "annulet/ring/sequence.h"

namespace annulet::ring {

template <class Ring>
class Batch {
 public:
  using Event = typename Ring::Event;
  using Iterator = internal::EventIterator<Ring, Event>;

  Batch(const Ring& ring, Sequence first, Sequence end) : ring_(&ring), first_(first), end_(end) {}

  bool empty() const { return first_ == end_; }
  size_t size() const { return end_ - first_; }
  // Of the first event.
  Sequence sequence() const { return first_; }

  Event& operator[](size_t index) const { return ring_->event(first_ + index); }
  Iterator begin() const { return Iterator(*ring_, first_); }
  Iterator end() const { return Iterator(*ring_, end_); }

  // Only with the layout Dense: the events as they lie in memory, in order.
  auto spans() const
    requires(!Ring::Array::kMarks)
  {
    return ring_->spans(first_, end_);
  }

 private:
  const Ring* ring_;
  Sequence first_;
  Sequence end_;
};

}  // namespace annulet::ring

#endif  // ANNULET_RING_BATCH_H_
