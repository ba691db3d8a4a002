// The state that a CancelSource and its tokens share: a flag, and the waits that want to be told.
//
// Threads: every method from any thread. The hooks run under the lock, so that detach() never
// returns while its hook runs; they are the library's own, short, and take no lock but that of a
// following state (always parent before child) or of what the wait is queued in, under which nobody
// attaches or detaches.
#ifndef ANNULET_TASK_INTERNAL_CANCEL_STATE_H_
#define ANNULET_TASK_INTERNAL_CANCEL_STATE_H_

#include <atomic>

#include "annulet/wait/sync.h"

namespace annulet::task::internal {

// Something to be told of a cancel; lives in the waiting frame.
class CancelHook {
 public:
  using Function = void (*)(CancelHook*) noexcept;
  explicit CancelHook(Function function) : function_(function) {}
  CancelHook(const CancelHook&) = delete;
  CancelHook& operator=(const CancelHook&) = delete;

 private:
  template <class Sync>
  friend class BasicCancelState;

  Function function_;
  CancelHook* next_ = nullptr;
  CancelHook* previous_ = nullptr;
  bool attached_ = false;
};

template <class Sync = wait::RealSync>
class BasicCancelState {
 public:
  BasicCancelState() = default;
  BasicCancelState(const BasicCancelState&) = delete;
  BasicCancelState& operator=(const BasicCancelState&) = delete;

  // Acquire pairs with the release in cancel(): what the canceller did before is visible.
  bool cancelled() const { return cancelled_.load(std::memory_order_acquire); }

  // Runs every attached hook once, in the caller's thread. False: somebody else was first.
  bool cancel() {
    const typename Sync::lock_guard lock(mutex_);
    if (cancelled_.load(std::memory_order_relaxed)) return false;  // written under the lock only
    cancelled_.store(true, std::memory_order_release);             // pairs with cancelled()
    while (CancelHook* hook = first_.read()) {
      remove(hook);
      hook->function_(hook);
    }
    return true;
  }

  // False: cancelled already, nothing attached.
  [[nodiscard]] bool attach(CancelHook* hook) {
    const typename Sync::lock_guard lock(mutex_);
    if (cancelled_.load(std::memory_order_relaxed)) return false;  // written under the lock only
    CancelHook*& first = first_.write();
    hook->previous_ = nullptr;
    hook->next_ = first;
    if (first != nullptr) first->previous_ = hook;
    first = hook;
    hook->attached_ = true;
    return true;
  }

  // True: the hook will not run any more. False: it has run, to its end.
  bool detach(CancelHook* hook) {
    const typename Sync::lock_guard lock(mutex_);
    if (!hook->attached_) return false;
    remove(hook);
    return true;
  }

 private:
  void remove(CancelHook* hook) {
    (hook->previous_ ? hook->previous_->next_ : first_.write()) = hook->next_;
    if (hook->next_ != nullptr) hook->next_->previous_ = hook->previous_;
    hook->attached_ = false;
  }

  typename Sync::template atomic<bool> cancelled_{false};
  typename Sync::mutex mutex_;
  typename Sync::template cell<CancelHook*> first_;  // under mutex_
};

using CancelState = BasicCancelState<>;

}  // namespace annulet::task::internal

#endif  // ANNULET_TASK_INTERNAL_CANCEL_STATE_H_
