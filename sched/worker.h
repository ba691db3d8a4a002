// One thread's share of a Scheduler: its queues, its way in from other threads, its timers, and the
// loop over them.
//
// A worker runs what is most urgent first, and what is equally urgent first in, first out
// (internal/ready_set.h). Tasks whose home is the worker never leave it: to post one from its own
// thread is a plain list operation, from another one an atomic one that wakes the thread only if it
// sleeps. Tasks whose home is the Scheduler lie where other workers may take them. A worker with
// nothing to do takes from outside, then from the others, be it tasks or parts of what they have
// forked (fork_join.h), and then sleeps in its Parker, which is also where its I/O comes from; it
// makes no system call until something happens. It looks at I/O, timers and what came from outside
// at least every `poll_interval` tasks, so that tasks which never wait starve none of them.
// Cost: post by its own thread a few plain stores, by another one a compare-exchange, and a system
// call if the worker sleeps. Begin and end of a task are counted with a plain addition each.
// Threads: post from any thread; the rest by the worker's own.
// Lifetime: that of its Scheduler.
#ifndef ANNULET_SCHED_WORKER_H_
#define ANNULET_SCHED_WORKER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <source_location>

#include "annulet/sched/internal/live_bound.h"
#include "annulet/sched/internal/live_count.h"
#include "annulet/sched/internal/ready_set.h"
#include "annulet/sched/metrics.h"
#include "annulet/task/executor.h"
#include "annulet/task/inbox.h"
#include "annulet/task/internal/promise.h"
#include "annulet/task/timer_wheel.h"
#include "annulet/task/worker_context.h"
#include "annulet/wait/cache_line.h"
#include "annulet/wait/parker.h"

namespace annulet::sched {

class Scheduler;

class Worker final : public task::Executor {
 public:
  // Use Scheduler::add_worker. `parker` outlives the worker.
  Worker(Scheduler& scheduler, wait::Parker& parker, size_t index);

  // The worker whose thread this is, or null. Out of line, so that no coroutine keeps it across a
  // suspension.
  static Worker* current() noexcept;

  // A task whose home is a worker never leaves it.
  void post(task::Runnable* runnable) noexcept override;
  bool admit() noexcept override;
  absl::Status refusal() const override;

  // For spawn.h: counts one more task, unless it is refused, and queues it here, to stay.
  // Any thread.
  bool start(task::internal::PromiseBase& promise, task::Priority priority, const char* name,
             std::source_location site);

  // Owner thread, before run(), while the scheduler is open: calls `function`, whose spawns are
  // those of a task of this worker.
  template <class Function>
  void call(const Function& function) {
    const OnThisThread scope(*this);
    function();
  }

  // Runs tasks in the calling thread until the scheduler has stopped. Once.
  void run();

  // Owner thread: fires every timer as closed and refuses further ones; a sleep returns Cancelled.
  void close_timers() { timers_.close(); }

  // Owner thread, for spawn.h: counts one more task, unless it is refused, and queues it here, to
  // stay or to be run by whoever comes first.
  bool start_own(task::internal::PromiseBase& promise, task::Priority priority, const char* name,
                 std::source_location site) {
    if (!begin_task(promise, *this, priority, name, site)) return false;
    ready_.push_own(priority, &promise);
    return true;
  }
  bool start_shared(task::internal::PromiseBase& promise, task::Priority priority, const char* name,
                    std::source_location site);

  size_t index() const { return index_; }
  Scheduler& scheduler() const { return scheduler_; }
  // Any thread: a moment's view.
  WorkerMetrics metrics() const;

 private:
  friend class Scheduler;
  friend class Simulation;

  // Makes `worker` the one of the calling thread, for as long as it lives.
  class OnThisThread {
   public:
    explicit OnThisThread(Worker& worker) noexcept;
    ~OnThisThread();
    OnThisThread(const OnThisThread&) = delete;
    OnThisThread& operator=(const OnThisThread&) = delete;

   private:
    const task::ScopedWorkerContext context_;
    Worker* const former_;
  };

  // The spawning task lives itself, so a close() seen late cannot make wait_until_idle() miss this
  // one.
  bool begin_tasks(size_t count) {
    if (!intake_.plain() && !may_begin(count)) [[unlikely]]
      return false;
    tally_.begin(count);
    return true;
  }
  [[gnu::noinline]] bool may_begin(size_t count);
  // As begin_tasks(), of one whose home is `home`.
  bool begin_task(task::internal::PromiseBase& promise, task::Executor& home,
                  task::Priority priority, const char* name, std::source_location site) {
    promise.context = &home.context(priority, name);
    if (!intake_.plain() && !may_begin_task(promise, home, site)) [[unlikely]]
      return false;
    tally_.begin();
    return true;
  }
  [[gnu::noinline]] bool may_begin_task(task::internal::PromiseBase& promise, task::Executor& home,
                                        std::source_location site);
  // Owner thread: a task of the scheduler becomes ready.
  void post_shared(task::Runnable* runnable);
  // The same as the last act of a turn: with nothing else to run, it is this worker's next.
  void post_shared_last(task::Runnable* runnable);
  void run_ready();
  template <class Run>
  void run_turns(const Run& run);
  void run_watched(task::Runnable* runnable, wait::Deadline& since);
  // A spawned task has ended. Below a bound there is room again, for this worker at least, before
  // anybody hears of it.
  void reap(task::internal::PromiseBase* finished);
  void tell_queued();
  void look_outside();
  bool find_work();
  void take_injected();
  bool steal();
  void sleep();
  void end_search();

  Scheduler& scheduler_;
  const internal::Intake& intake_;  // the scheduler's
  wait::Parker& parker_;
  const size_t index_;
  task::TimerWheel timers_;
  task::WorkerContext context_;
  internal::Tally tally_;       // of the tasks spawned here and of those that ended here
  internal::LiveBound& bound_;  // the scheduler's
  internal::Allowance allowance_;
  internal::WorkerCounters counters_;
  std::unique_ptr<internal::TurnTimes> turn_times_;  // null: nobody asked for them
  uint64_t random_;
  // What becomes ready is announced to the others as a whole, by whoever set this.
  bool gathering_ = false;
  uint32_t patience_ = 0;   // how many more looks before it sleeps
  bool searching_ = false;  // woken to look for work (internal/idle_set.h)

  internal::ReadySet ready_;

  // Written by other threads.
  alignas(wait::kCacheLine) task::Inbox<task::Runnable> inbox_;
};

}  // namespace annulet::sched

#endif  // ANNULET_SCHED_WORKER_H_
