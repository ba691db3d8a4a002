// Keeps a task that never has to wait from keeping its worker.
//
// For those who write awaitables: one whose wait is over before it begins spends a unit, and when
// none is left suspends all the same, behind whatever else is ready. Each turn of a task begins
// with WorkerContext::kBudget units.
//
//   bool await_ready() { return done() && spend_budget(); }
//   void await_suspend(h) { if (done()) resume_after_turn(&h.promise()); else ... }
//
// Cost: a thread-local load and a decrement.
// Threads: in tasks.
// Source: cooperative budgeting in tokio.
#ifndef ANNULET_TASK_BUDGET_H_
#define ANNULET_TASK_BUDGET_H_

#include "annulet/task/worker_context.h"

namespace annulet::task {

// False: the task has had its share and lets others run.
inline bool spend_budget() noexcept { return --current_worker()->budget > 0; }

}  // namespace annulet::task

#endif  // ANNULET_TASK_BUDGET_H_
