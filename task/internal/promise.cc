#include "annulet/task/internal/promise.h"

#include "annulet/task/unobserved.h"
#include "annulet/task/worker_context.h"

namespace annulet::task::internal {

namespace {

void destroy_unobserved(PromiseBase* finished) noexcept {
  if (finished->error() != nullptr) report_unobserved(finished->error(), finished->context->name);
  finished->handle().destroy();
}

void reap_locally(PromiseBase* finished) noexcept {
  const JoinState::LocalFinish finish = finished->join().finish_locally();
  if (finish.detached) {
    destroy_unobserved(finished);
  } else if (finish.task != nullptr) {
    resume_at_home(finish.task);
  }
}

void reap_shared(PromiseBase* finished) noexcept {
  const JoinState::Finish finish = finished->join().finish();
  if (finish.detached) {
    destroy_unobserved(finished);
  } else if (finish.task != nullptr) {
    resume_at_home(finish.task);
  } else if (finish.thread != nullptr) {
    finish.thread->open();
  }
}

}  // namespace

void reap(PromiseBase* finished) noexcept {
  finished->join().local() ? reap_locally(finished) : reap_shared(finished);
}

}  // namespace annulet::task::internal
