#include "annulet/io/internal/operation_awaiter.h"

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "annulet/io/error.h"
#include "annulet/io/reactor.h"

namespace annulet::io::internal {

bool OperationAwaiter::begin_limited(task::internal::CancelState* inherited) {
  Reactor* reactor = Reactor::current();
  if (reactor == nullptr) return Reactor::begin(*this);
  result = -ECANCELED;  // should it not come to a submission
  limits = new OperationLimits(*this, *reactor, limit_ != nullptr ? *limit_ : Limit());
  if (!limits->begin(inherited)) {
    // Through the queue: a task that retries must not keep its worker to itself.
    task::resume_at_home(waiter);
    return true;
  }
  if (!reactor->submit(*this)) return true;
  // Finished at once; only a cancel that is just arriving has to be waited for.
  return !limits->end();
}

absl::Status OperationAwaiter::failure(absl::string_view call) const {
  if (result == -ENXIO) {
    return absl::FailedPreconditionError(
        absl::StrCat(call, ": no reactor; I/O needs a task on a runtime's worker"));
  }
  if (result != -ECANCELED) return io_error(call, -result);
  if (limits != nullptr && limits->deadline_passed()) {
    return absl::DeadlineExceededError(absl::StrCat(call, ": the deadline passed"));
  }
  return absl::CancelledError(absl::StrCat(call, ": cancelled"));
}

}  // namespace annulet::io::internal
