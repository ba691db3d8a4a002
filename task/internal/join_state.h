// The one word that connects a task with whoever waits for its end.
//
//   address            awaited by a parent: the parent's frame; 0: not started
//   address | 2        a child of when_all, or the second task of a fork: its Group
//   address | 4        the first task of a fork: its Fork
//   1                  spawned: running, its handle has not asked for anything
//   address | 1        spawned: a task waits for it (Runnable)
//   3                  spawned: running, nobody will ask
//   address | 3        spawned: a thread waits for it (JoinLatch)
//   5                  spawned: has ended; the frame belongs to the handle
//   7                  spawned on this worker alone: running, its handle has not asked for anything
//   address | 7        spawned on this worker alone: a task of this worker waits for it
//   15, 23             spawned on this worker alone: nobody will ask; has ended
//
// The first three are plain: parent and child are one flow of control. So are the last, where task
// and handle never leave one thread. The others change by atomic operations between the loop that
// runs the task (finish) and the owner of the handle (everything else), each of which happens at
// most once, but for a thread that waits and gives up.
#ifndef ANNULET_TASK_INTERNAL_JOIN_STATE_H_
#define ANNULET_TASK_INTERNAL_JOIN_STATE_H_

#include <atomic>
#include <coroutine>
#include <cstdint>

#include "annulet/task/runnable.h"
#include "annulet/wait/deadline.h"
#include "annulet/wait/sync.h"

namespace annulet::task::internal {

// What a thread that joins sleeps on. Unlike a Parker it may be gone as soon as wait() returns, for
// open() touches nothing after its store.
template <class Sync = wait::RealSync>
class alignas(8) BasicJoinLatch {  // the low bits of its address are tags
 public:
  // False: `until` has come.
  bool wait(wait::Deadline until) {
    while (word_.load(std::memory_order_acquire) == 0) {  // pairs with open()
      if (wait::Clock::now() >= until) return false;
      Sync::futex_wait(word_, 0, until);
    }
    return true;
  }

  void open() {
    typename Sync::template atomic<uint32_t>& word = word_;
    word.store(1, std::memory_order_release);  // pairs with wait(): the result is visible
    Sync::futex_wake(word, 1);                 // by address only
  }

 private:
  typename Sync::template atomic<uint32_t> word_{0};
};

// Waiter: what waits in a task's stead (Runnable).
template <class Waiter, class Sync = wait::RealSync>
class BasicJoinState {
 public:
  using Latch = BasicJoinLatch<Sync>;

  // --- awaited by a parent ---
  void set_parent(std::coroutine_handle<> parent) { store_plain(address(parent.address())); }
  void set_group(void* group) { store_plain(address(group) | kGroup); }
  void set_fork(void* fork) { store_plain(address(fork) | kFork); }

  // Who is to be told of its end, by one look at the word.
  class Role {
   public:
    explicit Role(uintptr_t word) : word_(word) {}
    bool spawned() const { return (word_ & kSpawned) != 0; }
    bool awaited() const { return (word_ & kTags) == 0; }
    bool grouped() const { return (word_ & kGroup) != 0; }
    std::coroutine_handle<> parent() const {
      return std::coroutine_handle<>::from_address(reinterpret_cast<void*>(word_));
    }
    void* group() const { return reinterpret_cast<void*>(word_ & ~kGroup); }
    void* fork() const { return reinterpret_cast<void*>(word_ & ~kFork); }

   private:
    const uintptr_t word_;
  };
  Role role() const { return Role(load_plain()); }

  // --- spawned: before the first post ---
  void set_spawned(bool detached) { store_plain(detached ? kDetached : kRunning); }

  // --- spawned on this worker alone ---
  void set_spawned_locally(bool detached) { store_plain(detached ? kLocalDetached : kLocal); }
  bool local() const { return (load_plain() & kTags) == kLocal; }
  // Of one that has not ended: nobody waits, or will.
  bool detached_locally() const { return load_plain() == kLocalDetached; }
  bool done_locally() const { return load_plain() == kLocalDone; }
  void wait_locally(Waiter* task) { store_plain(address(task) | kLocal); }
  // False: it has ended already, the frame is the caller's to destroy.
  [[nodiscard]] bool detach_locally() {
    if (done_locally()) return false;
    store_plain(kLocalDetached);
    return true;
  }
  // The task has ended: as finish(), without atomic operations.
  struct LocalFinish {
    Waiter* task = nullptr;
    bool detached = false;
  };
  LocalFinish finish_locally() {
    const uintptr_t before = load_plain();
    if (before == kLocalDetached) return {.detached = true};
    store_plain(kLocalDone);
    return {.task = reinterpret_cast<Waiter*>(before & ~kTags)};
  }

