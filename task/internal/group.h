// What the children of one when_all share: the last to end resumes the parent.
//
// Threads: begin() by the parent before it hands the children on, leave() once by each child.
// Lifetime: in the parent's frame, which the last leave() may resume and so end.
#ifndef ANNULET_TASK_INTERNAL_GROUP_H_
#define ANNULET_TASK_INTERNAL_GROUP_H_

#include <atomic>
#include <coroutine>
#include <cstddef>

#include "annulet/wait/sync.h"

namespace annulet::task::internal {

template <class Sync = wait::RealSync>
class BasicGroup {
 public:
  void begin(std::coroutine_handle<> parent, size_t children) {
    parent_.write() = parent;
    pending_.store(children, std::memory_order_relaxed);  // the posts of the children hand it on
  }

  // As long as no child has been handed to another thread.
  std::coroutine_handle<> parent() const { return parent_.read(); }

  // The parent, if this child is the last, else null.
  std::coroutine_handle<> leave() {
    // Before the decrement, behind which the frame may be gone for all but the last: written there,
    // even if for the last alone, compilers read it for all.
    const std::coroutine_handle<> parent = parent_.read();
    // Release and acquire pair with each other: the parent, resumed by the last child, sees the
    // results of all.
    return pending_.fetch_sub(1, std::memory_order_acq_rel) == 1 ? parent : nullptr;
  }

 private:
  typename Sync::template cell<std::coroutine_handle<>> parent_;
  typename Sync::template atomic<size_t> pending_{0};
};

using Group = BasicGroup<>;

}  // namespace annulet::task::internal

#endif  // ANNULET_TASK_INTERNAL_GROUP_H_
