#include "annulet/task/internal/promise.h"

#include "annulet/task/unobserved.h"
#include "annulet/task/worker_context.h"

namespace annulet::task::internal {

std::coroutine_handle<> PromiseBase::leave_to_loop() noexcept {
  current_worker()->finished = this;
  return std::noop_coroutine();
}

void reap(PromiseBase* finished) noexcept {
  Executor* const home = finished->home;
  const JoinState::Finish finish = finished->join().finish();
  if (finish.detached) {
    if (finished->error() != nullptr) report_unobserved(finished->error());
    finished->handle().destroy();
  } else if (finish.task != nullptr) {
    resume_at_home(finish.task);
  } else if (finish.thread != nullptr) {
    finish.thread->open();
  }
  home->retire();
}

}  // namespace annulet::task::internal
