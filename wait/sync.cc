#include "annulet/wait/sync.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>

namespace annulet::wait {

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
