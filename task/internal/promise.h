// The promise of Task<T>: queue node, link to whoever awaits it, and result, in the coroutine's own
// frame.
#ifndef ANNULET_TASK_INTERNAL_PROMISE_H_
#define ANNULET_TASK_INTERNAL_PROMISE_H_

#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

#include "annulet/task/internal/cancel_state.h"
#include "annulet/task/internal/frame_cache.h"
#include "annulet/task/internal/group.h"
#include "annulet/task/internal/join_state.h"
#include "annulet/task/runnable.h"

namespace annulet::task::internal {

class PromiseBase : public Runnable {
 public:
  struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
      return self.promise().ended();
    }
    void await_resume() const noexcept {}
  };

  static void* operator new(std::size_t bytes) { return allocate_frame(bytes); }
  static void operator delete(void* frame, std::size_t bytes) noexcept { free_frame(frame, bytes); }

  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { error_ = std::current_exception(); }

  // Makes this the child that `parent` awaits.
  void inherit(const PromiseBase& parent) {
    home = parent.home;
    cancel_ = parent.cancel_;
  }

  JoinState& join() { return join_; }
  CancelState* cancel() const { return cancel_; }
  void set_cancel(CancelState* cancel) { cancel_ = cancel; }
  const std::exception_ptr& error() const { return error_; }

 protected:
  void rethrow_error() {
    if (error_ != nullptr) std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  std::coroutine_handle<> ended() noexcept {
    if (join_.spawned()) return leave_to_loop();
    if (!join_.grouped()) return join_.parent();
    const std::coroutine_handle<> parent = static_cast<Group*>(join_.group())->leave();
    return parent ? parent : std::noop_coroutine();
  }

  // Spawned: lets the loop that runs this thread reap the frame.
  std::coroutine_handle<> leave_to_loop() noexcept;

  CancelState* cancel_ =
      nullptr;  // the token that the task's waits obey; kept alive by with_cancel
  JoinState join_;
  std::exception_ptr error_;
};

template <class T>
class Promise;

template <class T>
std::coroutine_handle<Promise<T>> handle_of(Promise<T>& promise) {
  static_assert(
      alignof(Promise<T>) <= kFrameHeader,
      "a Task's result must not ask for more than 16-byte alignment: return a unique_ptr to it");
  return std::coroutine_handle<Promise<T>>::from_promise(promise);
}

template <class T>
class Promise final : public PromiseBase {
 public:
  static_assert(!std::is_reference_v<T>, "a Task returns values: return a pointer instead");

  Promise() noexcept {}
  ~Promise() {
    if (has_value_) std::destroy_at(&value_);
  }

  std::coroutine_handle<Promise> get_return_object() { return handle_of(*this); }

  template <class U = T>
    requires std::is_constructible_v<T, U&&>
  void return_value(U&& value) {
    std::construct_at(&value_, std::forward<U>(value));
    has_value_ = true;
  }

  // Once, after the end: the result, or rethrows what ended the task.
  T take() {
    rethrow_error();
    return std::move(value_);
  }

 private:
  union {
    T value_;
  };
  bool has_value_ = false;
};

template <>
class Promise<void> final : public PromiseBase {
 public:
  std::coroutine_handle<Promise> get_return_object() { return handle_of(*this); }
  void return_void() const noexcept {}
  void take() { rethrow_error(); }
};

}  // namespace annulet::task::internal

#endif  // ANNULET_TASK_INTERNAL_PROMISE_H_
