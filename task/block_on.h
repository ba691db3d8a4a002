// Runs a task to its end on the calling thread, with no scheduler at all.
//
// Use it in tests, in small programs, and as the bridge from a plain main(). It brings queue and
// timers, no I/O: a task that uses sockets needs a runtime. Tasks may start further ones with
// spawn_here; it returns when all have ended.
// Cost: no allocation beside the task's own frames.
// Threads: any that runs no tasks already.
// Lifetime: what the task refers to outlives the call; handles of what it spawned may be kept.
#ifndef ANNULET_TASK_BLOCK_ON_H_
#define ANNULET_TASK_BLOCK_ON_H_

#include <atomic>
#include <cstddef>
#include <utility>

#include "annulet/task/inbox.h"
#include "annulet/task/spawn.h"
#include "annulet/task/timer_wheel.h"
#include "annulet/task/worker_context.h"
#include "annulet/wait/thread_parker.h"

namespace annulet::task {

namespace internal {

// The loop of block_on: ends when every task it admitted has ended.
class BlockingLoop final : public Executor {
 public:
  void post(Runnable* runnable) noexcept override;
  bool admit() noexcept override;
  void run();

 private:
  Inbox<Runnable> inbox_;
  wait::ThreadParker parker_;
  TimerWheel timers_;
  std::atomic<size_t> live_{0};
};

}  // namespace internal

// The task's result, or rethrows its exception. Returns when the task and all it spawned here have
// ended.
template <class T>
T block_on(Task<T> task) {
  ABSL_ASSERT(current_worker() == nullptr && "block_on() inside a task: co_await it instead");
  internal::BlockingLoop loop;
  JoinHandle<T> handle = *spawn(loop, std::move(task));
  loop.run();
  return std::move(handle).join();
}

}  // namespace annulet::task

#endif  // ANNULET_TASK_BLOCK_ON_H_
