// A first-in first-out list of nodes that are linked through themselves: of Runnables, elsewhere
// than in tests of what stands on it.
//
// Cost: a push or pop is two to four plain instructions; nothing is allocated.
// Threads: owner thread only.
#ifndef ANNULET_TASK_RUNNABLE_QUEUE_H_
#define ANNULET_TASK_RUNNABLE_QUEUE_H_

#include <utility>

#include "annulet/task/runnable.h"

namespace annulet::task {

// Node has a member `Node* next`.
template <class Node>
class BasicRunnableQueue {
 public:
  BasicRunnableQueue() = default;
  BasicRunnableQueue(const BasicRunnableQueue&) = delete;
  BasicRunnableQueue& operator=(const BasicRunnableQueue&) = delete;

  bool empty() const { return first_ == nullptr; }

  void push(Node* runnable) {
    runnable->next = nullptr;
    *end_ = runnable;
    end_ = &runnable->next;
  }

  // Appends a null-terminated chain in its order.
  void push_chain(Node* chain) {
    for (*end_ = chain; *end_ != nullptr; end_ = &(*end_)->next) {
    }
  }

  // All as a null-terminated chain in their order, or null.
  Node* take_all() {
    end_ = &first_;
    return std::exchange(first_, nullptr);
  }

  // The oldest one, or null.
  Node* pop() {
    Node* runnable = first_;
    if (runnable != nullptr) {
      first_ = runnable->next;
      if (first_ == nullptr) end_ = &first_;
    }
    return runnable;
  }

 private:
  Node* first_ = nullptr;
  Node** end_ = &first_;  // where the next one is linked
};

using RunnableQueue = BasicRunnableQueue<Runnable>;

}  // namespace annulet::task

#endif  // ANNULET_TASK_RUNNABLE_QUEUE_H_
