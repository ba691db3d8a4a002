// Starts tasks beside the one that calls, on the same scheduler.
//
//   JoinHandle<int> shared = *sched::spawn(work());            // whoever has time runs it
//   int result = co_await std::move(shared);
//
//   LocalJoinHandle<int> local = *sched::spawn_local(work());  // this worker alone runs it
//   int result = co_await std::move(local);                    // only in a task that stays, too
//
// A shared task may be run by any worker, and after each wait by another one. A local task never
// leaves the worker that spawned it: it may use what is not thread-safe, and costs less. Nor does
// its handle, which is awaited, asked and dropped on that worker, by tasks that stay there (checked
// in debug builds): those begun by spawn_on or spawn_local. A shared task, such as the main one of
// block_on, may start some by spawn_local_detached.
// From a thread that runs no tasks name the scheduler: spawn(scheduler, work()), or the worker:
// spawn_on(scheduler.worker(i), work()), whose handle may be anywhere.
// Cost: a frame and a few stores; shared, now and then a fence besides.
// Threads: in tasks, and in EngineOptions::on_start.
#ifndef ANNULET_SCHED_SPAWN_H_
#define ANNULET_SCHED_SPAWN_H_

#include <source_location>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "annulet/sched/internal/batch.h"
#include "annulet/sched/scheduler.h"
#include "annulet/sched/worker.h"
#include "annulet/task/local_join.h"
#include "annulet/task/spawn.h"
#include "annulet/task/task.h"

namespace annulet::sched {

using task::JoinHandle;
using task::LocalJoinHandle;
using task::Priority;
using task::Task;

// `name`, if any, is for tools and reports of failures; it lives as long as the program, and there
// is a bounded number of them. FailedPrecondition, and the task is destroyed unstarted, when the
// scheduler is stopping, or when the caller is no task of a scheduler; ResourceExhausted, as well,
// when SchedulerOptions::max_live tasks live.
// `site` is for SchedulerOptions::spawn_sites, and without them a constant in a register.
template <class T>
absl::StatusOr<JoinHandle<T>> spawn(Task<T> work, Priority priority = Priority::kNormal,
                                    const char* name = nullptr,
                                    std::source_location site = std::source_location::current()) {
  Worker* const worker = Worker::current();
  if (worker == nullptr) return task::internal::no_worker_error();
  work.promise().join().set_spawned(/*detached=*/false);
  if (!worker->start_shared(work.promise(), priority, name, site)) return worker->refusal();
  return JoinHandle<T>(&work.release());
}

// As above, on `scheduler`, from any thread.
template <class T>
absl::StatusOr<JoinHandle<T>> spawn(Scheduler& scheduler, Task<T> work,
                                    Priority priority = Priority::kNormal,
                                    const char* name = nullptr,
                                    std::source_location site = std::source_location::current()) {
  work.promise().join().set_spawned(/*detached=*/false);
  if (!scheduler.start(work.promise(), priority, name, site)) return scheduler.refusal();
  return JoinHandle<T>(&work.release());
}

// As spawn(), without a handle.
template <class T>
absl::Status spawn_detached(Task<T> work, Priority priority = Priority::kNormal,
                            const char* name = nullptr,
                            std::source_location site = std::source_location::current()) {
  Worker* const worker = Worker::current();
  if (worker == nullptr) return task::internal::no_worker_error();
  work.promise().join().set_spawned(/*detached=*/true);
  if (!worker->start_shared(work.promise(), priority, name, site)) return worker->refusal();
  work.release();
  return absl::OkStatus();
}

template <class T>
absl::Status spawn_detached(Scheduler& scheduler, Task<T> work,
                            Priority priority = Priority::kNormal, const char* name = nullptr,
                            std::source_location site = std::source_location::current()) {
  work.promise().join().set_spawned(/*detached=*/true);
  if (!scheduler.start(work.promise(), priority, name, site)) return scheduler.refusal();
  work.release();
  return absl::OkStatus();
}

// As spawn(), for a task that stays on this worker, as its handle does.
template <class T>
absl::StatusOr<LocalJoinHandle<T>> spawn_local(
    Task<T> work, Priority priority = Priority::kNormal, const char* name = nullptr,
    std::source_location site = std::source_location::current()) {
  Worker* const worker = Worker::current();
  if (worker == nullptr) return task::internal::no_worker_error();
  work.promise().join().set_spawned_locally(/*detached=*/false);
  if (!worker->start_own(work.promise(), priority, name, site)) return worker->refusal();
  return LocalJoinHandle<T>(&work.release());
}

// As spawn_local(), without a handle.
template <class T>
absl::Status spawn_local_detached(Task<T> work, Priority priority = Priority::kNormal,
                                  const char* name = nullptr,
                                  std::source_location site = std::source_location::current()) {
  Worker* const worker = Worker::current();
  if (worker == nullptr) return task::internal::no_worker_error();
  work.promise().join().set_spawned_locally(/*detached=*/true);
  if (!worker->start_own(work.promise(), priority, name, site)) return worker->refusal();
  work.release();
  return absl::OkStatus();
}

// As spawn(), for a task that stays on `worker`, from any thread.
template <class T>
absl::StatusOr<JoinHandle<T>> spawn_on(
    Worker& worker, Task<T> work, Priority priority = Priority::kNormal, const char* name = nullptr,
    std::source_location site = std::source_location::current()) {
  work.promise().join().set_spawned(/*detached=*/false);
  if (!worker.start(work.promise(), priority, name, site)) return worker.refusal();
  return JoinHandle<T>(&work.release());
}

// Starts all of `work`, to be run by whoever has time, from any thread: as one, which from outside
// costs little more than a single one. Refused as spawn() is, all of them or none.
template <class T>
absl::StatusOr<std::vector<JoinHandle<T>>> spawn_all(
    Scheduler& scheduler, std::vector<Task<T>> work, Priority priority = Priority::kNormal,
    const char* name = nullptr, std::source_location site = std::source_location::current()) {
  std::vector<JoinHandle<T>> handles;
  handles.reserve(work.size());
  // First, for it may throw.
  const task::Context& context = scheduler.spawn_context(scheduler, priority, name, site);
  if (!scheduler.admit_all(work.size())) return scheduler.refusal();
  internal::Batch batch;
  for (Task<T>& each : work) {
    task::internal::Promise<T>& promise = each.release();
    promise.context = &context;
    promise.join().set_spawned(/*detached=*/false);
    batch.push(&promise);
    handles.emplace_back(&promise);
  }
  scheduler.post_all(batch, priority);
  return handles;
}

}  // namespace annulet::sched

#endif  // ANNULET_SCHED_SPAWN_H_
