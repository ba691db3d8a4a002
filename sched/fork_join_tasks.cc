#include "annulet/sched/fork_join_tasks.h"

#include "annulet/sched/internal/fork_join_domain.h"
#include "annulet/task/executor.h"
#include "annulet/task/worker_context.h"

namespace annulet::sched::internal {
namespace {

using task::internal::Fork;

// At most so many forks at a time, so that an owner with many of them is soon back at its work.
constexpr size_t kMostReleased = 16;

// Somebody has nothing to do: gives away the older half of what nobody has begun.
[[gnu::noinline]] void share(task::WorkerContext& context, ForkJoinWorker& worker,
                             const Fork& newest) noexcept {
  // Whatever is on the list has the same home. A local task's does not leave its worker.
  if (newest.second().context->home == context.executor) return;
  worker.answer([&] {
    for (size_t left = (context.forks.count(2 * kMostReleased) + 1) / 2; left > 0; --left) {
      task::resume_at_home(&context.forks.take_oldest()->second());
    }
  });
}

}  // namespace

void offer(Fork& fork) noexcept {
  task::WorkerContext& context = *task::current_worker();
  context.forks.push(fork);
  ForkJoinWorker* const worker = ForkJoinWorker::current();
  if (worker != nullptr && worker->wanted()) [[unlikely]]
    share(context, *worker, fork);
}

}  // namespace annulet::sched::internal
