// Runs tasks on a set of workers, each a thread of the caller's with a Parker of its own.
//
//   sched::Scheduler scheduler;
//   sched::Worker& worker = scheduler.add_worker(parker);
//   std::thread thread([&] { worker.run(); });
//   ...
//   scheduler.close(); scheduler.wait_until_idle(deadline); scheduler.stop(); thread.join();
//
// Use it with threads of your own, or through Engine, which brings the threads, or through
// runtime::Runtime, which also brings I/O. A task spawned on the Scheduler is shared: it is queued
// on the worker that spawns or wakes it, and the first worker with time for it runs it. A task
// spawned on a Worker never leaves that.
// Idle workers sleep. Work that becomes ready wakes one of them at once, which wakes the next if
// there is more (internal/idle_set.h).
// Cost: a shared task that becomes ready costs a release store, and now and then a fence, more than
// one of a worker's own.
// Threads: every method from any thread, except that workers are added before the first of them
// runs.
// Lifetime: outlives its workers' threads, every task, and every call of it.
#ifndef ANNULET_SCHED_SCHEDULER_H_
#define ANNULET_SCHED_SCHEDULER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <source_location>
#include <vector>

#include "absl/functional/function_ref.h"
#include "annulet/sched/internal/batch.h"
#include "annulet/sched/internal/fork_join_domain.h"
#include "annulet/sched/internal/idle_set.h"
#include "annulet/sched/internal/injector.h"
#include "annulet/sched/internal/live_bound.h"
#include "annulet/sched/internal/live_count.h"
#include "annulet/sched/metrics.h"
#include "annulet/sched/options.h"
#include "annulet/sched/worker.h"
#include "annulet/task/executor.h"
#include "annulet/wait/deadline.h"
#include "annulet/wait/event_count.h"
#include "annulet/wait/parker.h"

namespace annulet::sched {

class BlockingPool;

class Scheduler final : public task::Executor {
 public:
  // `options` that check() accepts.
  explicit Scheduler(const SchedulerOptions& options = {});
  ~Scheduler() override;

  // `parker` outlives the scheduler.
  Worker& add_worker(wait::Parker& parker);

  // Where its tasks' blocking calls go that name no pool (run_blocking.h). Before the first worker
  // runs; outlives the tasks.
  void set_blocking(BlockingPool* pool) { blocking_ = pool; }
  BlockingPool* blocking() const { return blocking_; }

  size_t size() const { return workers_.size(); }
  Worker& worker(size_t index) { return *workers_[index]; }
  const SchedulerOptions& options() const { return options_; }

  void post(task::Runnable* runnable) noexcept override;
  void post_last(task::Runnable* runnable) noexcept override;
  bool admit() noexcept override { return admit_all(1); }
  absl::Status refusal() const override;

  // For spawn.h: counts one more task, unless it is refused, and queues it to be run by whoever
  // comes first. Any thread.
  bool start(task::internal::PromiseBase& promise, task::Priority priority, const char* name,
             std::source_location site);
  // The same for one that a thread outside waits for, whatever SchedulerOptions::max_live says.
  bool start_main(task::internal::PromiseBase& promise);

  // What a task of `home`, this or one of the workers, begins with.
  const task::Context& spawn_context(task::Executor& home, task::Priority priority,
                                     const char* name, std::source_location site) const {
    if (options_.spawn_sites) return home.context(priority, name, site);
    return home.context(priority, name);
  }

  // For spawn_all(): as admit() and post() for many at once. `batch` holds tasks of this scheduler.
  bool admit_all(size_t count) noexcept;
  void post_all(const internal::Batch& batch, task::Priority priority) noexcept;

  // How many spawned tasks have not ended. Exact once the intake is closed, else a moment's view.
  uint64_t live() const;

  // Stopping, in this order. Each is idempotent.
  // Refuses further spawns; what lives runs on.
  void close();
  // After close(): true once no task lives, false at `until`. Not in a task.
  bool wait_until_idle(wait::Deadline until) {
    return wait_until_idle([until] { return until; });
  }
  // The same where `until` may come sooner than it said: it is asked at each look.
  bool wait_until_idle(absl::FunctionRef<wait::Deadline()> until);
  // Makes every Worker::run() return, after at most a poll_interval of tasks. Tasks left behind
  // stay suspended for ever.
  void stop();

  // The sum over all workers, a moment's view.
  WorkerMetrics metrics() const;

  bool closed() const { return intake_.closed(); }
  // Acquire pairs with stop().
  bool stopped() const { return stopped_.load(std::memory_order_acquire); }

 private:
  friend class Engine;
  friend class Simulation;
  friend class Worker;

  // The worker of this scheduler whose thread this is, or null.
  Worker* current_worker() const;
  // Where the workers' forks go: as many slots as there are workers. Takes memory the first time.
  internal::ForkJoinDomain& forks();
  bool begin_outside(size_t count);
  void post_outside(task::Runnable* runnable) noexcept;
  void inject(task::internal::PromiseBase& promise, task::Priority priority);
  // Wakes somebody who sleeps to look for work, unless somebody does already.
  void notify();
  // As notify(), by a worker.
  void notify_others() {
    if (workers_.size() > 1) notify();
  }
  // For the forks: jobs have become public.
  static void on_public_jobs(void* scheduler) {
    static_cast<Scheduler*>(scheduler)->notify_others();
  }
  // Whether there may be tasks to be run besides the one that the worker `self`, which asks, has
  // next, if it has any.
  bool maybe_tasks_beside(size_t self) const;
  // For workers, once closed, and an engine: lets wait_until_idle() look again.
  void announce_progress() { progress_.notify_all(); }

  const SchedulerOptions options_;
  std::vector<std::unique_ptr<Worker>> workers_;
  BlockingPool* blocking_ = nullptr;
  wait::EventCount progress_;
  std::atomic<bool> stopped_{false};

  std::once_flag forks_made_;
  std::unique_ptr<internal::ForkJoinDomain> forks_;  // an engine, or the first to run, makes it
  internal::LiveBound bound_;
  internal::IdleSet idle_;
  internal::Injector<task::Runnable> injector_;
  alignas(wait::kCacheLine) internal::Intake intake_;
  // How many threads are in the midst of a post from outside. A task may run and be the last before
  // the one who posted it has done with the scheduler.
  std::atomic<size_t> posting_{0};
};

}  // namespace annulet::sched

#endif  // ANNULET_SCHED_SCHEDULER_H_
