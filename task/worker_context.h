// What a thread that runs tasks offers to the tasks it runs.
//
// For those who write awaitables or a loop of their own; tasks need none of it. One thread-local
// pointer, set by the loop for as long as it runs.
// Threads: owner thread only.
#ifndef ANNULET_TASK_WORKER_CONTEXT_H_
#define ANNULET_TASK_WORKER_CONTEXT_H_

#include <utility>

#include "absl/base/optimization.h"
#include "annulet/task/executor.h"
#include "annulet/task/internal/fork.h"
#include "annulet/task/timers.h"

namespace annulet::task {

struct WorkerContext {
  Executor* executor = nullptr;  // queues on this very worker
  Timers* timers = nullptr;      // this worker's
  // A spawned task that has just ended. Its frame is published or freed by the loop and not inside
  // its own await_suspend, where compilers differ in what they still touch afterwards.
  internal::PromiseBase* finished = nullptr;
  // How many more waits the task that runs may find over before they began, until it must let
  // others run (budget.h).
  int budget = kBudget;
  // Of the tasks in this turn. Empty between two turns.
  internal::ForkList forks;

  static constexpr int kBudget = 128;
};

namespace internal {
// Hands a spawned task's result on, or frees its frame.
void reap(PromiseBase* finished) noexcept;
// Lets the second tasks of all forks on the list run beside the first.
void release_forks(ForkList& forks) noexcept;
}  // namespace internal

// The context of the calling thread, or null where no loop runs. Out of line, so that no compiler
// keeps the address of a thread-local across a suspension after which a coroutine may be on another
// thread.
WorkerContext* current_worker() noexcept;

// Installs a context for as long as it lives, and then puts back the former one.
class ScopedWorkerContext {
 public:
  explicit ScopedWorkerContext(WorkerContext* context) noexcept;
  ~ScopedWorkerContext();
  ScopedWorkerContext(const ScopedWorkerContext&) = delete;
  ScopedWorkerContext& operator=(const ScopedWorkerContext&) = delete;

 private:
  WorkerContext* former_;
};

namespace internal {

// As run(), for loops with something to do before a task's end is told: the one that has ended, to
// be given to reap(), or null.
[[nodiscard]] inline PromiseBase* resume(WorkerContext& context, Runnable* runnable, int budget) {
  context.budget = budget;
  if (ABSL_PREDICT_FALSE(runnable->context == nullptr)) {
    auto* callback = static_cast<CallbackRunnable*>(runnable);
    callback->function(callback);
    return nullptr;
  }
  runnable->handle().resume();
  if (ABSL_PREDICT_FALSE(!context.forks.empty())) release_forks(context.forks);
  return std::exchange(context.finished, nullptr);
}

}  // namespace internal

// Runs `runnable` until it suspends or ends. For loops: the only way to resume something that was
// posted. True: a spawned task has ended, so that one task less lives; it may have been admitted by
// another executor whose tasks this loop also runs.
[[nodiscard]] inline bool run(WorkerContext& context, Runnable* runnable,
                              int budget = WorkerContext::kBudget) {
  internal::PromiseBase* const finished = internal::resume(context, runnable, budget);
  if (finished == nullptr) return false;
  internal::reap(finished);
  return true;
}

}  // namespace annulet::task

#endif  // ANNULET_TASK_WORKER_CONTEXT_H_
