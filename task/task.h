// Task<T>: a coroutine that starts when it is awaited and hands its result, or its exception, to
// the awaiter.
//
//   Task<int> answer() { co_return 42; }
//   Task<void> ask() { int n = co_await answer(); ... }
//
// Use it for everything that may wait. To let something run beside you, spawn it (spawn.h) or use
// when_all. Awaiting costs one frame from a free list (about 5 ns); no thread, no queue, no atomic
// operation is involved, and control passes by symmetric transfer, so neither loops of a million
// awaits nor chains a million deep grow the stack.
// Threads: a Task belongs to one thread at a time.
// Lifetime: the Task owns the frame; a frame that has started is never destroyed before it ended,
// so keep the Task until its co_await returns (a temporary does). The coroutine's parameters live
// in the frame: pass by value what must outlive the caller's statement.
#ifndef ANNULET_TASK_TASK_H_
#define ANNULET_TASK_TASK_H_

#include <coroutine>
#include <type_traits>
#include <utility>

#include "absl/base/macros.h"
#include "annulet/task/internal/attributes.h"
#include "annulet/task/internal/promise.h"

namespace annulet::task {

// What a coroutine must be to await Annulet's awaitables.
template <class P>
concept TaskPromise = std::is_base_of_v<internal::PromiseBase, P>;

namespace internal {
template <class T>
class TaskAwaiter;
}  // namespace internal

template <class T = void>
class ANNULET_CORO_TYPE Task {
 public:
  using promise_type = internal::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task(Handle handle) noexcept
      : handle_(handle) {}  // NOLINT: how a coroutine makes its return object
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    Task former(std::move(*this));
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  // Starts it and continues once it has ended. At most once.
  internal::TaskAwaiter<T> operator co_await() && noexcept;

  // For those who start tasks in ways of their own: the promise, without and with its ownership.
  promise_type& promise() const {
    ABSL_ASSERT(handle_ && "this Task was moved from");
    return handle_.promise();
  }
  promise_type& release() {
    ABSL_ASSERT(handle_ && "this Task was moved from");
    return std::exchange(handle_, nullptr).promise();
  }

 private:
  Handle handle_;
};

namespace internal {

template <class T>
class TaskAwaiter {
 public:
  explicit TaskAwaiter(std::coroutine_handle<Promise<T>> child) noexcept : child_(child) {}

  bool await_ready() const noexcept { return false; }

  template <TaskPromise P>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<P> parent) noexcept {
    child_.promise().inherit(parent.promise());
    child_.promise().join().set_parent(parent);
    return child_;
  }

  T await_resume() { return child_.promise().take(); }

 private:
  std::coroutine_handle<Promise<T>> child_;
};

}  // namespace internal

template <class T>
internal::TaskAwaiter<T> Task<T>::operator co_await() && noexcept {
  ABSL_ASSERT(handle_ && "co_await of a Task that was moved from");
  ABSL_ASSERT(!handle_.done() && "co_await of a Task that was awaited before");
  return internal::TaskAwaiter<T>(handle_);
}

}  // namespace annulet::task

#endif  // ANNULET_TASK_TASK_H_
