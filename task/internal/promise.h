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

#include "annulet/task/context.h"
#include "annulet/task/internal/cancel_state.h"
#include "annulet/task/internal/fork.h"
#include "annulet/task/internal/frame_cache.h"
#include "annulet/task/internal/group.h"
#include "annulet/task/internal/join_state.h"
#include "annulet/task/runnable.h"
#include "annulet/task/worker_context.h"

namespace annulet::task::internal {

// The first task of `fork` has ended: who runs next.
std::coroutine_handle<> end_first(Fork& fork) noexcept;

inline std::coroutine_handle<> end_in_group(Group& group) noexcept {
  const std::coroutine_handle<> parent = group.leave();
  return parent ? parent : std::noop_coroutine();
}

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
  void unhandled_exception() noexcept;

  // Makes this the child that `parent` awaits.
  void inherit(const PromiseBase& parent) { context = parent.context; }

  JoinState& join() { return join_; }
  CancelState* cancel() const { return context->cancel; }

 protected:
  PromiseBase() {}
  // A frame is destroyed before it has started, when `next` is null and so is `failure`, or after
  // it has ended; a failure that is there then has reached nobody.
  ~PromiseBase() {
    if (failure) [[unlikely]]
      report_failure();  // and leaves null, which needs no destructor
  }

  // From here on the link is the place of the failure.
  void ended_well() noexcept { std::construct_at(&failure, nullptr); }

  // The failure is the caller's from now on.
  void rethrow_error() {
    if (failure != nullptr) std::rethrow_exception(std::exchange(failure, nullptr));
  }

 private:
  std::coroutine_handle<> ended() noexcept {
    const JoinState::Role role = join_.role();
    if (role.awaited()) return role.parent();
    if (role.spawned()) return leave_to_loop();
    if (!role.grouped()) return end_first(*static_cast<Fork*>(role.fork()));
    return end_in_group(*static_cast<Group*>(role.group()));
  }

  void report_failure() noexcept;

  // Spawned: lets the loop that runs this thread reap the frame.
  std::coroutine_handle<> leave_to_loop() noexcept {
    current_worker()->finished = this;
    return std::noop_coroutine();
  }

  JoinState join_;
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
    if constexpr (!kTrivial) {
      if (has_value_.set) std::destroy_at(&value_);
    }
  }

  std::coroutine_handle<Promise> get_return_object() { return handle_of(*this); }

  template <class U = T>
    requires std::is_constructible_v<T, U&&>
  void return_value(U&& value) {
    std::construct_at(&value_, std::forward<U>(value));
    if constexpr (!kTrivial) has_value_.set = true;
    ended_well();
  }

  // Once, after the end: the result, or rethrows what ended the task.
  T take() {
    rethrow_error();
    return std::move(value_);
  }

 private:
  // Whether there is a value to be destroyed.
  struct Flag {
    bool set = false;
  };
  struct NoFlag {};
  static constexpr bool kTrivial = std::is_trivially_destructible_v<T>;

  union {
    T value_;
  };
  [[no_unique_address]] std::conditional_t<kTrivial, NoFlag, Flag> has_value_;
};

template <>
class Promise<void> final : public PromiseBase {
 public:
  std::coroutine_handle<Promise> get_return_object() { return handle_of(*this); }
  void return_void() noexcept { ended_well(); }
  void take() { rethrow_error(); }
};

}  // namespace annulet::task::internal

#endif  // ANNULET_TASK_INTERNAL_PROMISE_H_
