// A point in monotonic time until which something may wait.
//
// Every wait in Annulet takes a Deadline, never a duration, so that a wait which is retried does
// not grow. kNever waits without limit. Wall-clock jumps have no effect.
// Units: std::chrono, on steady_clock.
#ifndef ANNULET_WAIT_DEADLINE_H_
#define ANNULET_WAIT_DEADLINE_H_

#include <chrono>
#include <ctime>

namespace annulet::wait {

using Clock = std::chrono::steady_clock;
using Deadline = Clock::time_point;

inline constexpr Deadline kNever = Deadline::max();

// `now + delay`, which neither overflows nor lies in the past: a negative delay counts as none, one
// too large to be represented as kNever.
template <class Rep, class Period>
constexpr Deadline deadline_after(Deadline now, std::chrono::duration<Rep, Period> delay) {
  using Seconds = std::chrono::duration<double>;
  if (delay <= delay.zero()) return now;
  if (Seconds(delay) >= Seconds(kNever - now)) return kNever;
  return now + std::chrono::ceil<Clock::duration>(delay);
}

// For system calls. A negative duration counts as none.
inline timespec to_timespec(Clock::duration duration) {
  if (duration < duration.zero()) duration = duration.zero();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
  return {.tv_sec = seconds.count(),
          .tv_nsec = std::chrono::nanoseconds(duration - seconds).count()};
}

// How long it is from `now` to `until`.
inline timespec time_left(Deadline now, Deadline until) {
  return to_timespec(until > now ? until - now : Clock::duration::zero());
}

}  // namespace annulet::wait

#endif  // ANNULET_WAIT_DEADLINE_H_
