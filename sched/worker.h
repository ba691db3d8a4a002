// One thread's share of a Scheduler: its queue, its way in from other threads, its timers, and the
// loop over them.
//
// A worker runs what was posted to it first in, first out. Posting from its own thread is a plain
// list operation, from another one an atomic one, and wakes the thread only if it sleeps. With
// nothing to do it sleeps in its Parker, which is also where its I/O comes from, and makes no
// system call until something happens. It looks at I/O, timers and the inbox at least every
// kPollInterval tasks, so that tasks which never wait starve none of them.
// Threads: post from any thread; the rest by the worker's own.
// Lifetime: that of its Scheduler.
#ifndef ANNULET_SCHED_WORKER_H_
#define ANNULET_SCHED_WORKER_H_

#include "annulet/sched/internal/live_count.h"
#include "annulet/task/executor.h"
#include "annulet/task/inbox.h"
#include "annulet/task/runnable_queue.h"
#include "annulet/task/timer_heap.h"
#include "annulet/task/worker_context.h"
#include "annulet/wait/cache_line.h"
#include "annulet/wait/parker.h"

namespace annulet::sched {

class Scheduler;

class Worker final : public task::Executor {
 public:
  // How many tasks run at most between two looks at the outside.
  static constexpr int kPollInterval = 61;

  // Use Scheduler::add_worker. `parker` outlives the worker.
  Worker(Scheduler& scheduler, wait::Parker& parker);

  // A task whose home is a worker never leaves it.
  void post(task::Runnable* runnable) noexcept override;
  bool admit() noexcept override;
  void retire() noexcept override;

  // Runs tasks in the calling thread until the scheduler has stopped. Once.
  void run();

  // Owner thread: fires every timer as closed and refuses further ones; a sleep returns Cancelled.
  void close_timers() { timers_.close(); }

 private:
  friend class Scheduler;

  bool on_this_thread() const { return task::current_worker() == &context_; }
  void run_ready();
  void sleep();

  Scheduler& scheduler_;
  wait::Parker& parker_;
  task::RunnableQueue ready_;
  task::TimerHeap timers_;
  task::WorkerContext context_;
  internal::Tally tally_;  // of the tasks spawned here and of those that ended here

  // Written by other threads.
  alignas(wait::kCacheLine) task::Inbox<task::Runnable> inbox_;
};

}  // namespace annulet::sched

#endif  // ANNULET_SCHED_WORKER_H_
