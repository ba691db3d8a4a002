// Lets a task run beside its starter, and hands its result to whoever joins it.
//
//   JoinHandle<int> handle = *spawn(executor, answer());
//   int n = co_await std::move(handle);      // in a task
//   int n = std::move(handle).join();        // in a thread that runs no tasks
//   if (handle.wait_until(deadline)) ...     // there, too
//
// A handle that is dropped or detached leaves its task running; handles never abort. An exception
// that ends the task is rethrown to whoever joins it, else it is counted and reported
// (unobserved.h).
// Cost: result, join state and queue node lie in the task's frame, so a spawn allocates that frame
// and nothing more; an end or a join is one atomic operation.
// Threads: spawn and a handle's end from any thread; a handle belongs to one thread at a time.
// Lifetime: a handle of an ended task may outlive the executor.
#ifndef ANNULET_TASK_SPAWN_H_
#define ANNULET_TASK_SPAWN_H_

#include <coroutine>
#include <type_traits>
#include <utility>

#include "absl/base/macros.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "annulet/task/budget.h"
#include "annulet/task/executor.h"
#include "annulet/task/internal/ended_frame.h"
#include "annulet/task/task.h"
#include "annulet/task/worker_context.h"
#include "annulet/wait/deadline.h"

namespace annulet::task {

namespace internal {

template <class T>
class [[nodiscard]] JoinAwaiter {
 public:
  explicit JoinAwaiter(Promise<T>* promise) noexcept : promise_(promise) {}

  bool await_ready() const noexcept { return promise_->join().done() && spend_budget(); }

  template <TaskPromise P>
  void await_suspend(std::coroutine_handle<P> waiter) noexcept {
    Runnable* const runnable = &waiter.promise();
    // Ended meanwhile, or out of budget: whatever else is ready runs first.
    if (!promise_->join().wait(runnable)) resume_after_turn(runnable);
  }

  T await_resume() { return EndedFrame<T>(promise_).take(); }

 private:
  Promise<T>* promise_;
};

}  // namespace internal

template <class T = void>
class [[nodiscard]] JoinHandle {
 public:
  explicit JoinHandle(internal::Promise<T>* promise) noexcept : promise_(promise) {}
  JoinHandle(JoinHandle&& other) noexcept : promise_(std::exchange(other.promise_, nullptr)) {}
  JoinHandle& operator=(JoinHandle&& other) noexcept {
    JoinHandle former(std::move(*this));
    std::swap(promise_, other.promise_);
    return *this;
  }
  ~JoinHandle() { detach(); }

  // Whether the task has ended, so that a join would not wait.
  bool done() const {
    check_not_empty();
    return promise_->join().done();
  }

  // Waits in a task for the task's end: its result, or rethrows its exception.
  internal::JoinAwaiter<T> operator co_await() && noexcept {
    check_not_empty();
    return internal::JoinAwaiter<T>(std::exchange(promise_, nullptr));
  }

  // Blocks the calling thread until the task's end: for ever, if that was left behind by a stop.
  // Not in a thread that runs tasks, which might wait for itself.
  T join() && {
    (void)wait_until(wait::kNever);
    return internal::EndedFrame<T>(std::exchange(promise_, nullptr)).take();
  }

  // Blocks the calling thread until the task's end: true, and join() does not wait; or until
  // `until`: false, and the handle is as before. Not in a thread that runs tasks.
  bool wait_until(wait::Deadline until) {
    ABSL_ASSERT(current_worker() == nullptr &&
                "join() blocks a worker: co_await the handle instead");
    check_not_empty();
    return promise_->join().wait_until(until);
  }

  // Lets the task run on without anybody waiting for it.
  void detach() {
    if (promise_ == nullptr) return;
    internal::Promise<T>* promise = std::exchange(promise_, nullptr);
    if (promise->join().detach()) return;
    promise->handle().destroy();
  }

 private:
  void check_not_empty() const {
    ABSL_ASSERT(promise_ != nullptr && "this JoinHandle was moved from, joined or detached");
  }

  internal::Promise<T>* promise_;
};

namespace internal {

// Why a spawn is refused that names no executor.
absl::Status no_worker_error();

template <class T>
Promise<T>* start(Executor& executor, Task<T>& task, bool detached) {
  if (!executor.admit()) return nullptr;
  Promise<T>* promise = &task.release();
  promise->context = &executor.context();
  promise->join().set_spawned(detached);
  executor.post(promise);
  return promise;
}

}  // namespace internal

// Starts `task` on `executor`. FailedPrecondition, and the task is destroyed unstarted, when that
// is stopping; some have other reasons to refuse (Executor::refusal()).
template <class T>
absl::StatusOr<JoinHandle<T>> spawn(Executor& executor, Task<T> task) {
  internal::Promise<T>* promise = internal::start(executor, task, /*detached=*/false);
  if (promise == nullptr) return executor.refusal();
  return JoinHandle<T>(promise);
}

// As spawn, without a handle.
template <class T>
absl::Status spawn_detached(Executor& executor, Task<T> task) {
  if (internal::start(executor, task, /*detached=*/true) == nullptr) return executor.refusal();
  return absl::OkStatus();
}

// Starts `task` on the worker that runs the caller. FailedPrecondition outside of tasks.
template <class T>
absl::StatusOr<JoinHandle<T>> spawn_here(Task<T> task) {
  if (current_worker() == nullptr) return internal::no_worker_error();
  return spawn(*current_worker()->executor, std::move(task));
}

// As spawn_here, without a handle.
template <class T>
absl::Status spawn_here_detached(Task<T> task) {
  if (current_worker() == nullptr) return internal::no_worker_error();
  return spawn_detached(*current_worker()->executor, std::move(task));
}

// A task that calls `function(arguments...)`, which itself returns a Task, and owns both until that
// has ended. For a lambda with captures, which a coroutine does not keep alive by itself.
template <class Function, class... Arguments>
std::invoke_result_t<Function&, Arguments...> call(Function function, Arguments... arguments) {
  co_return co_await function(std::move(arguments)...);
}

}  // namespace annulet::task

#endif  // ANNULET_TASK_SPAWN_H_
