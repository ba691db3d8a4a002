// Where tasks continue: all that synchronization, I/O and pools know of a scheduler.
//
// Cost: post and admit are virtual calls; a context without a name is a load, one with a name a
// lock and a search of those that are known.
// Threads: every method from any thread.
// Lifetime: outlives every task whose home it is.
#ifndef ANNULET_TASK_EXECUTOR_H_
#define ANNULET_TASK_EXECUTOR_H_

#include <array>
#include <cstddef>
#include <forward_list>
#include <mutex>
#include <source_location>
#include <string_view>

#include "absl/status/status.h"
#include "annulet/task/context.h"
#include "annulet/task/runnable.h"

namespace annulet::task {

class Executor {
 public:
  Executor() {
    for (const Priority priority : kAllPriorities) {
      contexts_[static_cast<size_t>(priority)] = {.home = this, .priority = priority};
    }
  }
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  virtual ~Executor() = default;

  // Queues `runnable`. Never runs it inline, never fails, never blocks. What the caller did before
  // is visible to it.
  virtual void post(Runnable* runnable) noexcept = 0;

  // The same as the last act of a turn: by the task itself, which suspends with it, or by the loop,
  // for whoever waited for the end of the task that ran. So the worker is free to run it, and no
  // other one need be called for it alone.
  virtual void post_last(Runnable* runnable) noexcept { post(runnable); }

  // Counts one more live task, before its first post. False: it is refused and must not be posted.
  // The loop that runs a task to its end counts one less (run() in worker_context.h).
  virtual bool admit() noexcept = 0;

  // Why admit() has refused: FailedPrecondition, the intake is closed, unless the executor has
  // other reasons.
  virtual absl::Status refusal() const;

  // What tasks spawned here begin with.
  const Context& context(Priority priority = Priority::kNormal) const {
    return contexts_[static_cast<size_t>(priority)];
  }

  // The same with a name, unless that is null, for tools and reports: a string that lives as long
  // as the program, such as a literal. Each pair of priority and name is kept once, as long as the
  // executor lives, so use a bounded number of them. Takes a lock if there is a name. Any thread.
  const Context& context(Priority priority, const char* name) {
    return name == nullptr ? context(priority) : named_context(priority, name);
  }

  // The same for tasks whose name shall say where they were spawned: "name, spawned at file:line",
  // which lives as long as the program, too. Takes a lock and makes a string.
  const Context& context(Priority priority, const char* name, std::source_location site);

 private:
  const Context& named_context(Priority priority, const char* name);
  const Context* find_named(Priority priority, std::string_view name) const;

  std::array<Context, kPriorities> contexts_;
  std::mutex mutex_;
  std::forward_list<Context> named_;  // under mutex_
};

// Lets a suspended computation continue where it belongs.
inline void resume_at_home(Runnable* runnable) { runnable->context->home->post(runnable); }

// The same as the last act of a turn.
inline void resume_after_turn(Runnable* runnable) { runnable->context->home->post_last(runnable); }

}  // namespace annulet::task

#endif  // ANNULET_TASK_EXECUTOR_H_
