// Something to await that works once: co_await takes it as an rvalue, a temporary or what has been
// moved, so that nobody awaits it again without another std::move; against that, those that start
// tasks have assertions of their own. `Awaiter`, which it holds, does the work.
// Cost: none with clang, with GCC a pointer in the awaiting frame.
// Threads: of one flow of control.
// Lifetime: until the awaiting task goes on.
#ifndef ANNULET_TASK_INTERNAL_AWAITED_ONCE_H_
#define ANNULET_TASK_INTERNAL_AWAITED_ONCE_H_

#include <coroutine>
#include <utility>

#include "annulet/task/task.h"

namespace annulet::task::internal {

// Awaits what `to` does.
template <class Awaiter>
class ForwardingAwaiter {
 public:
  explicit ForwardingAwaiter(Awaiter& to) noexcept : to_(to) {}

  bool await_ready() const noexcept { return to_.await_ready(); }
  template <TaskPromise P>
  auto await_suspend(std::coroutine_handle<P> self) const {
    return to_.await_suspend(self);
  }
  decltype(auto) await_resume() const { return to_.await_resume(); }

 private:
  Awaiter& to_;
};

template <class Awaiter>
class [[nodiscard]] AwaitedOnce {
 public:
#ifdef __clang__
  using Awaited = Awaiter&;
#else
  using Awaited = ForwardingAwaiter<Awaiter>;  // GCC 12 copies what a reference names
#endif

  template <class... Arguments>
  explicit AwaitedOnce(std::in_place_t, Arguments&&... arguments)
      : awaiter_(std::forward<Arguments>(arguments)...) {}

  Awaited operator co_await() && noexcept { return Awaited(awaiter_); }

 private:
  Awaiter awaiter_;
};

}  // namespace annulet::task::internal

#endif  // ANNULET_TASK_INTERNAL_AWAITED_ONCE_H_
