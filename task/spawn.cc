#include "annulet/task/spawn.h"

namespace annulet::task::internal {

absl::Status intake_closed_error() {
  return absl::FailedPreconditionError(
      "spawn: refused, the executor is stopping and takes no new tasks");
}

absl::Status no_worker_error() {
  return absl::FailedPreconditionError(
      "spawn_here: the caller is no task; name an executor or a runtime");
}

}  // namespace annulet::task::internal
