#include "annulet/ring/options.h"

#include <bit>
#include <cstddef>

#include "absl/log/absl_check.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "annulet/ring/internal/sequencer.h"
#include "annulet/wait/sync.h"

namespace annulet::ring {
namespace {

constexpr size_t kMaxCapacity = size_t{1} << 40;
constexpr size_t kMaxReaders = internal::ProgressTable<wait::RealSync>::kMaxReaders;

}  // namespace

absl::Status check(const RingOptions& options) {
  if (options.capacity < 2 || options.capacity > kMaxCapacity ||
      !std::has_single_bit(options.capacity)) {
    return absl::InvalidArgumentError(absl::StrCat("ring: capacity is ", options.capacity,
                                                   "; it must be a power of two from 2 to 2^40"));
  }
  if (options.max_consumers < 1 || options.max_consumers > kMaxReaders) {
    return absl::InvalidArgumentError(absl::StrCat("ring: max_consumers is ", options.max_consumers,
                                                   "; it must be from 1 to ", kMaxReaders));
  }
  return absl::OkStatus();
}

namespace internal {

const RingOptions& must_pass(const RingOptions& options) {
  ABSL_CHECK_OK(check(options));
  return options;
}

absl::Status status_of(Outcome outcome, size_t capacity, absl::string_view slowest,
                       const absl::Status& failure) {
  const auto full = [&] {
    return absl::StrCat("ring: full with ", capacity, " events; waiting for ", slowest);
  };
  switch (outcome) {
    case Outcome::kClaimed:
      return absl::OkStatus();
    case Outcome::kFull:
      return absl::ResourceExhaustedError(full());
    case Outcome::kTimeout:
      return absl::DeadlineExceededError(full());
    case Outcome::kClosed:
      return failure.ok() ? absl::FailedPreconditionError("ring: closed") : failure;
    case Outcome::kTooMany:
      return absl::InvalidArgumentError(
          absl::StrCat("ring: a claim is of 1 to ", capacity, " events, the ring's capacity"));
  }
  return absl::InternalError("ring: unknown outcome of a claim");
}

}  // namespace internal
}  // namespace annulet::ring
