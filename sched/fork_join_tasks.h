// Runs two tasks side by side if another worker has nothing to do, else one after the other.
//
//   Task<uint64_t> fib(unsigned n) {
//     if (n < 2) co_return n;
//     const auto [a, b] = co_await sched::fork_join(fib(n - 1), fib(n - 2));
//     co_return a + b;
//   }
//
// Use it to divide what may wait, recursively and finely: a walk over a tree whose nodes are read
// from somewhere. For functions that never wait take fork_join.h, a tenth of the cost; for a few
// tasks that each wait, task/when_all.h, which makes all of them ready at once and takes any
// number; for tasks that outlive the caller, spawn.h.
//
// The first task runs at once, in the calling thread. Meanwhile another worker may take the second;
// if none has when the first ends, it runs then, in the same thread. As soon as the first waits for
// something, the second is ready, too, and its worker goes on with whatever is next. (Children are
// stolen, not continuations: the caller goes on where its last child ends, and what its statement
// refers to stays in place until then.)
//
// Both tasks always end before the caller goes on, whatever the other one does; then the exception
// of the first is thrown on, or else that of the second. If both fail, that of the second is
// counted and reported (task/unobserved.h). Both see the token, the priority, the name and the
// values of the caller. If the fork is dropped instead of awaited, neither starts; one that has a
// name is awaited by std::move, once.
//
// In a shared task any worker of its scheduler may take the second task, with a share_threshold
// once it is exceeded. In a local task, in block_on() and under a Simulation both stay with the
// caller's worker.
// A worker asks for work, and the others answer at their next fork; so a task that computes for
// long without one keeps for itself what it has forked, unless somebody was idle at the fork.
// Awaiting a fork is a call, not a wait: a loop of those alone keeps its worker.
// A tree whose tasks wait unfolds: all whose turn has come are in flight at once.
// Cost: the frames of both tasks and a few stores, 18 ns in all with fib(); no locked instruction
// but where the second task is taken or the first waits, which is a queue push and two atomic
// decrements. Forks nest as deep as memory allows, with no more stack.
// Threads: in tasks.
// Lifetime: as with co_await of a task, what both refer to outlives the statement.
// How, and why it is right: task/internal/fork.h.
#ifndef ANNULET_SCHED_FORK_JOIN_TASKS_H_
#define ANNULET_SCHED_FORK_JOIN_TASKS_H_

#include <coroutine>
#include <type_traits>
#include <utility>

#include "absl/base/macros.h"
#include "annulet/task/internal/awaited_once.h"
#include "annulet/task/internal/fork.h"
#include "annulet/task/internal/promise.h"
#include "annulet/task/task.h"
#include "annulet/task/when_all.h"

namespace annulet::sched {
namespace internal {

// Puts the fork where its second task may be taken.
void offer(task::internal::Fork& fork) noexcept;

template <class A, class B>
class ForkJoinAwaiter {
 public:
  ForkJoinAwaiter(task::Task<A>&& first, task::Task<B>&& second)
      : first_(std::move(first)), second_(std::move(second)) {}

  bool await_ready() const noexcept { return false; }

  template <task::TaskPromise P>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<P> parent) noexcept {
    task::internal::PromiseBase& first = first_.promise();
    task::internal::PromiseBase& second = second_.promise();
    ABSL_ASSERT(!first.handle().done() && "fork_join is awaited a second time");
    first.inherit(parent.promise());
    first.join().set_fork(&fork_);
    second.inherit(parent.promise());
    second.join().set_group(&fork_.group());
    fork_.begin(parent, second);
    offer(fork_);
    return first.handle();
  }

  auto await_resume() {
    if constexpr (std::is_void_v<A> && std::is_void_v<B>) {
      first_.promise().take();
      second_.promise().take();
    } else {
      auto first = task::internal::take_result(first_);
      return std::pair<task::internal::NonVoid<A>, task::internal::NonVoid<B>>(
          std::move(first), task::internal::take_result(second_));
    }
  }

 private:
  task::Task<A> first_;
  task::Task<B> second_;
  task::internal::Fork fork_;
};

}  // namespace internal

// Gives what both tasks return, as a pair in which std::monostate stands for void; void if both
// return void.
template <class A, class B>
task::internal::AwaitedOnce<internal::ForkJoinAwaiter<A, B>> fork_join(task::Task<A> first,
                                                                       task::Task<B> second) {
  return task::internal::AwaitedOnce<internal::ForkJoinAwaiter<A, B>>(
      std::in_place, std::move(first), std::move(second));
}

}  // namespace annulet::sched

#endif  // ANNULET_SCHED_FORK_JOIN_TASKS_H_
