// Runs tasks on a set of workers, each a thread of the caller's with a Parker of its own.
//
//   sched::Scheduler scheduler;
//   sched::Worker& worker = scheduler.add_worker(parker);
//   std::thread thread([&] { worker.run(); });
//   ...
//   scheduler.close(); scheduler.wait_until_idle(deadline); scheduler.stop(); thread.join();
//
// Use it for tasks without I/O, or through runtime::Runtime, which brings threads, reactors and the
// order of stopping. A task spawned on the Scheduler starts on the worker that spawns it, or, from
// other threads, on one after the other; when woken it continues on the worker that wakes it. A
// task spawned on a Worker stays there.
// Threads: every method from any thread, except that workers are added before the first of them
// runs.
// Lifetime: outlives its workers' threads and every task.
#ifndef ANNULET_SCHED_SCHEDULER_H_
#define ANNULET_SCHED_SCHEDULER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "annulet/sched/internal/live_count.h"
#include "annulet/sched/worker.h"
#include "annulet/task/executor.h"
#include "annulet/wait/deadline.h"
#include "annulet/wait/event_count.h"
#include "annulet/wait/parker.h"

namespace annulet::sched {

class Scheduler final : public task::Executor {
 public:
  Scheduler() = default;

  // `parker` outlives the scheduler.
  Worker& add_worker(wait::Parker& parker);

  size_t size() const { return workers_.size(); }
  Worker& worker(size_t index) { return *workers_[index]; }

  void post(task::Runnable* runnable) noexcept override;
  bool admit() noexcept override;
  void retire() noexcept override;

  // How many spawned tasks have not ended. Exact once the intake is closed, else a moment's view.
  uint64_t live() const;

  // Stopping, in this order. Each is idempotent.
  // Refuses further spawns; what lives runs on.
  void close();
  // After close(): true once no task lives, false at `until`. Not in a task.
  bool wait_until_idle(wait::Deadline until);
  // Makes every Worker::run() return after the task that it is running. Tasks left behind stay
  // suspended for ever.
  void stop();

  bool closed() const { return intake_.closed(); }
  // Acquire pairs with stop().
  bool stopped() const { return stopped_.load(std::memory_order_acquire); }

 private:
  friend class Worker;

  Worker* current_worker() const;
  // For workers, once closed: lets wait_until_idle() look again.
  void announce_progress() { progress_.notify_all(); }

  std::vector<std::unique_ptr<Worker>> workers_;
  wait::EventCount progress_;
  std::atomic<bool> stopped_{false};
  std::atomic<size_t> next_worker_{0};

  alignas(wait::kCacheLine) internal::Intake intake_;
};

}  // namespace annulet::sched

#endif  // ANNULET_SCHED_SCHEDULER_H_
