// Hands nodes from any thread to one thread, and says when that thread must be woken.
//
// Use it as the way into a worker. One word holds both the newest node and whether the owner
// sleeps, so that a push and a falling asleep cannot miss each other: there is no second variable
// to order against, hence no fence. Not for many consumers, and not for a bounded queue: a push
// always succeeds.
//
//   pusher:  if (inbox.push(node)) { wake the owner; inbox.woke(); }
//   owner:   if (inbox.begin_sleep()) { sleep; inbox.end_sleep(); }
//   at the end of the owner's life: inbox.quiesce();
//
//   head_:  null      empty, the owner is awake
//           asleep()  empty, the owner sleeps or is about to
//           a node    the newest; `next` leads to the older ones
//
// Cost: push one compare-exchange; take_all one load when empty, else one exchange for the whole
// batch.
// Threads: push and woke by any thread, the rest by the owner.
// Order: first in, first out.
// Lifetime: a node may be taken, run, and be the last that the owner waited for while its pusher is
// still about to wake the owner. So the owner counts the wake-ups it is owed and quiesce() waits
// for them; after it the inbox may go.
// Source: the Treiber stack, taken as a whole, so that ABA cannot arise.
#ifndef ANNULET_TASK_INBOX_H_
#define ANNULET_TASK_INBOX_H_

#include <atomic>
#include <cstdint>

#include "annulet/wait/sync.h"

namespace annulet::task {

// Node has a member `next` that is assignable from and to Node*.
template <class Node, class Sync = wait::RealSync>
class Inbox {
 public:
  Inbox() = default;
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  // True when the owner sleeps and the caller must wake it and then call woke(). Only one of
  // several pushers is told so.
  [[nodiscard]] bool push(Node* node) {
    Node* head = head_.load(std::memory_order_relaxed);  // checked by the exchange
    do {
      node->next = head == asleep() ? nullptr : head;
      // Release pairs with the acquire in take_all(): the node and what preceded it are visible to
      // the owner.
    } while (!head_.compare_exchange_weak(head, node, std::memory_order_release,
                                          std::memory_order_relaxed));
    return head == asleep();
  }

  // The last thing that a pusher does which had to wake the owner.
  void woke() { wakes_done_.fetch_add(1, std::memory_order_release); }  // pairs with quiesce()

  // Owner: everything pushed so far as a chain through `next`, oldest first, or null.
  Node* take_all() {
    Node* newest = head_.load(std::memory_order_relaxed);  // only a hint that there is something
    if (newest == nullptr || newest == asleep()) return nullptr;
    newest = head_.exchange(nullptr, std::memory_order_acquire);  // pairs with push()
    Node* oldest = nullptr;
    while (newest != nullptr) {
      Node* older = newest->next;
      newest->next = oldest;
      oldest = newest;
      newest = older;
    }
    return oldest;
  }

  // Owner: whether it may fall asleep. False: something was pushed meanwhile.
  [[nodiscard]] bool begin_sleep() {
    Node* expected = nullptr;
    return head_.compare_exchange_strong(expected, asleep(),
                                         std::memory_order_relaxed);  // hands nothing over
  }

  // Owner: it is awake again, for whatever reason.
  void end_sleep() {
    Node* expected = asleep();
    const bool undisturbed = head_.compare_exchange_strong(
        expected, nullptr, std::memory_order_relaxed);  // hands nothing over
    if (!undisturbed) ++wakes_owed_;
  }

  // Owner: waits until nobody who was told to wake it touches it any more. It does not sleep again.
  void quiesce() const {
    // Acquire pairs with woke().
    while (wakes_done_.load(std::memory_order_acquire) != wakes_owed_) Sync::yield();
  }

 private:
  // An address that no node has.
  Node* asleep() const { return reinterpret_cast<Node*>(const_cast<Inbox*>(this)); }

  typename Sync::template atomic<Node*> head_{nullptr};
  typename Sync::template atomic<uint64_t> wakes_done_{0};
  uint64_t wakes_owed_ = 0;  // the owner's
};

}  // namespace annulet::task

#endif  // ANNULET_TASK_INBOX_H_
