// The Sync policy: what lock-free code needs from the machine, as a template parameter.
//
// Every lock-free core of Annulet is written `template <..., class Sync = RealSync>` and names its
// atomics, fences, locks and futex calls through it. RealSync is the machine itself and costs
// nothing; a model checker substitutes a policy of its own and so drives the very code that runs in
// production.
//
// A policy has: atomic<T>, cell<T> (plain memory that only the protocol protects), mutex,
// fence(order), pause(), futex_wait(), futex_wake().
#ifndef ANNULET_WAIT_SYNC_H_
#define ANNULET_WAIT_SYNC_H_

#include <atomic>
#include <cstdint>
#include <mutex>

#include "annulet/wait/deadline.h"

namespace annulet::wait {

struct RealSync {
  template <class T>
  using atomic = std::atomic<T>;
  template <class T>
  using cell = T;
  using mutex = std::mutex;

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

  // Tells the core that it is in a spin loop.
  static void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
  }

  // Sleeps while `word` holds `expected`, at most until `until`. May return early for no reason.
  static void futex_wait(std::atomic<uint32_t>& word, uint32_t expected, Deadline until);

  // Wakes up to `count` threads that sleep on `word`. `word` may already be gone: only its address
  // is used.
  static void futex_wake(std::atomic<uint32_t>& word, int count);
};

}  // namespace annulet::wait

#endif  // ANNULET_WAIT_SYNC_H_
