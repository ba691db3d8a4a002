// The whole of Annulet in one object: an engine, reactors for its workers, and their orderly end.
//
//   absl::StatusOr<std::unique_ptr<Runtime>> runtime = Runtime::create({.engine = {.workers = 2}});
//   int result = (*runtime)->block_on(main_task());
//
// Each worker is one thread with one reactor; a task's I/O goes through the reactor of the thread
// it runs on. Use it for programs whose tasks do I/O. For CPU work alone a sched::Engine is enough.
// Signals: the runtime's threads block all of them and SIGPIPE is never raised by its I/O;
// dispositions stay as they are.
// fork(): a child must not use the parent's runtime; exec in it or create one of its own. What
// would wait for the parent's threads ends a child that tries (sched/engine.h).
// Privileges: drop them before create(); rings made earlier would keep the former ones.
// Threads: every method from any thread that runs no tasks, unless it says otherwise.
// Lifetime: outlives its tasks.
#ifndef ANNULET_RUNTIME_RUNTIME_H_
#define ANNULET_RUNTIME_RUNTIME_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <source_location>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "annulet/io/backend.h"
#include "annulet/sched/engine.h"
#include "annulet/task/cancel.h"
#include "annulet/task/spawn.h"
#include "annulet/task/task.h"
#include "annulet/wait/deadline.h"

namespace annulet::runtime {

struct RuntimeOptions {
  // Threads and their names, hooks, priorities, bounds, the pool for blocking calls: as for an
  // engine. What on_start spawns may do I/O; on_park and on_unpark also stand around waits for I/O.
  sched::EngineOptions engine;
  io::Backend backend = io::Backend::kAuto;  // see io/backend.h
  unsigned ring_entries = 512;               // see io/reactor.h
};

class Runtime {
 public:
  // InvalidArgument: bad options. Unavailable: io_uring was demanded and does not work.
  // ResourceExhausted: no threads or descriptors are left. Internal: on_start has thrown.
  static absl::StatusOr<std::unique_ptr<Runtime>> create(const RuntimeOptions& options = {});

  // shutdown() without waiting for tasks to finish by themselves; but waits for what runs, as
  // ~Engine() does. Not in a task of its own.
  ~Runtime() = default;

  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // Runs `main_task` on a worker, blocks until it has ended, and returns its result or rethrows its
  // exception. Tasks it spawned may live on. Ends the program once shutdown() has begun: a thread
  // that may meet that takes spawn() and joins the handle.
  template <class T>
  T block_on(task::Task<T> main_task) {
    return engine_->block_on(std::move(main_task));
  }

  // Starts a task on some worker. Any thread, and in tasks. FailedPrecondition, and the task is
  // destroyed unstarted, once shutdown() has begun; ResourceExhausted, as well, when
  // SchedulerOptions::max_live tasks live. Priority and name as in sched/spawn.h.
  template <class T>
  absl::StatusOr<task::JoinHandle<T>> spawn(
      task::Task<T> work, task::Priority priority = task::Priority::kNormal,
      const char* name = nullptr, std::source_location site = std::source_location::current()) {
    return engine_->spawn(std::move(work), priority, name, site);
  }
  template <class T>
  absl::Status spawn_detached(task::Task<T> work, task::Priority priority = task::Priority::kNormal,
                              const char* name = nullptr,
                              std::source_location site = std::source_location::current()) {
    return engine_->spawn_detached(std::move(work), priority, name, site);
  }

  // Starts all of `work`, or none, at little more than the price of one.
  template <class T>
  absl::StatusOr<std::vector<task::JoinHandle<T>>> spawn_all(
      std::vector<task::Task<T>> work, task::Priority priority = task::Priority::kNormal,
      const char* name = nullptr, std::source_location site = std::source_location::current()) {
    return engine_->spawn_all(std::move(work), priority, name, site);
  }

  // Starts a task on the worker `index`, which it never leaves. InvalidArgument, as well, unless
  // that is one of 0..threads()-1.
  template <class T>
  absl::StatusOr<task::JoinHandle<T>> spawn_on(
      size_t index, task::Task<T> work, task::Priority priority = task::Priority::kNormal,
      const char* name = nullptr, std::source_location site = std::source_location::current()) {
    return engine_->spawn_on(index, std::move(work), priority, name, site);
  }

  size_t threads() const { return engine_->workers(); }
  const io::BackendChoice& backend() const { return backend_; }
  uint64_t live_tasks() const { return engine_->live_tasks(); }
  sched::Engine& engine() { return *engine_; }

  // Cancelled when shutdown() begins: for what should end before the tasks that are at work, such
  // as accepting.
  task::CancelToken stop_token() const { return engine_->stop_token(); }

  // Stops in this order: refuses spawns; cancels stop_token(); waits until no task lives, at most
  // until `drain`; then cancels every wait (I/O, sleeps, and blocking calls that have not begun
  // return Cancelled, also later ones) and waits for cancel_grace; ends the threads. Ok when every
  // task has ended. DeadlineExceeded, with their number, when some had to be left: suspended for
  // ever, or running on, as Engine::stop() says. FailedPrecondition, and nothing happens, in a task
  // or a blocking call of its own. Idempotent: a later or concurrent call returns what the first
  // did, but a sooner `drain` holds for both.
  absl::Status shutdown(wait::Deadline drain) { return engine_->stop(drain); }

  // Waits for SIGINT or SIGTERM, or until somebody else begins to stop the runtime, and shuts down,
  // tasks having `drain` to finish; a second signal cuts that short. The two signals must be
  // blocked in all of the program's threads by then, which block_stop_signals() at its start does.
  // ResourceExhausted, and nothing happens: no descriptors are left to wait with.
  absl::Status run_until_signal(std::chrono::milliseconds drain);

 private:
  Runtime(std::unique_ptr<sched::Engine> engine, io::BackendChoice backend);

  std::unique_ptr<sched::Engine> engine_;
  io::BackendChoice backend_;
};

// Blocks SIGINT and SIGTERM in the calling thread and those it starts later, for run_until_signal()
// to receive them. Call it first thing in main().
void block_stop_signals();

}  // namespace annulet::runtime

#endif  // ANNULET_RUNTIME_RUNTIME_H_
