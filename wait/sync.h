// The Sync policy: what lock-free code needs from the machine, as a template parameter.
//
// Every lock-free core of Annulet is written `template <..., class Sync = RealSync>` and names its
// atomics, fences, locks and futex calls through it. RealSync is the machine itself and costs
// nothing; a model checker substitutes a policy of its own and so drives the very code that runs in
// production.
//
// A policy has: atomic<T>; cell<T>, plain memory that only the protocol protects; mutex,
// lock_guard, unique_lock and condition_variable; fence(order), and the asymmetric fence_light()
// with fence_heavy(); pause() and yield() for loops that wait; futex_wait() and futex_wake(). What
// code under a policy shares between threads lies in an atomic or a cell.
#ifndef ANNULET_WAIT_SYNC_H_
#define ANNULET_WAIT_SYNC_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <utility>

#include "annulet/wait/cache_line.h"
#include "annulet/wait/deadline.h"

namespace annulet::wait {

class RealSync {
 public:
  template <class T>
  using atomic = std::atomic<T>;
  using mutex = std::mutex;
  using lock_guard = std::lock_guard<std::mutex>;
  using unique_lock = std::unique_lock<std::mutex>;
  using condition_variable = std::condition_variable;

  // Its accesses are explicit, so that a model checker can tell a read from a write. A reference is
  // for use before the thread's next atomic operation or lock.
  template <class T>
  class cell {
   public:
    cell() = default;
    explicit cell(T value) : value_(std::move(value)) {}
    cell(const cell&) = delete;
    cell& operator=(const cell&) = delete;

    const T& read() const { return value_; }
    T& write() { return value_; }

   private:
    T value_{};
  };

  static void fence(std::memory_order order) {
#if defined(__x86_64__)
    // A locked add orders a store before a later load at half the cost of the mfence that clang
    // emits.
    if (order == std::memory_order_seq_cst) {
      __asm__ __volatile__("lock; addl $0, (%%rsp)" ::: "memory", "cc");
      return;
    }
#endif
    std::atomic_thread_fence(order);
  }

  // The two sides of an asymmetric fence, for where one side is frequent and the other one rare. A
  // light and a heavy one order two threads of this process as two seq_cst fences would; two light
  // ones order nothing. The light one costs a load and a branch (0.2 ns), the heavy one a system
  // call (0.3 us) and an interrupt of each core where the process runs besides (2 to 10 us in a
  // virtual machine). Where the kernel refuses membarrier(2) when it is first asked, both are
  // seq_cst fences; where it refuses later, fence_heavy() ends the process. Neither is for data:
  // that needs release and acquire.
  // Source: P1202, asymmetric fences; membarrier(2), private expedited.
  static void fence_light() {
    // Relaxed: prepare_asymmetric_fences() came before whatever shares an object with this thread.
    if (membarrier_.load(std::memory_order_relaxed)) {
      std::atomic_signal_fence(std::memory_order_seq_cst);  // for the compiler alone
    } else {
      fence(std::memory_order_seq_cst);
    }
  }
  static void fence_heavy();

  // Before the first use of either, by whoever makes the object that the fences are about. Cheap
  // but for the first time, which may take milliseconds where other threads run already.
  static void prepare_asymmetric_fences();

  // Tells the core that it is in a spin loop.
  static void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
  }

  // Gives the core to whoever is ready, in a loop that waits.
  static void yield() { std::this_thread::yield(); }

  // Sleeps while `word` holds `expected`, at most until `until`. May return early for no reason.
  static void futex_wait(std::atomic<uint32_t>& word, uint32_t expected, Deadline until);

  // Wakes up to `count` threads that sleep on `word`. `word` may already be gone: only its address
  // is used.
  static void futex_wake(std::atomic<uint32_t>& word, int count);

 private:
  // Set once, if the kernel allows it; then light fences are for the compiler alone.
  alignas(kCacheLine) static inline constinit std::atomic<bool> membarrier_{false};
};

}  // namespace annulet::wait

#endif  // ANNULET_WAIT_SYNC_H_
