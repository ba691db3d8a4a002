// A scheduler with threads of its own: start, run, stop.
//
//   absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::create({.workers = 4});
//   int result = (*engine)->block_on(main_task());
//   absl::Status stopped = (*engine)->stop(wait::deadline_after(wait::Clock::now(), seconds(5)));
//
// Use it for tasks that compute and wait for each other. For tasks that do I/O use
// runtime::Runtime, which is an Engine whose workers sleep in reactors.
// Signals: the workers block all of them, but for those that report what a thread itself did wrong.
// fork(): a child must not use its parent's engine; exec in it or create one of its own. block_on,
// run, stop and the destructor end a child that tries; what it spawns never runs.
// Cost: a thread for each worker. block_on and run are a hand-over to a worker and back, with a
// system call each way where somebody sleeps; a spawn from outside is a compare-exchange, and the
// same system call; one by a task costs what spawn.h says.
// Threads: every method from any thread.
// Lifetime: outlives its tasks and every call of it.
#ifndef ANNULET_SCHED_ENGINE_H_
#define ANNULET_SCHED_ENGINE_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <source_location>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/log/check.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "annulet/sched/blocking.h"
#include "annulet/sched/internal/home_process.h"
#include "annulet/sched/options.h"
#include "annulet/sched/scheduler.h"
#include "annulet/sched/spawn.h"
#include "annulet/task/cancel.h"
#include "annulet/task/spawn.h"
#include "annulet/task/task.h"
#include "annulet/wait/deadline.h"
#include "annulet/wait/parker.h"

namespace annulet::sched {

struct EngineOptions {
  static constexpr size_t kMostWorkers = 1024;

  // 0: as many as cores this process may use by its affinity mask and the quotas of its control
  // group and those around it, but at least two, so that one that is kept busy does not hold up the
  // rest.
  size_t workers = 0;
  bool pin_threads = false;             // worker i to the i-th of those cores
  std::string thread_name = "annulet";  // the worker's number follows; 10 characters count
  SchedulerOptions scheduler;
  BlockingOptions blocking;  // the pool of run_blocking.h
  // How long stop() waits for tasks to end once all sleeps have been cancelled.
  std::chrono::milliseconds cancel_grace{1000};

  // Hooks: called in a worker's thread with its number, for counters, traces, and what a thread
  // needs. Empty ones cost nothing.
  // Before its first task. It may spawn as a task of the worker would, by spawn.h; what it spawns
  // may run on other workers before it returns. Engine::create() returns when it has returned on
  // all workers, and fails if it throws on one: that one's on_stop is not called, and what was
  // spawned on a worker that never began is given up.
  std::function<void(size_t)> on_start;
  // After its last task, and before and after each sleep; on_stop not of a worker that a stop has
  // left. These must return, for a stop waits for them, and must not spawn or wake tasks, cancel,
  // or use the engine. What they throw is reported (task/unobserved.h), with the hook and the
  // worker's number, and the worker goes on.
  std::function<void(size_t)> on_stop;
  std::function<void(size_t)> on_park;
  std::function<void(size_t)> on_unpark;
};

// Where workers sleep, for those who bring something to sleep in, such as reactors.
class WorkerHost {
 public:
  virtual ~WorkerHost() = default;
  // How many workers it is for. As many as EngineOptions::workers says, if that is not 0.
  virtual size_t size() const = 0;
  // Any thread. The parker outlives the scheduler.
  virtual wait::Parker& parker(size_t worker) = 0;
  // In the worker's thread: before its first task, and after its last if begin() went well.
  virtual absl::Status begin(size_t worker) = 0;
  virtual void end(size_t worker) = 0;
  // In the worker's thread, as part of a stop: ends all waits of its tasks but sleeps, and those
  // that they begin from now on.
  virtual void cancel_waits(size_t worker) = 0;
};

class Engine {
 public:
  // InvalidArgument: bad options. ResourceExhausted: no threads are left. Internal: on_start threw.
  static absl::StatusOr<std::unique_ptr<Engine>> create(const EngineOptions& options = {});
  // As above, with workers that sleep in what `host` brings.
  static absl::StatusOr<std::unique_ptr<Engine>> create(const EngineOptions& options,
                                                        std::unique_ptr<WorkerHost> host);

  // stop() without waiting for tasks to finish by themselves, and without its limit: a task or call
  // that runs may use what goes next, so this waits for it, and says so in the log. Not if a stop()
  // has told of it. Not in a task or call of its own.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Runs `main_task` on a worker, blocks until it has ended, and returns its result or rethrows its
  // exception. Tasks it spawned may live on. Not in tasks. Once close() or stop() has been called
  // it ends the program, for it has no other way to refuse: a thread that may meet a stop, such as
  // a blocking call, takes spawn() and joins the handle.
  template <class T>
  T block_on(task::Task<T> main_task) {
    process_.check("block_on");
    main_task.promise().join().set_spawned(/*detached=*/false);
    CHECK(scheduler_->start_main(main_task.promise()))
        << "block_on: " << scheduler_->refusal() << "; who may meet a stop spawns and joins";
    return task::JoinHandle<T>(&main_task.release()).join();
  }

