// A call on its way through a BlockingPool: a part of the awaiter, so in the waiting frame.
//
//   kNew -> kQueued -> kTaken   whoever takes it ends it: a thread of the pool, its token, a stop
//      \-> kCancelled           the token was faster than submit(), which ends it
//
// The stage and the links are the pool's, under its lock. The token's lock comes before the pool's:
// a cancel holds it when it asks the pool for the call. So nobody attaches or detaches under the
// pool's lock, and whoever ends a call detaches it first, behind which no cancel knows the call or
// is on its way into the pool.
// Threads: as said. Lifetime: the awaiter's, which may be gone once the waiter has been posted.
#ifndef ANNULET_SCHED_INTERNAL_BLOCKING_CALL_H_
#define ANNULET_SCHED_INTERNAL_BLOCKING_CALL_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "annulet/task/internal/cancel_state.h"
#include "annulet/task/runnable.h"

namespace annulet::sched {

class BlockingPool;

namespace internal {

class BlockingCall : private task::internal::CancelHook {
 protected:
  using Perform = void (*)(BlockingCall*) noexcept;

  // Without a pool begin() ends it at once. `perform` calls the user's function and keeps what it
  // returns or throws.
  BlockingCall(BlockingPool* pool, Perform perform)
      : CancelHook(&on_cancel), pool_(pool), perform_(perform) {}
  ~BlockingCall() = default;

  // In await_suspend: the waiter may be resumed before this returns. `cancel` may be null.
  void begin(task::Runnable* waiter, task::internal::CancelState* cancel) noexcept;

  // In await_resume: whether the function has run, and else why not.
  bool has_run() const { return outcome_ == Outcome::kRan; }
  absl::Status refusal() const;

 private:
  friend class ::annulet::sched::BlockingPool;
  friend class BlockingCallQueue;

  enum class Stage : uint8_t { kNew, kQueued, kTaken, kCancelled };
  enum class Outcome : uint8_t { kRan, kCancelled, kStopping, kFull, kNoThread, kNoPool };

  static void on_cancel(CancelHook* hook) noexcept;
  // Behind this no cancel reaches the call. By the thread that ends it, or that is to run it.
  void detach();
  // Ends a call that has not run.
  void refuse(Outcome why, int start_error = 0) noexcept;

  BlockingPool* const pool_;
  const Perform perform_;
  task::Runnable* waiter_ = nullptr;
  task::internal::CancelState* cancel_ = nullptr;
  BlockingCall* next_ = nullptr;
  BlockingCall* previous_ = nullptr;
  int start_error_ = 0;  // with kNoThread
  Stage stage_ = Stage::kNew;
  Outcome outcome_ = Outcome::kRan;
};

// First in, first out, but for those that leave in between. Under the pool's lock, or one thread's.
class BlockingCallQueue {
 public:
  bool empty() const { return first_ == nullptr; }
  size_t size() const { return size_; }

  void push(BlockingCall& call) {
    call.next_ = nullptr;
    call.previous_ = last_;
    (last_ != nullptr ? last_->next_ : first_) = &call;
    last_ = &call;
    ++size_;
  }

  void remove(BlockingCall& call) {
    (call.previous_ != nullptr ? call.previous_->next_ : first_) = call.next_;
    (call.next_ != nullptr ? call.next_->previous_ : last_) = call.previous_;
    --size_;
  }

  // The oldest and the newest one, or null.
  BlockingCall* pop() { return take(first_); }
  BlockingCall* pop_newest() { return take(last_); }

 private:
  BlockingCall* take(BlockingCall* call) {
    if (call != nullptr) remove(*call);
    return call;
  }

  BlockingCall* first_ = nullptr;
  BlockingCall* last_ = nullptr;
  size_t size_ = 0;
};

}  // namespace internal
}  // namespace annulet::sched

#endif  // ANNULET_SCHED_INTERNAL_BLOCKING_CALL_H_
