#include "annulet/ring/growing_ring.h"

#include "absl/log/absl_check.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "annulet/ring/options.h"

namespace annulet::ring {

absl::Status check(const GrowingRingOptions& options) {
  RingOptions ring{.capacity = options.capacity, .max_consumers = options.max_consumers};
  if (absl::Status status = check(ring); !status.ok()) return status;
  ring.capacity = options.max_capacity;
  if (!check(ring).ok() || options.max_capacity < options.capacity) {
    return absl::InvalidArgumentError(absl::StrCat("ring: max_capacity is ", options.max_capacity,
                                                   "; it must be a power of two, from capacity, ",
                                                   options.capacity, ", to 2^40"));
  }
  if (options.patience < options.patience.zero()) {
    return absl::InvalidArgumentError("ring: patience is negative");
  }
  return absl::OkStatus();
}

namespace internal {

const GrowingRingOptions& must_pass(const GrowingRingOptions& options) {
  ABSL_CHECK_OK(check(options));
  return options;
}

}  // namespace internal
}  // namespace annulet::ring
