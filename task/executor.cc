#include "annulet/task/executor.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

namespace annulet::task {
namespace {

// One copy of each text, for as long as the program lives: a task that has failed is called by its
// name even when its executor is gone. There are as many as places that spawn, times names.
const char* keep(std::string text) {
  static std::mutex mutex;
  static auto* const texts = new std::set<std::string>();
  const std::lock_guard lock(mutex);
  return texts->insert(std::move(text)).first->c_str();
}

}  // namespace

absl::Status Executor::refusal() const {
  return absl::FailedPreconditionError(
      "spawn: refused, the executor is stopping and takes no new tasks");
}

const Context* Executor::find_named(Priority priority, std::string_view name) const {
  const auto found = std::find_if(named_.begin(), named_.end(), [&](const Context& context) {
    return context.priority == priority && context.name == name;
  });
  return found != named_.end() ? &*found : nullptr;
}

const Context& Executor::named_context(Priority priority, const char* name) {
  const std::lock_guard lock(mutex_);
  if (const Context* known = find_named(priority, name)) return *known;
  return named_.emplace_front(Context{.home = this, .priority = priority, .name = name});
}

const Context& Executor::context(Priority priority, const char* name, std::source_location site) {
  std::string text = name != nullptr ? std::string(name) + ", " : std::string();
  text += "spawned at ";
  text += site.file_name();
  text += ':';
  text += std::to_string(site.line());
  const std::lock_guard lock(mutex_);
  if (const Context* known = find_named(priority, text)) return *known;
  return named_.emplace_front(
      Context{.home = this, .priority = priority, .name = keep(std::move(text))});
}

}  // namespace annulet::task
