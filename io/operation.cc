#include "annulet/io/operation.h"

#include "annulet/io/reactor.h"
#include "annulet/task/worker_context.h"

namespace annulet::io {

namespace internal {

bool OperationLimits::begin(task::internal::CancelState* inherited) {
  task::WorkerContext& worker = *task::current_worker();
  timers_ = worker.timers;
  when = limit_.deadline();
  if (when != wait::kNever) {
    deadline_passed_ = when <= timers_->now();
    if (deadline_passed_ || !timers_->arm(this)) return false;
  }
  task::internal::CancelState* state = limit_.token().state();
  if (task::CancelGuard::arm(state != nullptr ? state : inherited, worker.executor)) return true;
  timers_->disarm(this);
  return false;
}

bool OperationLimits::end() {
  timers_->disarm(this);
  return settle();
}

void OperationLimits::fired(TimerNode* node, task::TimerEvent event) noexcept {
  auto* self = static_cast<OperationLimits*>(node);
  self->deadline_passed_ = event == task::TimerEvent::kExpired;
  self->cancel_operation();
}

void OperationLimits::cancel_operation() {
  operation_.cancelling = true;  // a part that was done already is not continued
  reactor_.cancel(operation_);
}

void OperationLimits::on_cancel(task::CancelGuard* guard) noexcept {
  auto* self = static_cast<OperationLimits*>(guard);
  self->timers_->disarm(self);  // the token was first
  self->cancel_operation();
}

void OperationLimits::on_settled(task::CancelGuard* guard) noexcept {
  task::resume_at_home(static_cast<OperationLimits*>(guard)->operation_.waiter);
}

}  // namespace internal
}  // namespace annulet::io