  // --- spawned: the loop that ran the task ---
  struct Finish {
    Waiter* task = nullptr;   // to be posted
    Latch* thread = nullptr;  // to be opened
    bool detached = false;    // the frame is the caller's to destroy
  };

  // The task has ended. Unless it is detached, the frame may be gone when this returns.
  Finish finish() {
    // Release pairs with done(), wait(): the result is visible to the handle. Acquire pairs with
    // wait(), detach(): what the waiter wrote before is visible here.
    const uintptr_t before = word_.exchange(kDone, std::memory_order_acq_rel);
    Finish result;
    if (before == kDetached) {
      result.detached = true;
    } else if (before != kRunning) {
      void* const waiter = reinterpret_cast<void*>(before & ~kTags);
      if ((before & kTags) == kSpawned) {
        result.task = static_cast<Waiter*>(waiter);
      } else {
        result.thread = static_cast<Latch*>(waiter);
      }
    }
    return result;
  }

  // --- spawned: the owner of the handle ---
  // Acquire pairs with finish(): the result is visible.
  bool done() const { return word_.load(std::memory_order_acquire) == kDone; }

  // False: it has ended already, nobody will be told. After true, finish() hands the waiter on.
  [[nodiscard]] bool wait(Waiter* task) { return leave(address(task) | kSpawned); }
  // False: it has ended already, the frame is the caller's to destroy.
  [[nodiscard]] bool detach() { return leave(kDetached); }

  // Blocks the calling thread. True: it has ended, the frame is the caller's to destroy. False:
  // `until` has come, and all is as before.
  [[nodiscard]] bool wait_until(wait::Deadline until) {
    if (done()) return true;
    Latch latch;
    uintptr_t waiting = address(&latch) | kDetached;
    if (!leave(waiting) || latch.wait(until)) return true;
    // Relaxed: finish() has not seen the latch, or else opens it, which says the rest.
    if (word_.compare_exchange_strong(waiting, kRunning, std::memory_order_relaxed)) return false;
    return latch.wait(wait::kNever);
  }

 private:
  static constexpr uintptr_t kSpawned = 1;
  static constexpr uintptr_t kGroup = 2;
  static constexpr uintptr_t kFork = 4;
  static constexpr uintptr_t kTags = 7;
  static constexpr uintptr_t kRunning = 1;
  static constexpr uintptr_t kDetached = 3;
  static constexpr uintptr_t kDone = 5;
  static constexpr uintptr_t kLocal = 7;
  // Beside kLocal in the low bits, above them what no object has for an address.
  static constexpr uintptr_t kLocalDetached = 8 | kLocal;
  static constexpr uintptr_t kLocalDone = 16 | kLocal;

  static_assert(alignof(Waiter) > kTags && alignof(Latch) > kTags);

  static uintptr_t address(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); }

  bool leave(uintptr_t message) {
    uintptr_t expected = kRunning;
    // Release pairs with finish(): the waiter is ready to be woken. Acquire pairs with finish():
    // the result is visible.
    return word_.compare_exchange_strong(expected, message, std::memory_order_release,
                                         std::memory_order_acquire);
  }

  // Relaxed: one flow of control, or before the task is handed to another thread; or a look at the
  // tags alone, whose lowest bit and whether they are kLocal never change after the spawn.
  void store_plain(uintptr_t value) { word_.store(value, std::memory_order_relaxed); }
  uintptr_t load_plain() const { return word_.load(std::memory_order_relaxed); }

  typename Sync::template atomic<uintptr_t> word_{0};
};

using JoinState = BasicJoinState<Runnable>;
using JoinLatch = JoinState::Latch;

}  // namespace annulet::task::internal

#endif  // ANNULET_TASK_INTERNAL_JOIN_STATE_H_
