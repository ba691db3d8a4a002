#include "annulet/task/executor.h"

#include <algorithm>
#include <string_view>

namespace annulet::task {

absl::Status Executor::refusal() const {
  return absl::FailedPreconditionError(
      "spawn: refused, the executor is stopping and takes no new tasks");
}

const Context& Executor::named_context(Priority priority, const char* name) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(named_.begin(), named_.end(), [&](const Context& context) {
    return context.priority == priority && std::string_view(context.name) == name;
  });
  if (found != named_.end()) return *found;
  return named_.emplace_front(Context{.home = this, .priority = priority, .name = name});
}

}  // namespace annulet::task
