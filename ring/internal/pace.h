// How long a reader in the midst of a stream holds back before he looks for more of it.
//
// A look takes the lines that the producer is writing away from his core. Where cores lie far apart
// that halts him for as long as he needs for a hundred events; so who looks too often finds little,
// and soon looks again. Held back to find `few` events or more in a look, a stream between far
// cores takes a quarter of the time. A stream that does not bring an eighth of that however long
// the reader waits is a sparse one, in which each pause would only delay an event: there he holds
// back for a moment only, and now and then tries whether it has become denser.
#ifndef ANNULET_RING_INTERNAL_PACE_H_
#define ANNULET_RING_INTERNAL_PACE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace annulet::ring::internal {

class Pace {
 public:
  // The most pause instructions before a look: one or two microseconds.
  static constexpr uint32_t kMost = 64;
  static constexpr uint32_t kMostIfSparse = 4;
  static constexpr uint32_t kLooksUntilRetry = 256;

  // Of a small ring less, lest the producer wait for the reader meanwhile.
  explicit Pace(size_t capacity) : few_(std::clamp<uint64_t>(capacity / 8, 1, 128)) {}

  // Pause instructions before the next look; none unless in a stream.
  uint32_t pauses() const { return pauses_; }
  bool in_stream() const { return pauses_ != 0; }
  void enter_stream() { pauses_ = 1; }
  void leave_stream() { pauses_ = 0; }

  // After a look in a stream, which found so many events.
  void found(uint64_t events) {
    if (events == 0) {
      leave_stream();
    } else if (events >= few_) {
      if (events > 4 * few_ && pauses_ > 1) --pauses_;
    } else if (pauses_ < most()) {
      pauses_ = std::min(2 * pauses_, most());
    } else if (looks_until_retry_ > 0) {
      --looks_until_retry_;
    } else if (events <= std::max<uint64_t>(few_ / 8, 1)) {
      looks_until_retry_ = kLooksUntilRetry;
      pauses_ = kMostIfSparse;
    }
  }

 private:
  uint32_t most() const { return looks_until_retry_ > 0 ? kMostIfSparse : kMost; }

  uint64_t few_;
  uint32_t pauses_ = 0;
  uint32_t looks_until_retry_ = 0;  // 0: not known to be sparse
};

}  // namespace annulet::ring::internal

#endif  // ANNULET_RING_INTERNAL_PACE_H_
