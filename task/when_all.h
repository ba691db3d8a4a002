// Awaits several tasks at once: all run beside each other, and the awaiter continues when the last
// has ended.
//
//   auto [a, b] = co_await when_all(first(), second());
//   std::vector<int> all = co_await when_all(std::move(tasks));
//
// Results come in the order of the arguments, std::monostate for void. If some fail, the others
// still run to their end, and the exception of the first in order is rethrown; those of the rest
// are counted and reported (unobserved.h).
// To divide what mostly computes, in two and those again, take fork_join of sched: there a task
// that nobody comes for costs no push and no decrement.
// Cost: one queue push per task but the first, one atomic decrement each; a vector of results for
// the second form.
// Threads: in tasks. Those of a shared task may run on several threads at a time.
// Lifetime: it owns the tasks. As with co_await of a task, what they refer to outlives the
// statement.
#ifndef ANNULET_TASK_WHEN_ALL_H_
#define ANNULET_TASK_WHEN_ALL_H_

#include <coroutine>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/base/macros.h"
#include "annulet/task/executor.h"
#include "annulet/task/internal/awaited_once.h"
#include "annulet/task/internal/group.h"
#include "annulet/task/task.h"

namespace annulet::task {

namespace internal {

template <class T>
using NonVoid = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

template <class T>
NonVoid<T> take_result(Task<T>& task) {
  if constexpr (std::is_void_v<T>) {
    task.promise().take();
    return {};
  } else {
    return task.promise().take();
  }
}

// Starts the children: the first by transfer, the others through the queue of their home.
class GroupStart {
 public:
  GroupStart(Group& group, const PromiseBase& parent) : group_(group), parent_(parent) {}

  void add(PromiseBase& child) {
    ABSL_ASSERT(!child.handle().done() && "when_all is awaited a second time");
    child.inherit(parent_);
    child.join().set_group(&group_);
    if (first_ == nullptr) {
      first_ = &child;
    } else {
      resume_at_home(&child);
    }
  }
  std::coroutine_handle<> first() const { return first_->handle(); }

 private:
  Group& group_;
  const PromiseBase& parent_;
  PromiseBase* first_ = nullptr;
};

template <class... T>
class WhenAllAwaiter {
 public:
  explicit WhenAllAwaiter(Task<T>&&... tasks) : tasks_(std::move(tasks)...) {}

  bool await_ready() const noexcept { return sizeof...(T) == 0; }

  template <TaskPromise P>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<P> parent) noexcept {
    group_.begin(parent, sizeof...(T));
    GroupStart start(group_, parent.promise());
    std::apply([&](Task<T>&... task) { (start.add(task.promise()), ...); }, tasks_);
    return start.first();
  }

  std::tuple<NonVoid<T>...> await_resume() {
    return std::apply(
        [](Task<T>&... task) { return std::tuple<NonVoid<T>...>{take_result(task)...}; }, tasks_);
  }

 private:
  std::tuple<Task<T>...> tasks_;
  Group group_;
};

template <class T>
class WhenAllVectorAwaiter {
 public:
  explicit WhenAllVectorAwaiter(std::vector<Task<T>>&& tasks) : tasks_(std::move(tasks)) {}

  bool await_ready() const noexcept { return tasks_.empty(); }

  template <TaskPromise P>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<P> parent) noexcept {
    group_.begin(parent, tasks_.size());
    GroupStart start(group_, parent.promise());
    for (Task<T>& task : tasks_) start.add(task.promise());
    return start.first();
  }

  std::vector<NonVoid<T>> await_resume() {
    std::vector<NonVoid<T>> results;
    results.reserve(tasks_.size());
    for (Task<T>& task : tasks_) results.push_back(take_result(task));
    return results;
  }

 private:
  std::vector<Task<T>> tasks_;
  Group group_;
};

}  // namespace internal

template <class... T>
internal::AwaitedOnce<internal::WhenAllAwaiter<T...>> when_all(Task<T>... tasks) {
  return internal::AwaitedOnce<internal::WhenAllAwaiter<T...>>(std::in_place, std::move(tasks)...);
}

template <class T>
internal::AwaitedOnce<internal::WhenAllVectorAwaiter<T>> when_all(std::vector<Task<T>> tasks) {
  return internal::AwaitedOnce<internal::WhenAllVectorAwaiter<T>>(std::in_place, std::move(tasks));
}

}  // namespace annulet::task

#endif  // ANNULET_TASK_WHEN_ALL_H_
