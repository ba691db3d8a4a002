// Layouts: how the events of a ring lie in memory, and how a reader learns that they are published.
//
// Slots, the default: beside each event a mark. Whoever waits for the next event polls that event's
// own mark, so that the news and the event arrive by one transfer of a cache line.
//   Cost: 8 bytes an event. Use it unless a reason for Dense is known.
//
// Dense: events and nothing else; readers poll the ring's count of published events. A batch is at
// most two std::span, and a stream of small events runs faster by a quarter to a half; a single
// event takes two transfers. For single producers, since several do not publish in order.
#ifndef ANNULET_RING_LAYOUT_H_
#define ANNULET_RING_LAYOUT_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <span>

#include "annulet/ring/internal/event_array.h"
#include "annulet/ring/sequence.h"

namespace annulet::ring {
namespace internal {

// What is known of the event at some sequence.
struct Run {
  Sequence end;  // one past the events that were published, or cancelled, together with it
  bool published = false;
  bool cancelled = false;
};

template <class T, class Sync>
class SlotArray {
 public:
  static constexpr bool kMarks = true;

  template <class Make>
  SlotArray(size_t size, Sequence first, const Make& make)
      : slots_(size, [&](void* place, size_t index) { ::new (place) Slot(first, make, index); }) {}

  size_t size() const { return slots_.size(); }
  T& event(Sequence sequence) const { return slots_.of(sequence).event; }
  static constexpr size_t ahead() { return EventArray<Slot>::kAhead; }
  void fetch(Sequence sequence) const { slots_.fetch(sequence); }

  // The mark of the first of the events published together says where they end. A mark from an
  // earlier lap is at most the sequence of the slot's present event: what was published together
  // fits into the ring.
  void mark(Sequence first, Sequence end) const {
    // Release pairs with the acquire in look(): who sees the mark sees the events.
    slots_.of(first).mark.store(end, std::memory_order_release);
  }

  // As mark(), for events that nobody shall see.
  void mark_cancelled(Sequence first, Sequence end) const { mark(first, end + kFar); }

  // `sequence`: the first of what was published together.
  Run look(Sequence sequence) const {
    // Acquire pairs with the release in mark().
    const Sequence end = slots_.of(sequence).mark.load(std::memory_order_acquire);
    const int64_t length = distance(sequence, end);
    if (length <= 0) return {.end = sequence};
    if (length <= static_cast<int64_t>(size())) return {.end = end, .published = true};
    // A cancelled mark of an earlier lap is at most kFar ahead.
    if (length > static_cast<int64_t>(kFar)) return {.end = end - kFar, .cancelled = true};
    return {.end = sequence};
  }

 private:
  struct Slot {
    template <class Make>
    Slot(Sequence first, const Make& make, size_t index) : mark(first), event(make(index)) {}

    typename Sync::template atomic<Sequence> mark;
    T event;
  };

  EventArray<Slot> slots_;
};

template <class T, class Sync>
class DenseArray {
 public:
  static constexpr bool kMarks = false;

  template <class Make>
  DenseArray(size_t size, Sequence /*first*/, const Make& make)
      : events_(size, [&](void* place, size_t index) { ::new (place) T(make(index)); }) {}

  size_t size() const { return events_.size(); }
  T& event(Sequence sequence) const { return events_.of(sequence); }
  static constexpr size_t ahead() { return EventArray<T>::kAhead; }
  void fetch(Sequence sequence) const { events_.fetch(sequence); }

  // The events from `first` to `end` as they lie: up to the end of the memory, and from its start.
  std::array<std::span<T>, 2> spans(Sequence first, Sequence end) const {
    const size_t count = end - first;
    const size_t before = std::min<size_t>(count, size() - (first & (size() - 1)));
    return {std::span<T>(&event(first), before), std::span<T>(events_.data(), count - before)};
  }

 private:
  EventArray<T> events_;
};

}  // namespace internal

struct Slots {
  template <class T, class Sync>
  using Array = internal::SlotArray<T, Sync>;
};

struct Dense {
  template <class T, class Sync>
  using Array = internal::DenseArray<T, Sync>;
};

}  // namespace annulet::ring

#endif  // ANNULET_RING_LAYOUT_H_
