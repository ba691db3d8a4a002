// A chain of tasks that become ready together, from the newest to the oldest.
#ifndef ANNULET_SCHED_INTERNAL_BATCH_H_
#define ANNULET_SCHED_INTERNAL_BATCH_H_

#include "annulet/task/runnable.h"

namespace annulet::sched::internal {

class Batch {
 public:
  void push(task::Runnable* runnable) {
    if (oldest_ == nullptr) oldest_ = runnable;
    runnable->next = newest_;
    newest_ = runnable;
  }

  bool empty() const { return newest_ == nullptr; }
  task::Runnable* newest() const { return newest_; }
  task::Runnable* oldest() const { return oldest_; }

 private:
  task::Runnable* newest_ = nullptr;
  task::Runnable* oldest_ = nullptr;
};

}  // namespace annulet::sched::internal

#endif  // ANNULET_SCHED_INTERNAL_BATCH_H_
