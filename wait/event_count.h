// Sleep until a condition that lives elsewhere may have changed, without a lock around the
// condition.
//
// Use it to let threads sleep on a lock-free structure (a queue, a sequence, a count): the
// structure stays as it is, and whoever changes it pays one fence and one load when nobody sleeps.
// Not for a condition under a mutex: use a condition variable there.
//
//   waiter:  auto key = ec.prepare_wait();           notifier:  make the condition true;
//            if (condition) ec.cancel_wait();                   ec.notify(1);
//            else           ec.commit_wait(key, parker, until);
//
// Why no wake-up is lost. Each side writes one thing and then reads the other's, with a full fence
// between:
//
//   waiter:   waiters_ += 1;  fence (W);  read condition
//   notifier: write condition;  fence (N);  read waiters_
//
//   W before N: the notifier sees the waiter, raises epoch_ and wakes whoever sleeps.
//   N before W: the waiter sees the condition and does not sleep.
//   A notifier that saw the waiter before it slept has raised epoch_ under the lock: commit_wait,
//   which looks at epoch_ under the same lock, finds its key outdated and returns at once. If
//   prepare_wait read the raised epoch already, then it read it with acquire, and the condition
//   written before it is visible to the waiter.
//
// EventCount pays the same fence on both sides. AsymmetricEventCount lets the waiter pay for both:
// use it where notify() is on a hot path and waiting is rare, as behind a ring that is seldom
// empty.
//
// Cost: notify() with nobody waiting: EventCount a fence and a load (5.2 ns), AsymmetricEventCount
// two loads (0.2 ns). prepare_wait() with cancel_wait(): two atomic additions and a fence (16 ns),
// for the asymmetric one a system call that interrupts the process's other running threads (0.3 to
// 10 us).
// Threads: every method from any thread.
// Lifetime: outlives every waiter and every notify(), which comes after the change: whoever waits
// may see the change and go on before it is notified.
// Source: Dmitry Vyukov's eventcount; the waiters are an intrusive list, so waiting allocates
// nothing.
#ifndef ANNULET_WAIT_EVENT_COUNT_H_
#define ANNULET_WAIT_EVENT_COUNT_H_

#include <cstddef>
#include <cstdint>
#include <limits>

#include "annulet/wait/parker.h"
#include "annulet/wait/sync.h"

namespace annulet::wait {

// The fences (W) and (N).
template <class Sync>
struct SymmetricFence {
  static constexpr void prepare() {}
  static void waiter() { Sync::fence(std::memory_order_seq_cst); }
  static void notifier() { Sync::fence(std::memory_order_seq_cst); }
};

template <class Sync>
struct AsymmetricFence {
  static void prepare() { Sync::prepare_asymmetric_fences(); }
  static void waiter() { Sync::fence_heavy(); }
  static void notifier() { Sync::fence_light(); }
};

template <class Sync = RealSync, class Fence = SymmetricFence<Sync>>
class BasicEventCount {
 public:
  using Key = uint32_t;

  constexpr BasicEventCount() { Fence::prepare(); }
  BasicEventCount(const BasicEventCount&) = delete;
  BasicEventCount& operator=(const BasicEventCount&) = delete;

  // Announces a waiter. The caller then looks at its condition and calls exactly one of the next
  // two.
  [[nodiscard]] Key prepare_wait() {
    waiters_.fetch_add(1, std::memory_order_relaxed);  // ordered by the fence
    Fence::waiter();                                   // (W) pairs with (N) in notify()
    // Acquire pairs with the release in notify(): whoever reads an epoch also sees the condition it
    // announced.
    return epoch_.load(std::memory_order_acquire);
  }

  // The caller does not wait after all.
  void cancel_wait() {
    // Relaxed: seen late it only makes notify() do too much.
    waiters_.fetch_sub(1, std::memory_order_relaxed);
  }

  // Sleeps through `parker`, which the calling thread owns, until a notify() or `until`. True if
  // notified; false says that time ran out or that the parker had an event of its own. Either way
  // the caller looks at its condition again.
  bool commit_wait(Key key, Parker& parker, Deadline until = kNever) {
    Waiter self{.parker = &parker};
    {
      const typename Sync::lock_guard lock(mutex_);
      if (epoch_.load(std::memory_order_relaxed) != key) {  // written under the lock only
        cancel_wait();
        return true;
      }
      sleepers_.write().push(&self);
    }
    parker.park(until);
    const typename Sync::lock_guard lock(mutex_);
    if (self.listed) sleepers_.write().remove(&self);
    cancel_wait();
    return self.notified;
  }

  // Wakes up to `count` sleepers, those who sleep longest first, and everybody between prepare_wait
  // and commit_wait.
  void notify(size_t count = 1) {
    Fence::notifier();  // (N) pairs with (W) in prepare_wait()
    if (waiters_.load(std::memory_order_relaxed) == 0) [[likely]]
      return;  // ordered by the fence
    wake(count);
  }

  void notify_all() { notify(std::numeric_limits<size_t>::max()); }

  // How often a notify() found somebody waiting; modulo 2^32.
  uint32_t rings() const { return epoch_.load(std::memory_order_relaxed); }

 private:
  // In the stack frame of a sleeping commit_wait(). Everything under mutex_.
  struct Waiter {
    Parker* parker;
    Waiter* next = nullptr;
    Waiter* previous = nullptr;
    bool listed = false;
    bool notified = false;
  };

  // Oldest first.
  class Sleepers {
   public:
    void push(Waiter* waiter) {
      waiter->previous = last_;
      (last_ ? last_->next : first_) = waiter;
      last_ = waiter;
      waiter->listed = true;
    }

    void remove(Waiter* waiter) {
      (waiter->previous ? waiter->previous->next : first_) = waiter->next;
      (waiter->next ? waiter->next->previous : last_) = waiter->previous;
      waiter->listed = false;
    }

    // The oldest, or null.
    Waiter* pop() {
      Waiter* const oldest = first_;
      if (oldest != nullptr) remove(oldest);
      return oldest;
    }

   private:
    Waiter* first_ = nullptr;
    Waiter* last_ = nullptr;
  };

  // Out of line, so that notify() is a few instructions where it is called.
  [[gnu::noinline]] void wake(size_t count) {
    const typename Sync::lock_guard lock(mutex_);
    // Written under the lock only. Release pairs with the acquire in prepare_wait(); behind a
    // seq_cst fence (N) it would be one without saying so, behind a light one it would not.
    epoch_.store(epoch_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    for (; count > 0; --count) {
      Waiter* const waiter = sleepers_.write().pop();
      if (waiter == nullptr) break;
      waiter->notified = true;
      // Under the lock, so that the waiter and its parker are still there.
      waiter->parker->unpark();
    }
  }

  // Those between prepare_wait() and the end of their wait.
  typename Sync::template atomic<uint32_t> waiters_{0};
  // Raised by each notify() that found waiters.
  typename Sync::template atomic<uint32_t> epoch_{0};
  typename Sync::mutex mutex_;
  typename Sync::template cell<Sleepers> sleepers_;  // under mutex_
};

using EventCount = BasicEventCount<>;
using AsymmetricEventCount = BasicEventCount<RealSync, AsymmetricFence<RealSync>>;

}  // namespace annulet::wait

#endif  // ANNULET_WAIT_EVENT_COUNT_H_
