// The way into a scheduler for threads that are none of its workers: a stack for each priority that
// whoever comes takes as a whole.
//
// Cost: push one compare-exchange, for a chain as for a single one; take one exchange.
// Threads: every method from any thread.
// Lifetime: outlives every call; it owns none of what lies in it.
// Order: first in, first out for each priority.
// Source: the Treiber stack, taken as a whole, so that ABA cannot arise.
#ifndef ANNULET_SCHED_INTERNAL_INJECTOR_H_
#define ANNULET_SCHED_INTERNAL_INJECTOR_H_

#include <array>
#include <atomic>
#include <cstddef>

#include "annulet/task/context.h"
#include "annulet/wait/cache_line.h"
#include "annulet/wait/sync.h"

namespace annulet::sched::internal {

// Node has a member `next` that is assignable from and to Node*.
template <class Node, class Sync = wait::RealSync>
class Injector {
 public:
  Injector() = default;
  Injector(const Injector&) = delete;
  Injector& operator=(const Injector&) = delete;

  void push(task::Priority priority, Node* node) { push_chain(priority, node, node); }

  // A chain through `next` from the newest to the oldest.
  void push_chain(task::Priority priority, Node* newest, Node* oldest) {
    auto& head = heads_[static_cast<size_t>(priority)];
    Node* former = head.load(std::memory_order_relaxed);  // checked by the exchange
    do {
      oldest->next = former;
      // Release pairs with take(): the nodes and what preceded them are visible to the taker.
    } while (!head.compare_exchange_weak(former, newest, std::memory_order_release,
                                         std::memory_order_relaxed));
  }

  // All of one priority as a chain through `next`, oldest first, or null.
  Node* take(task::Priority priority) {
    auto& head = heads_[static_cast<size_t>(priority)];
    if (head.load(std::memory_order_relaxed) == nullptr) return nullptr;  // only a hint
    Node* newest = head.exchange(nullptr, std::memory_order_acquire);     // pairs with push_chain()
    Node* oldest = nullptr;
    while (newest != nullptr) {
      Node* const older = newest->next;
      newest->next = oldest;
      oldest = newest;
      newest = older;
    }
    return oldest;
  }

  // Whether each was empty at some moment of the call. Relaxed: whoever falls asleep has a fence
  // before it, whoever pushes has one behind the push (idle_set.h).
  bool empty() const {
    for (const auto& head : heads_) {
      if (head.load(std::memory_order_relaxed) != nullptr) return false;
    }
    return true;
  }

 private:
  alignas(wait::kCacheLine)
      std::array<typename Sync::template atomic<Node*>, task::kPriorities> heads_{};
};

}  // namespace annulet::sched::internal

#endif  // ANNULET_SCHED_INTERNAL_INJECTOR_H_
