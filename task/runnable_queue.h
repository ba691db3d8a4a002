// A first-in first-out list of Runnables, linked through the Runnables themselves.
//
// Cost: a push or pop is two to four plain instructions; nothing is allocated.
// Threads: owner thread only.
#ifndef ANNULET_TASK_RUNNABLE_QUEUE_H_
#define ANNULET_TASK_RUNNABLE_QUEUE_H_

#include "annulet/task/runnable.h"

namespace annulet::task {

class RunnableQueue {
 public:
  RunnableQueue() = default;
  RunnableQueue(const RunnableQueue&) = delete;
  RunnableQueue& operator=(const RunnableQueue&) = delete;

  bool empty() const { return first_ == nullptr; }

  void push(Runnable* runnable) {
    runnable->next = nullptr;
    *end_ = runnable;
    end_ = &runnable->next;
  }

  // Appends a null-terminated chain in its order.
  void push_chain(Runnable* chain) {
    for (*end_ = chain; *end_ != nullptr; end_ = &(*end_)->next) {
    }
  }

  // The oldest one, or null.
  Runnable* pop() {
    Runnable* runnable = first_;
    if (runnable != nullptr) {
      first_ = runnable->next;
      if (first_ == nullptr) end_ = &first_;
    }
    return runnable;
  }

 private:
  Runnable* first_ = nullptr;
  Runnable** end_ = &first_;  // where the next one is linked
};

}  // namespace annulet::task

#endif  // ANNULET_TASK_RUNNABLE_QUEUE_H_
