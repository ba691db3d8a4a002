#include "annulet/task/this_task.h"

namespace annulet::task {

// Even a sleep that is over before it begins goes through the queue: a task that retries what was
// cancelled must not keep its worker to itself.
void SleepAwaiter::begin(Runnable* waiter, internal::CancelState* cancel) {
  WorkerContext& worker = *current_worker();
  waiter_ = waiter;
  timers_ = worker.timers;
  // The timer first: arming it may throw for lack of memory, and then nothing else is to be undone.
  if (!timers_->arm(this)) {
    outcome_ = Outcome::kClosed;
    resume_at_home(waiter_);
    return;
  }
  if (!CancelGuard::arm(cancel, worker.executor)) {
    timers_->disarm(this);
    outcome_ = Outcome::kCancelled;
    resume_at_home(waiter_);
  }
}

absl::Status SleepAwaiter::await_resume() {
  switch (outcome_) {
    case Outcome::kSlept:
      return absl::OkStatus();
    case Outcome::kCancelled:
      return cancelled_error();
    case Outcome::kClosed:
      break;
  }
  return absl::CancelledError("sleep: cancelled, the runtime is shutting down");
}

void SleepAwaiter::fired(TimerNode* node, TimerEvent event) noexcept {
  auto* self = static_cast<SleepAwaiter*>(node);
  if (event == TimerEvent::kClosed) self->outcome_ = Outcome::kClosed;
  if (self->settle()) resume_at_home(self->waiter_);
}

void SleepAwaiter::on_cancel(CancelGuard* guard) noexcept {
  auto* self = static_cast<SleepAwaiter*>(guard);
  self->timers_->disarm(self);
  self->outcome_ = Outcome::kCancelled;
  resume_at_home(self->waiter_);
}

void SleepAwaiter::on_settled(CancelGuard* guard) noexcept {
  resume_at_home(static_cast<SleepAwaiter*>(guard)->waiter_);
}

}  // namespace annulet::task
