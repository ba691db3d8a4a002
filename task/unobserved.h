// Where failures go that reach nobody: an exception that ends a detached task, or one whose handle
// was dropped, or a task of when_all or a side of fork_join beside another one that failed; or what
// a hook of a worker throws.
//
// Every one is counted; the handler says what else happens. The default writes a line to the log,
// at most one a second for tasks and forked functions and one for hooks.
// Threads: every function from any thread.
#ifndef ANNULET_TASK_UNOBSERVED_H_
#define ANNULET_TASK_UNOBSERVED_H_

#include <cstdint>
#include <exception>
#include <string>

namespace annulet::task {

struct UnobservedFailure {
  enum class Source { kTask, kHook, kFork };  // kFork: a forked function
  Source source;
  std::exception_ptr exception;
  // For the time of the call. The task's (Executor::context), or null if it has none; the hook's
  // and whose it is, such as `on_park of worker 3`; of a forked function null.
  const char* name;
};

using UnobservedHandler = void (*)(const UnobservedFailure& failure) noexcept;

// Replaces the handler, for the whole process; null puts back the default. Returns the former one.
UnobservedHandler set_unobserved_handler(UnobservedHandler handler) noexcept;

// How many failures have reached nobody, since the process began.
uint64_t unobserved_failures() noexcept;

namespace internal {
// What it says of itself.
std::string describe(const std::exception_ptr& failure);
void report_unobserved(
    std::exception_ptr exception, const char* name,
    UnobservedFailure::Source source = UnobservedFailure::Source::kTask) noexcept;
}  // namespace internal

}  // namespace annulet::task

#endif  // ANNULET_TASK_UNOBSERVED_H_
