// Tasks that a worker has beyond what its RunQueue holds, in chains of kLength, for itself and for
// others: first in, first out, as many as there are.
//
// A chain changes hands as a whole, for one compare-exchange, and whoever takes it owns its nodes
// from then on; so it is as long as what a thief takes at a time.
// Cost: push two stores, take and steal one compare-exchange for each chain. Nothing is allocated
// before the first chain; then 16 bytes, at most 32, for each that has waited at a time, kept until
// the end.
// Threads: make_room, push and take by the owner; steal, size and empty by any thread.
// Lifetime: outlives every call. What is left at the end is nobody's.
#ifndef ANNULET_SCHED_INTERNAL_CHAINS_H_
#define ANNULET_SCHED_INTERNAL_CHAINS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <new>
#include <span>

#include "annulet/sched/deque.h"
#include "annulet/wait/sync.h"

namespace annulet::sched::internal {

// Node has a member `Node* next`.
template <class Node, size_t kLength, class Sync = wait::RealSync>
class Chains {
 public:
  Chains() = default;
  Chains(const Chains&) = delete;
  Chains& operator=(const Chains&) = delete;

  // Owner: makes room for one more chain. False: there is no memory for it, and none may be pushed.
  [[nodiscard]] bool make_room() noexcept {
    try {
      if (made_ == nullptr) {
        made_ = std::make_unique<Queue>();
        queue_.store(made_.get(), std::memory_order_release);  // pairs with queue()
      }
      made_->reserve(1);
    } catch (const std::bad_alloc&) {
      return false;
    }
    return true;
  }

  // Owner, behind make_room(): kLength nodes, oldest first. Where the last one is linked to does
  // not matter.
  void push(Node* chain) { made_->push_bottom(chain); }

  // Thief: the nodes of the oldest chain, oldest first. Returns how many: all or none.
  size_t steal(std::span<Node*, kLength> into) {
    Node* node = take();
    if (node == nullptr) return 0;
    for (Node*& place : into) {
      place = node;
      node = node->next;
    }
    return kLength;
  }

  // Owner: the nodes of the oldest chains, at most `most` of them. Returns how many chains. They
  // are walked side by side, for each step may wait for memory; and their number has a constant
  // bound, so that the loop over them can be unrolled and the processor learns the strides of each.
  template <size_t kMost>
  size_t take(std::array<std::array<Node*, kLength>, kMost>& into, size_t most) {
    size_t count = 0;
    for (; count < kMost && count < most; ++count) {
      into[count][0] = take();
      if (into[count][0] == nullptr) break;
    }
    for (size_t k = 1; k < kLength; ++k) {
      for (size_t chain = 0; chain < kMost && chain < count; ++chain) {
        into[chain][k] = into[chain][k - 1]->next;
      }
    }
    return count;
  }

  // Any thread: how many there are, a moment's view. To the owner perhaps more, never fewer.
  size_t size() const {
    const Queue* const made = queue();
    return made == nullptr ? 0 : made->size();
  }
  bool empty() const { return size() == 0; }

 private:
  using Queue = Deque<Node*, Sync>;

  // The oldest chain, or null.
  Node* take() {
    Queue* const made = queue();
    if (made == nullptr) return nullptr;
    for (;;) {
      const auto [status, chain] = made->steal();
      if (status != StealStatus::kRetry) return chain;  // null if there was none
    }
  }

  // Acquire pairs with make_room(): it is made.
  Queue* queue() const { return queue_.load(std::memory_order_acquire); }

  typename Sync::template atomic<Queue*> queue_{nullptr};
  std::unique_ptr<Queue> made_;  // the owner's; null until it is needed
};

}  // namespace annulet::sched::internal

#endif  // ANNULET_SCHED_INTERNAL_CHAINS_H_
