// Sequence: the number of an event in a ring.
//
// Events are numbered in the order in which their places were claimed, from the ring's first
// sequence on (0 unless its options say otherwise). Sequences are compared by their distance, so
// that passing 2^63 or 2^64 is nothing special; what is compared lies less than 2^61 apart.
#ifndef ANNULET_RING_SEQUENCE_H_
#define ANNULET_RING_SEQUENCE_H_

#include <cstdint>

namespace annulet::ring {

using Sequence = uint64_t;

// How far `to` lies behind `from` in the order of publication; negative if it comes before.
constexpr int64_t distance(Sequence from, Sequence to) { return static_cast<int64_t>(to - from); }

namespace internal {

// Farther than any two sequences in use: what is moved by so much is out of reach, and can be told.
inline constexpr Sequence kFar = Sequence{1} << 62;

}  // namespace internal
}  // namespace annulet::ring

#endif  // ANNULET_RING_SEQUENCE_H_
