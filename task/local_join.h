// The handle of a task that never leaves the worker which spawned it: as JoinHandle (spawn.h), but
// task, handle and whoever awaits it are of one thread, and so nothing about it is atomic.
//
// Awaited by tasks of that worker which stay on it as well; a shared task could not, for it may be
// elsewhere after each wait.
// Cost: a few plain loads and stores.
// Threads: the worker's own, which debug builds check.
// Lifetime: that of the worker's loop.
#ifndef ANNULET_TASK_LOCAL_JOIN_H_
#define ANNULET_TASK_LOCAL_JOIN_H_

#include <coroutine>
#include <utility>

#include "absl/base/macros.h"
#include "annulet/task/budget.h"
#include "annulet/task/internal/ended_frame.h"
#include "annulet/task/task.h"
#include "annulet/task/worker_context.h"

namespace annulet::task {

namespace internal {

inline bool runs_here(const PromiseBase& promise) {
  const WorkerContext* worker = current_worker();
  return worker != nullptr && worker->executor == promise.context->home;
}

template <class T>
class [[nodiscard]] LocalJoinAwaiter {
 public:
  explicit LocalJoinAwaiter(Promise<T>* promise) noexcept : promise_(promise) {}

  bool await_ready() const noexcept {
    ABSL_ASSERT(runs_here(*promise_) && "the handle of a local task has left its worker");
    return promise_->join().done_locally() && spend_budget();
  }

  template <TaskPromise P>
  void await_suspend(std::coroutine_handle<P> waiter) noexcept {
    ABSL_ASSERT(runs_here(waiter.promise()) && "a local task is awaited by a task that may move");
    if (promise_->join().done_locally()) return resume_after_turn(&waiter.promise());
    promise_->join().wait_locally(&waiter.promise());
  }

  T await_resume() { return EndedFrame<T>(promise_).take(); }

 private:
  Promise<T>* promise_;
};

}  // namespace internal

template <class T = void>
class [[nodiscard]] LocalJoinHandle {
 public:
  explicit LocalJoinHandle(internal::Promise<T>* promise) noexcept : promise_(promise) {}
  LocalJoinHandle(LocalJoinHandle&& other) noexcept
      : promise_(std::exchange(other.promise_, nullptr)) {}
  LocalJoinHandle& operator=(LocalJoinHandle&& other) noexcept {
    LocalJoinHandle former(std::move(*this));
    std::swap(promise_, other.promise_);
    return *this;
  }
  ~LocalJoinHandle() { detach(); }

  // Whether the task has ended, so that a join would not wait.
  bool done() const {
    check_not_empty();
    ABSL_ASSERT(internal::runs_here(*promise_) && "the handle of a local task has left its worker");
    return promise_->join().done_locally();
  }

  // Waits for the task's end: its result, or rethrows its exception. In tasks of the same worker
  // that do not leave it.
  internal::LocalJoinAwaiter<T> operator co_await() && noexcept {
    check_not_empty();
    return internal::LocalJoinAwaiter<T>(std::exchange(promise_, nullptr));
  }

  // Lets the task run on without anybody waiting for it.
  void detach() {
    if (promise_ == nullptr) return;
    internal::Promise<T>* promise = std::exchange(promise_, nullptr);
    ABSL_ASSERT(internal::runs_here(*promise) && "the handle of a local task has left its worker");
    if (promise->join().detach_locally()) return;
    promise->handle().destroy();
  }

 private:
  void check_not_empty() const {
    ABSL_ASSERT(promise_ != nullptr && "this LocalJoinHandle was moved from, awaited or detached");
  }

  internal::Promise<T>* promise_;
};

}  // namespace annulet::task

#endif  // ANNULET_TASK_LOCAL_JOIN_H_
