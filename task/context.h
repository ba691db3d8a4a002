// What a task and everything that it awaits have in common: where they continue, how urgent that
// is, the token that their waits obey, and what else follows a task from thread to thread.
//
// For those who write awaitables or executors. A task carries one pointer to its context, which its
// awaited children inherit by copying that pointer. An executor has one context for each priority,
// which all the tasks spawned on it share; with_cancel() and with_value() make one of their own, in
// their frame, for the part of a task that they wrap.
// Cost: a pointer in each task; 40 bytes for each priority of an executor, for each pair of
// priority and name, and in the frames of with_cancel() and with_value().
// Threads: immutable once a task has it.
// Lifetime: outlives the tasks that have it.
#ifndef ANNULET_TASK_CONTEXT_H_
#define ANNULET_TASK_CONTEXT_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "annulet/task/internal/cancel_state.h"

namespace annulet::task {

class Executor;

namespace internal {
struct LocalValue;
}  // namespace internal

// How urgent a task is among those that are ready on the same worker. Executors that know of no
// priorities treat all alike.
enum class Priority : uint8_t { kHigh, kNormal, kLow };
inline constexpr size_t kPriorities = 3;
inline constexpr std::array<Priority, kPriorities> kAllPriorities = {
    Priority::kHigh, Priority::kNormal, Priority::kLow};

struct Context {
  Executor* home = nullptr;
  internal::CancelState* cancel = nullptr;  // null: nothing cancels its waits
  Priority priority = Priority::kNormal;
  const char* name = nullptr;                    // for tools and reports; null: none
  const internal::LocalValue* values = nullptr;  // the innermost of with_value()
};

}  // namespace annulet::task

#endif  // ANNULET_TASK_CONTEXT_H_
