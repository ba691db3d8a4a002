// What a task may ask of itself: to let others run, to sleep, whether it is to end, and to run a
// part under a token.
//
//   co_await yield();
//   absl::Status woken = co_await sleep_until(deadline);
//   if (co_await cancel_requested()) co_return;
//   co_await with_cancel(token, part());
//
// Cost: yield is one queue push; a sleep links itself into the worker's timers, O(1). It allocates
// nothing, but under a token a part of its own, from the free lists of frames (std::bad_alloc).
// Threads: in tasks only.
#ifndef ANNULET_TASK_THIS_TASK_H_
#define ANNULET_TASK_THIS_TASK_H_

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <utility>

#include "absl/base/macros.h"
#include "absl/status/status.h"
#include "annulet/task/cancel.h"
#include "annulet/task/task.h"
#include "annulet/task/timers.h"
#include "annulet/task/worker_context.h"

namespace annulet::task {

class [[nodiscard]] YieldAwaiter {
 public:
  YieldAwaiter() {}
  bool await_ready() const noexcept { return false; }
  template <TaskPromise P>
  void await_suspend(std::coroutine_handle<P> self) const noexcept {
    resume_after_turn(&self.promise());
  }
  void await_resume() const noexcept {}
};

// Lets everything that is ready run first.
inline YieldAwaiter yield() { return YieldAwaiter(); }

class [[nodiscard]] CancelRequestedAwaiter {
 public:
  CancelRequestedAwaiter() {}
  bool await_ready() const noexcept { return false; }
  template <TaskPromise P>
  bool await_suspend(std::coroutine_handle<P> self) noexcept {
    const internal::CancelState* state = self.promise().cancel();
    requested_ = state != nullptr && state->cancelled();
    return false;
  }
  bool await_resume() const noexcept { return requested_; }

 private:
  bool requested_ = false;
};

// Whether the token that the task runs under has been cancelled. Never suspends.
inline CancelRequestedAwaiter cancel_requested() { return CancelRequestedAwaiter(); }

// 40 bytes in the sleeper's frame. What a cancel needs on top exists only under a token, in memory
// from the free lists of frames.
class [[nodiscard]] SleepAwaiter : private TimerNode {
 public:
  explicit SleepAwaiter(Deadline until) : TimerNode(&fired) { when = until; }
  SleepAwaiter(const SleepAwaiter&) = delete;
  SleepAwaiter& operator=(const SleepAwaiter&) = delete;

  bool await_ready() const noexcept { return false; }

  template <TaskPromise P>
  void await_suspend(std::coroutine_handle<P> self) {
    begin(&self.promise(), self.promise().cancel());
  }

  absl::Status await_resume();

 private:
  class Cancellation;
  enum class Outcome : uintptr_t { kSlept = 0, kCancelled = 1, kClosed = 2 };

  void begin(Runnable* waiter, internal::CancelState* cancel);
  void end(Outcome outcome);
  static void fired(TimerNode* node, TimerEvent event) noexcept;

  static constexpr uintptr_t kOutcome = 3;
  static constexpr uintptr_t kUnderToken = 4;

  // The waiter, or the Cancellation | kUnderToken; and from its end on the outcome.
  uintptr_t word_ = 0;
};

// Ok once `until` has come, never before; Cancelled when the task's token or the shutdown of its
// worker came first.
inline SleepAwaiter sleep_until(Deadline until) { return SleepAwaiter(until); }

// As sleep_until, from now on. Only in tasks.
template <class Rep, class Period>
SleepAwaiter sleep_for(std::chrono::duration<Rep, Period> delay) {
  ABSL_ASSERT(current_worker() != nullptr && "sleep_for() outside of tasks");
  return SleepAwaiter(wait::deadline_after(current_worker()->timers->now(), delay));
}

namespace internal {

// Awaits a task that has a context of its own: the parent's, with a change.
template <class T, class Change>
class [[nodiscard]] ContextAwaiter : public TaskAwaiter<T> {
 public:
  ContextAwaiter(Promise<T>& child, Change change)
      : TaskAwaiter<T>(handle_of(child)), child_(child), change_(change) {}

  template <TaskPromise P>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<P> parent) noexcept {
    std::coroutine_handle<> next = TaskAwaiter<T>::await_suspend(parent);
    context_ = *parent.promise().context;
    change_(context_);
    child_.context = &context_;
    return next;
  }

 private:
  Promise<T>& child_;
  Change change_;
  Context context_;
};

struct SetCancel {
  explicit SetCancel(CancelState* state) : cancel(state) {}
  void operator()(Context& context) const { context.cancel = cancel; }
  CancelState* cancel;
};

}  // namespace internal

// `task`, all of whose waits, and those of the tasks it awaits, obey `token` in place of the token
// they would inherit. To obey both make the token from a CancelSource whose parent is the outer
// one.
template <class T>
Task<T> with_cancel(CancelToken token, Task<T> task) {
  co_return co_await internal::ContextAwaiter<T, internal::SetCancel>(
      task.promise(), internal::SetCancel(token.state()));
}

}  // namespace annulet::task

#endif  // ANNULET_TASK_THIS_TASK_H_
