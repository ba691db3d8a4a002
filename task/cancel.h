// Asking a computation to end early.
//
// A CancelSource makes the request, its CancelTokens see it. The request is a level: once made it
// stays. Nothing is torn down by it: a wait that carries the token returns Cancelled, and the task
// unwinds as it likes. Waits know the token of their task (with_cancel) or one given to them
// (io::Limit). No user code runs inside cancel(). Use it to end work that nobody needs; for a limit
// in time on one operation give it a deadline instead.
// Cost: cancelled() is one load; a wait under a token takes a lock twice (about 8 ns); a source is
// one allocation.
// Threads: every method from any thread.
// Lifetime: source and tokens share the state; a child source ends with its parent's cancel(). A
// source may go as soon as something that waits under it has been woken.
#ifndef ANNULET_TASK_CANCEL_H_
#define ANNULET_TASK_CANCEL_H_

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "annulet/task/internal/cancel_state.h"

namespace annulet::task {

class CancelToken {
 public:
  // One that is never cancelled. User-provided for GCC 12's sake, as io::Limit explains.
  CancelToken() noexcept {}

  bool cancelled() const { return state_ != nullptr && state_->cancelled(); }
  bool can_be_cancelled() const { return state_ != nullptr; }

  // For awaitables: null, or valid as long as the token.
  internal::CancelState* state() const { return state_.get(); }

 private:
  friend class CancelSource;
  explicit CancelToken(std::shared_ptr<internal::CancelState> state) : state_(std::move(state)) {}

  std::shared_ptr<internal::CancelState> state_;
};

class CancelSource {
 public:
  CancelSource() : state_(std::make_shared<internal::CancelState>()) {}

  // Is cancelled when `parent` is, too.
  explicit CancelSource(const CancelToken& parent);

  CancelSource(CancelSource&&) noexcept = default;
  CancelSource& operator=(CancelSource&&) noexcept = default;

  // The first call makes the request and returns true. Waits under it end soon, each on its own
  // worker. What they then end may be the owner of the source: this needs it no more by then.
  bool cancel() {
    const std::shared_ptr<internal::CancelState> state = state_;
    return state->cancel();
  }

  CancelToken token() const { return CancelToken(state_); }

 private:
  std::shared_ptr<internal::CancelState> state_;
};

// What a wait returns that was ended by a token.
absl::Status cancelled_error();

}  // namespace annulet::task

#endif  // ANNULET_TASK_CANCEL_H_
