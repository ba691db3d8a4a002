// The memory of a ring: events built in place once, and never moved.
#ifndef ANNULET_RING_INTERNAL_EVENT_ARRAY_H_
#define ANNULET_RING_INTERNAL_EVENT_ARRAY_H_

#include <algorithm>
#include <cstddef>
#include <new>

#include "annulet/ring/sequence.h"
#include "annulet/wait/cache_line.h"

namespace annulet::ring::internal {

// An array of `size` cells, each made by make(index) where it stays. Starts at a cache line.
template <class Cell>
class EventArray {
 public:
  template <class Make>
  EventArray(size_t size, const Make& make)
      : cells_(static_cast<Cell*>(::operator new(size * sizeof(Cell), kAlignment))),
        mask_(Mask{size - 1}) {
    try {
      for (; built_ < size; ++built_) make(cells_ + built_, built_);
    } catch (...) {
      destroy();
      throw;
    }
  }
  ~EventArray() { destroy(); }
  EventArray(const EventArray&) = delete;
  EventArray& operator=(const EventArray&) = delete;

  size_t size() const { return static_cast<size_t>(mask_) + 1; }
  Cell* data() const { return cells_; }
  // So many cells ahead of the one in use is time enough to fetch a cell's line from another core.
  static constexpr size_t kAhead = std::max<size_t>(1, 8 * wait::kCacheLine / sizeof(Cell));

  // Fetches the line of a cell that will be written.
  void fetch(Sequence sequence) const { __builtin_prefetch(&of(sequence), /*rw=*/1); }

  // The cell of a sequence. The size is a power of two.
  Cell& of(Sequence sequence) const { return cells_[sequence & static_cast<size_t>(mask_)]; }

 private:
  // A type of its own, so that the compiler knows: writing an event that is a number changes no
  // mask.
  enum class Mask : size_t {};

  static constexpr std::align_val_t kAlignment{std::max(wait::kCacheLine, alignof(Cell))};

  void destroy() {
    while (built_ > 0) cells_[--built_].~Cell();
    ::operator delete(cells_, kAlignment);
  }

  Cell* const cells_;
  const Mask mask_;
  size_t built_ = 0;
};

}  // namespace annulet::ring::internal

#endif  // ANNULET_RING_INTERNAL_EVENT_ARRAY_H_
