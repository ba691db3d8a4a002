#include "annulet/task/this_task.h"

#include "annulet/task/cancel_guard.h"
#include "annulet/task/internal/frame_cache.h"

namespace annulet::task {

// What a cancel needs to reach a sleep.
class SleepAwaiter::Cancellation : public CancelGuard {
 public:
  Cancellation(SleepAwaiter& sleep, Runnable* waiter)
      : CancelGuard(&on_cancel, &on_settled), sleep_(sleep), waiter_(waiter) {}

  static void* operator new(size_t bytes) { return internal::allocate_frame(bytes); }
  static void operator delete(void* memory, size_t bytes) { internal::free_frame(memory, bytes); }

  Runnable* waiter() const { return waiter_; }

 private:
  static void on_cancel(CancelGuard* guard) noexcept {
    SleepAwaiter& sleep = static_cast<Cancellation*>(guard)->sleep_;
    current_worker()->timers->disarm(&sleep);
    sleep.end(Outcome::kCancelled);
  }

  static void on_settled(CancelGuard* guard) noexcept {
    resume_at_home(static_cast<Cancellation*>(guard)->waiter_);
  }

  SleepAwaiter& sleep_;
  Runnable* waiter_;
};

// Even a sleep that is over before it begins goes through the queue: a task that retries what was
// cancelled must not keep its worker to itself.
void SleepAwaiter::begin(Runnable* waiter, internal::CancelState* cancel) {
  static_assert(alignof(Runnable) > (kOutcome | kUnderToken) &&
                alignof(Cancellation) > (kOutcome | kUnderToken));
  WorkerContext& worker = *current_worker();
  Cancellation* cancellation = nullptr;
  if (cancel == nullptr) {
    word_ = reinterpret_cast<uintptr_t>(waiter);
  } else {
    // First of all: it may throw for lack of memory, and then nothing is to be undone.
    cancellation = new Cancellation(*this, waiter);
    word_ = reinterpret_cast<uintptr_t>(cancellation) | kUnderToken;
  }
  if (!worker.timers->arm(this)) return end(Outcome::kClosed);
  if (cancellation != nullptr && !cancellation->arm(cancel, worker.executor)) {
    worker.timers->disarm(this);
    end(Outcome::kCancelled);
  }
}

// Nothing will call this sleep any more.
void SleepAwaiter::end(Outcome outcome) {
  void* const pointer = reinterpret_cast<void*>(word_ & ~(kOutcome | kUnderToken));
  Runnable* const waiter = (word_ & kUnderToken) != 0
                               ? static_cast<Cancellation*>(pointer)->waiter()
                               : static_cast<Runnable*>(pointer);
  word_ |= static_cast<uintptr_t>(outcome);
  resume_at_home(waiter);
}

absl::Status SleepAwaiter::await_resume() {
  if ((word_ & kUnderToken) != 0) {
    delete reinterpret_cast<Cancellation*>(word_ & ~(kOutcome | kUnderToken));
  }
  switch (static_cast<Outcome>(word_ & kOutcome)) {
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
  const Outcome outcome = event == TimerEvent::kClosed ? Outcome::kClosed : Outcome::kSlept;
  if ((self->word_ & kUnderToken) != 0) {
    auto* cancellation = reinterpret_cast<Cancellation*>(self->word_ & ~kUnderToken);
    if (!cancellation->settle()) {
      self->word_ |= static_cast<uintptr_t>(outcome);  // on_settled() lets the waiter go on
      return;
    }
  }
  self->end(outcome);
}

}  // namespace annulet::task
