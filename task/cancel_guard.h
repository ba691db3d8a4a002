// For those who write awaitables: lets a cancel from any thread reach a wait on the worker that the
// wait belongs to.
//
// A wait (a timer, an I/O operation) is known to one worker only, so the canceller posts a message
// to that worker. Wait and message may meet: a wait whose end has come while the message is under
// way must not free its frame yet. Hence:
//
// - arm(): the wait begins; false if it is cancelled already.
// - settle(): the wait has ended by itself. True: its frame may go on. False: on_settled is called
//   once the message has come.
// - on_cancel is called when the message has come before the end of the wait.
//
// All of it on the worker's thread, so that no state here is atomic.
// Cost: two passes through the token's lock.
#ifndef ANNULET_TASK_CANCEL_GUARD_H_
#define ANNULET_TASK_CANCEL_GUARD_H_

#include "annulet/task/executor.h"
#include "annulet/task/internal/cancel_state.h"

namespace annulet::task {

template <class Sync = wait::RealSync>
class BasicCancelGuard : private internal::CancelHook {
 public:
  using State = internal::BasicCancelState<Sync>;
  using Function = void (*)(BasicCancelGuard*) noexcept;

  BasicCancelGuard(Function on_cancel, Function on_settled)
      : CancelHook(&post_message),
        message_(*this),
        on_cancel_(on_cancel),
        on_settled_(on_settled) {}

  // `state` may be null (nothing will cancel) and else outlives the wait; `worker` queues on the
  // calling thread.
  [[nodiscard]] bool arm(State* state, Executor* worker) {
    state_ = state;
    worker_ = worker;
    progress_.write() = Progress();
    return state == nullptr || state->attach(this);
  }

  [[nodiscard]] bool settle() {
    if (state_ == nullptr || state_->detach(this) || progress_.read().delivered) return true;
    progress_.write().settling = true;
    return false;
  }

 private:
  struct Message : CallbackRunnable {
    explicit Message(BasicCancelGuard& owner) : CallbackRunnable(&deliver), guard(owner) {}
    BasicCancelGuard& guard;
  };

  struct Progress {
    bool delivered = false;  // the message has come
    bool settling = false;   // the wait has ended before its message came
  };

  // In the canceller's thread, under the lock of the state.
  static void post_message(internal::CancelHook* hook) noexcept {
    auto* self = static_cast<BasicCancelGuard*>(hook);
    self->worker_->post(&self->message_);
  }

  // On the worker.
  static void deliver(CallbackRunnable* message) noexcept {
    BasicCancelGuard& self = static_cast<Message*>(message)->guard;
    Progress& progress = self.progress_.write();
    progress.delivered = true;
    progress.settling ? self.on_settled_(&self) : self.on_cancel_(&self);
  }

  Message message_;
  Function on_cancel_;
  Function on_settled_;
  State* state_ = nullptr;
  Executor* worker_ = nullptr;
  typename Sync::template cell<Progress> progress_;  // the worker's
};

using CancelGuard = BasicCancelGuard<>;

}  // namespace annulet::task

#endif  // ANNULET_TASK_CANCEL_GUARD_H_
