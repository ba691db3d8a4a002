// Timers of one worker: something to be called at a point in time, on that worker's thread.
//
// Use sleep_until() in tasks; this interface is for those who write awaitables. The node lives in
// the waiting frame and carries the timers' links, so arming allocates nothing. Time comes from
// now() alone, which tests may steer.
// Cost: 32 bytes a node.
// Threads: owner thread only (the worker whose timers they are).
// Lifetime: a node stays until it fired or was disarmed.
#ifndef ANNULET_TASK_TIMERS_H_
#define ANNULET_TASK_TIMERS_H_

#include <cstdint>

#include "annulet/wait/deadline.h"

namespace annulet::task {

using wait::Deadline;
using wait::kNever;

enum class TimerEvent : uint8_t {
  kExpired,  // `when` has come
  kClosed,   // the worker is shutting down and waits for nobody any more
};

struct TimerNode {
  using Function = void (*)(TimerNode*, TimerEvent) noexcept;

  explicit TimerNode(Function function) : fire(function) {}

  Function fire;           // called once, after the node was disarmed
  Deadline when = kNever;  // set before arming
  // The timers' own; `next` is null while the node is not armed.
  TimerNode* next = nullptr;
  TimerNode* previous = nullptr;
};

class Timers {
 public:
  virtual ~Timers() = default;

  virtual Deadline now() = 0;

  // Calls node->fire once `node->when` has come: never early, never for kNever. False, and nothing
  // armed: closed.
  [[nodiscard]] virtual bool arm(TimerNode* node) = 0;

  // The node will not fire. No effect on one that is not armed.
  virtual void disarm(TimerNode* node) = 0;
};

}  // namespace annulet::task

#endif  // ANNULET_TASK_TIMERS_H_
