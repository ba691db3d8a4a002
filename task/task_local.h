// A value that follows a task from thread to thread and into what it awaits.
//
//   inline const TaskLocal<std::string> kRequest;
//
//   co_await with_value(kRequest, id, serve());           // in serve() and all that it awaits
//   const std::string* request = co_await kRequest.get();  // null outside of any with_value()
//
// Use it for what belongs to a piece of work rather than to a thread: the request that is served, a
// trace. Not for arguments: pass them. A task that is spawned does not inherit the values of its
// spawner, which may end before it; wrap it in a with_value() of its own.
// Cost: with_value() a frame; get() a walk through as many values as are set, from the innermost.
// Threads: in tasks.
// Lifetime: the key outlives its uses; a value lives in the frame of its with_value().
#ifndef ANNULET_TASK_TASK_LOCAL_H_
#define ANNULET_TASK_TASK_LOCAL_H_

#include <coroutine>
#include <utility>

#include "annulet/task/context.h"
#include "annulet/task/task.h"
#include "annulet/task/this_task.h"

namespace annulet::task {

namespace internal {

struct LocalValue {
  const void* key;
  const void* value;
  const LocalValue* outer = nullptr;
};

class [[nodiscard]] FindValueAwaiter {
 public:
  explicit FindValueAwaiter(const void* key) : key_(key) {}
  bool await_ready() const noexcept { return false; }
  template <TaskPromise P>
  bool await_suspend(std::coroutine_handle<P> self) noexcept {
    const LocalValue* value = self.promise().context->values;
    while (value != nullptr && value->key != key_) value = value->outer;
    found_ = value != nullptr ? value->value : nullptr;
    return false;
  }

 protected:
  const void* found_ = nullptr;

 private:
  const void* key_;
};

template <class T>
class [[nodiscard]] GetValueAwaiter : public FindValueAwaiter {
 public:
  using FindValueAwaiter::FindValueAwaiter;
  const T* await_resume() const noexcept { return static_cast<const T*>(found_); }
};

class SetValue {
 public:
  explicit SetValue(LocalValue& value) : value_(value) {}
  void operator()(Context& context) const {
    value_.outer = context.values;
    context.values = &value_;
  }

 private:
  LocalValue& value_;
};

}  // namespace internal

// The key: each object is one of its own.
template <class T>
class TaskLocal {
 public:
  constexpr TaskLocal() {}
  TaskLocal(const TaskLocal&) = delete;
  TaskLocal& operator=(const TaskLocal&) = delete;

  // The innermost value, or null. Never suspends. Valid as long as the task runs within that
  // with_value().
  internal::GetValueAwaiter<T> get() const { return internal::GetValueAwaiter<T>(this); }
};

// `task`, in which, and in what it awaits, `key` has `value`.
template <class T, class R>
Task<R> with_value(const TaskLocal<T>& key, T value, Task<R> task) {
  internal::LocalValue local{.key = &key, .value = &value};
  co_return co_await internal::ContextAwaiter<R, internal::SetValue>(task.promise(),
                                                                     internal::SetValue(local));
}

}  // namespace annulet::task

#endif  // ANNULET_TASK_TASK_LOCAL_H_
