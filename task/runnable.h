// A suspended computation that can be queued and resumed: the node that every queue of Annulet
// links.
//
// It is the base of each task's promise, so a suspended coroutine is its own queue node and waiting
// never allocates. A Runnable is in at most one queue at a time, whose owner alone touches `next`.
// Library code that is no coroutine takes part as a CallbackRunnable.
// Cost: 16 bytes.
// Threads: none of its own; handing one over is the queue's business.
#ifndef ANNULET_TASK_RUNNABLE_H_
#define ANNULET_TASK_RUNNABLE_H_

#include <coroutine>
#include <cstddef>
#include <exception>

namespace annulet::task {

struct Context;

struct Runnable {
  Runnable() {}
  Runnable(const Runnable&) = delete;
  Runnable& operator=(const Runnable&) = delete;
  ~Runnable() {}

  union {
    Runnable* next = nullptr;
    // What ended the task, if anything: one that has ended is in no queue. The promise's own.
    std::exception_ptr failure;
  };
  union {
    // Set at spawn, inherited by awaited children. Null: a callback.
    const Context* context = nullptr;
    // Of a task that has failed and is not local, what reports call it, or null: it may outlive its
    // context. The promise's own.
    const char* name;
  };

  // The coroutine whose promise begins with this Runnable. The compilers put a promise right behind
  // the two pointers of the frame's header as long as it asks for no larger alignment, which
  // Task<T> asserts.
  std::coroutine_handle<> handle() { return std::coroutine_handle<Runnable>::from_promise(*this); }
};

inline constexpr std::size_t kFrameHeader = 2 * sizeof(void*);

// A function that can be posted like a task, to run once on the executor's thread. It may be posted
// again, or go, as soon as it has begun to run.
struct CallbackRunnable : Runnable {
  using Function = void (*)(CallbackRunnable*) noexcept;
  explicit CallbackRunnable(Function callback) : function(callback) {}

  const Function function;
};

}  // namespace annulet::task

#endif  // ANNULET_TASK_RUNNABLE_H_
