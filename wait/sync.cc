#include "annulet/wait/sync.h"

#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace annulet::wait {

namespace {

bool membarrier(int command) { return syscall(SYS_membarrier, command, 0, 0) == 0; }

}  // namespace

void RealSync::prepare_asymmetric_fences() {
  static const bool registered = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
  // Relaxed, as fence_light() says. Not stored again: many read it.
  if (registered && !membarrier_.load(std::memory_order_relaxed)) {
    membarrier_.store(true, std::memory_order_relaxed);
  }
}

// A child process inherits the registration.
void RealSync::fence_heavy() {
  if (!membarrier_.load(std::memory_order_relaxed)) return fence(std::memory_order_seq_cst);
  while (!membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED)) {
    if (errno == ENOMEM) {
      yield();
      continue;
    }
    // The light fences are for the compiler alone: to go on would lose wake-ups.
    std::perror(
        "annulet: membarrier(2), allowed at first, fails now; a seccomp filter that is installed "
        "later must allow it");
    std::abort();
  }
}

void RealSync::futex_wait(std::atomic<uint32_t>& word, uint32_t expected, Deadline until) {
  timespec limit;
  timespec* limit_or_none = nullptr;
  if (until != kNever) {
    // steady_clock is CLOCK_MONOTONIC in libstdc++ and libc++ on Linux, as an absolute futex wait
    // is.
    limit = to_timespec(until.time_since_epoch());
    limit_or_none = &limit;
  }
  // The outcome (woken, changed, EINTR, timed out) does not matter: the caller looks at the word
  // again.
  syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected, limit_or_none,
          nullptr, FUTEX_BITSET_MATCH_ANY);
}

void RealSync::futex_wake(std::atomic<uint32_t>& word, int count) {
  syscall(SYS_futex, &word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count, nullptr, nullptr, 0);
}

}  // namespace annulet::wait
