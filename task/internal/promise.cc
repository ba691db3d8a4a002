#include "annulet/task/internal/promise.h"

#include <exception>
#include <memory>
#include <utility>

#include "annulet/task/executor.h"
#include "annulet/task/unobserved.h"
#include "annulet/task/worker_context.h"

namespace annulet::task::internal {

void PromiseBase::unhandled_exception() noexcept {
  std::construct_at(&failure, std::current_exception());
  // The context may go with its executor, or with who awaits, and the frame stay. That of a local
  // task cannot: its handle stays with the worker, and asks for its home to check that.
  if (!join_.local()) {
    const char* const known_as = context->name;
    std::construct_at(&name, known_as);
  }
}

void PromiseBase::report_failure() noexcept {
  report_unobserved(std::exchange(failure, nullptr), join_.local() ? context->name : name);
}

namespace {

void reap_locally(PromiseBase* finished) noexcept {
  const JoinState::LocalFinish finish = finished->join().finish_locally();
  if (finish.detached) {
    finished->handle().destroy();
  } else if (finish.task != nullptr) {
    resume_after_turn(finish.task);
  }
}

void reap_shared(PromiseBase* finished) noexcept {
  const JoinState::Finish finish = finished->join().finish();
  if (finish.detached) {
    finished->handle().destroy();
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
