// How a thread passes the time between two looks at a queue that has nothing for it.
//
// When: by those plain queues that have no way of waiting of their own; a ring brings its own.
#ifndef ANNULET_BENCHMARKS_RING_IDLE_H_
#define ANNULET_BENCHMARKS_RING_IDLE_H_

#include <sched.h>

#include <cstdint>

#include "annulet/benchmarks/ring/options.h"

namespace annulet::bench {

class Idle {
 public:
  explicit Idle(Wait wait) : wait_(wait) {}

  void operator()() {
    switch (wait_) {
      case Wait::kSpin:
        break;
      case Wait::kPause:
        relax();
        break;
      case Wait::kYield:  // as LMAX's YieldingWaitStrategy: a hundred looks first
      case Wait::kBlock:  // for a side that cannot block
        if (looks_++ >= kLooksBeforeYield) sched_yield();
        break;
    }
  }

  void reset() { looks_ = 0; }

 private:
  static constexpr uint32_t kLooksBeforeYield = 100;

  static void relax() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  const Wait wait_;
  uint32_t looks_ = 0;
};

}  // namespace annulet::bench

#endif  // ANNULET_BENCHMARKS_RING_IDLE_H_
