#include "annulet/task/spawn.h"

namespace annulet::task::internal {

absl::Status no_worker_error() {
  return absl::FailedPreconditionError(
      "spawn: the caller is no task; name a scheduler, an engine or a runtime");
}

}  // namespace annulet::task::internal
