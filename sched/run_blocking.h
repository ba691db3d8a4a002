// Calls that block, in the pool of the engine whose task asks.
//
//   absl::StatusOr<Address> address = co_await run_blocking([&] { return look_up(name); });
//
// All that blocking.h says of run_blocking(pool, function) holds, where the pool is the engine's
// (EngineOptions::blocking). FailedPrecondition where there is none: in a task of a Scheduler that
// has been given no pool, or of a loop that is no Scheduler's.
// Threads: in tasks.
#ifndef ANNULET_SCHED_RUN_BLOCKING_H_
#define ANNULET_SCHED_RUN_BLOCKING_H_

#include <utility>

#include "annulet/sched/blocking.h"
#include "annulet/sched/scheduler.h"
#include "annulet/sched/worker.h"

namespace annulet::sched {

template <class Function>
task::internal::AwaitedOnce<BlockingAwaiter<Function>> run_blocking(Function function) {
  const Worker* const worker = Worker::current();
  BlockingPool* const pool = worker != nullptr ? worker->scheduler().blocking() : nullptr;
  return task::internal::AwaitedOnce<BlockingAwaiter<Function>>(std::in_place, pool,
                                                                std::move(function));
}

}  // namespace annulet::sched

#endif  // ANNULET_SCHED_RUN_BLOCKING_H_