  // Starts a task. FailedPrecondition, and the task is destroyed unstarted, once stop() has begun;
  // ResourceExhausted, as well, when SchedulerOptions::max_live tasks live. Priority and name as in
  // spawn.h.
  template <class T>
  absl::StatusOr<task::JoinHandle<T>> spawn(
      task::Task<T> work, task::Priority priority = task::Priority::kNormal,
      const char* name = nullptr, std::source_location site = std::source_location::current()) {
    return sched::spawn(*scheduler_, std::move(work), priority, name, site);
  }
  template <class T>
  absl::Status spawn_detached(task::Task<T> work, task::Priority priority = task::Priority::kNormal,
                              const char* name = nullptr,
                              std::source_location site = std::source_location::current()) {
    return sched::spawn_detached(*scheduler_, std::move(work), priority, name, site);
  }
  // Starts all of `work`, or none, at little more than the price of one.
  template <class T>
  absl::StatusOr<std::vector<task::JoinHandle<T>>> spawn_all(
      std::vector<task::Task<T>> work, task::Priority priority = task::Priority::kNormal,
      const char* name = nullptr, std::source_location site = std::source_location::current()) {
    return sched::spawn_all(*scheduler_, std::move(work), priority, name, site);
  }
  // Starts a task on the worker `index`, which it never leaves. InvalidArgument, as well, unless
  // that is one of 0..workers()-1.
  template <class T>
  absl::StatusOr<task::JoinHandle<T>> spawn_on(
      size_t index, task::Task<T> work, task::Priority priority = task::Priority::kNormal,
      const char* name = nullptr, std::source_location site = std::source_location::current()) {
    if (index >= workers()) return no_such_worker(index);
    return sched::spawn_on(scheduler_->worker(index), std::move(work), priority, name, site);
  }

  // Runs a plain function on a worker, where fork_join() and its kin are parallel, blocks until it
  // has ended, and returns its result or rethrows its exception. Not in tasks, which just call it;
  // and as block_on(), not where it may meet a stop.
  template <class Function>
  std::invoke_result_t<Function&> run(Function function) {
    return block_on(call_on_worker<Function>(std::move(function)));
  }

  size_t workers() const { return scheduler_->size(); }
  uint64_t live_tasks() const { return scheduler_->live(); }
  WorkerMetrics metrics() const { return scheduler_->metrics(); }
  Scheduler& scheduler() { return *scheduler_; }
  // For its tasks' calls that block; without threads until the first of them.
  BlockingPool& blocking() { return blocking_; }

  // Cancelled when a stop begins: for what should end before the tasks that are at work.
  task::CancelToken stop_token() const { return stopping_.token(); }

  // Refuses spawns from now on and cancels stop_token(). Idempotent; stop() begins with it.
  void close();
  // After close(): true once no task lives, false at `until`. Not in a task.
  bool wait_until_idle(wait::Deadline until) { return scheduler_->wait_until_idle(until); }

  // Stops in this order: close(); waits until no task lives, at most until `drain`; then cancels
  // every sleep, every blocking call that waits for a thread, and what else the workers wait for,
  // also what is begun later, and waits for cancel_grace; ends the threads. Ok when every task and
  // call has ended. DeadlineExceeded, with their number, when some had to be left:
  //   tasks that are suspended stay so; their frames are never freed;
  //   blocking calls that run, and workers in a task that does not return, for which it waits two
  //   seconds before the grace and two behind it, run on. What they use must stay, for as long as
  //   the process lives.
  // FailedPrecondition, and nothing happens, in a task or a blocking call of its own. Idempotent: a
  // later or concurrent call returns what the first did, but a sooner `drain` holds for both.
  absl::Status stop(wait::Deadline drain);

 private:
  class CancelWaits;
  struct Core;

  // What a stop did not bring to its end.
  struct Left {
    bool any() const { return tasks + calls + workers > 0; }
    // Needs no memory.
    std::array<char, 320> describe() const noexcept;

    uint64_t tasks = 0;  // that live
    size_t calls = 0;    // blocking calls that run
    size_t workers = 0;  // that have not come back
  };

  Engine(const EngineOptions& options, std::unique_ptr<WorkerHost> host);

  template <class Function>
  static task::Task<std::invoke_result_t<Function&>> call_on_worker(Function function) {
    co_return function();
  }

  absl::Status no_such_worker(size_t index) const;
  absl::Status start_threads(size_t count);
  bool on_own_thread() const;
  void bring_forward(wait::Deadline drain);
  wait::Deadline drain_until();
  void end_threads(bool wait_for_running) noexcept;
  size_t await_calls(wait::Deadline grace);
  void look_for_calls();
  void report(const char* what) const noexcept;
  void cancel_all_waits();
  void join_threads();
  void leave_behind() noexcept;

  const internal::HomeProcess process_;
  std::unique_ptr<Core> core_;  // all that the threads use
  Scheduler* const scheduler_;  // of the core
  BlockingPool& blocking_;      // likewise
  std::vector<std::thread> threads_;
  task::CancelSource stopping_;

  absl::Mutex drain_mutex_;
  wait::Deadline drain_until_ = wait::kNever;  // under drain_mutex_: the soonest asked for
  absl::Mutex stop_mutex_;
  bool stopped_ = false;  // under stop_mutex_
  Left left_;             // under stop_mutex_
};

}  // namespace annulet::sched

#endif  // ANNULET_SCHED_ENGINE_H_
