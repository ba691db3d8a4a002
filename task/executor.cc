#include "annulet/task/executor.h"

#include <algorithm>
#include <string_view>
#include <utility>

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

const Context& Executor::context(Priority priority, const char* name, std::source_location site) {
  std::string text = name != nullptr ? std::string(name) + ", " : std::string();
  text += "spawned at ";
  text += site.file_name();
  text += ':';
  text += std::to_string(site.line());
  const std::lock_guard lock(mutex_);
  for (const SpawnSite& known : sites_) {
    if (known.context.priority == priority && known.name == text) return known.context;
  }
  SpawnSite& added = sites_.emplace_front(SpawnSite{.name = std::move(text), .context = {}});
  added.context = Context{.home = this, .priority = priority, .name = added.name.c_str()};
  return added.context;
}

}  // namespace annulet::task
