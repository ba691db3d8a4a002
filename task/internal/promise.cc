#include "annulet/task/internal/promise.h"

#include "absl/base/optimization.h"
#include "annulet/task/executor.h"
#include "annulet/task/unobserved.h"
#include "annulet/task/worker_context.h"

namespace annulet::task::internal {

namespace {

[[gnu::noinline]] void destroy_failed(PromiseBase* finished) noexcept {
  report_unobserved(finished->error(), finished->context->name);
  finished->handle().destroy();
}

// Calls last, so that the way of one that ended well saves no registers.
void destroy_unobserved(PromiseBase* finished) noexcept {
  if (ABSL_PREDICT_FALSE(finished->error() != nullptr)) return destroy_failed(finished);
  finished->handle().destroy();
}

void reap_locally(PromiseBase* finished) noexcept {
  const JoinState::LocalFinish finish = finished->join().finish_locally();
  if (finish.detached) {
    destroy_unobserved(finished);
  } else if (finish.task != nullptr) {
    resume_after_turn(finish.task);
  }
}

void reap_shared(PromiseBase* finished) noexcept {
  const JoinState::Finish finish = finished->join().finish();
  if (finish.detached) {
    destroy_unobserved(finished);
  } else if (finish.task != nullptr) {
    resume_after_turn(finish.task);
  } else if (finish.thread != nullptr) {
    finish.thread->open();
  }
}

}  // namespace

void reap(PromiseBase* finished) noexcept {
  finished->join().local() ? reap_locally(finished) : reap_shared(finished);
}

std::coroutine_handle<> end_first(Fork& fork) noexcept {
  if (!current_worker()->forks.take_newest(fork)) return end_in_group(fork.group());
  fork.second().join().set_parent(fork.group().parent());
  return fork.second().handle();
}

void release_forks(ForkList& forks) noexcept {
  while (Fork* const fork = forks.take_oldest()) resume_at_home(&fork->second());
}

}  // namespace annulet::task::internal
