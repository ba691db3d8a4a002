// Options of a ring, and the errors that rings return.
#ifndef ANNULET_RING_OPTIONS_H_
#define ANNULET_RING_OPTIONS_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "annulet/ring/internal/sequencer.h"
#include "annulet/ring/sequence.h"

namespace annulet::ring {

struct RingOptions {
  // Events; a power of two from 2 to 2^40. All are built when the ring is.
  size_t capacity = 1024;
  // Consumers, work groups, and workers of groups that may take part at the same time; 1 to 63.
  size_t max_consumers = 16;
  // The number of the first event.
  Sequence first_sequence = 0;
};

// InvalidArgument says which option is wrong, and how.
absl::Status check(const RingOptions& options);

namespace internal {

// The options, which must pass check(): else the program ends.
const RingOptions& must_pass(const RingOptions& options);

// What a claim that got nothing returns. `failure`: what halted the ring, if something did.
absl::Status status_of(Outcome outcome, size_t capacity, absl::string_view slowest,
                       const absl::Status& failure);

}  // namespace internal
}  // namespace annulet::ring

#endif  // ANNULET_RING_OPTIONS_H_
