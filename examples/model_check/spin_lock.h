// A spin lock, written against the Sync policy so that a model checker can drive it.
#ifndef ANNULET_EXAMPLES_MODEL_CHECK_SPIN_LOCK_H_
#define ANNULET_EXAMPLES_MODEL_CHECK_SPIN_LOCK_H_

#include <atomic>

#include "annulet/wait/sync.h"

namespace annulet::examples {

// kUnlock is the order of unlock(). Only release is right.
template <class Sync = wait::RealSync, std::memory_order kUnlock = std::memory_order_release>
class SpinLock {
 public:
  void lock() {
    // Acquire pairs with unlock().
    while (locked_.exchange(true, std::memory_order_acquire)) Sync::pause();
  }

  void unlock() { locked_.store(false, kUnlock); }

 private:
  typename Sync::template atomic<bool> locked_{false};
};

}  // namespace annulet::examples

#endif  // ANNULET_EXAMPLES_MODEL_CHECK_SPIN_LOCK_H_
