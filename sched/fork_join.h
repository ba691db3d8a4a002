// Runs two functions side by side if another thread has nothing to do, else one after the other.
//
//   uint64_t fib(unsigned n) {
//     if (n < 2) return n;
//     const auto [a, b] = sched::fork_join([=] { return fib(n - 1); }, [=] { return fib(n - 2); });
//     return a + b;
//   }
//
// Use it to divide a computation, recursively and as finely as a few ten nanoseconds. The calling
// thread runs the first function; meanwhile another one may steal the second. If none has, the
// caller runs it, too, as a plain call. Not for functions that wait for something: while one waits,
// its thread does nothing else, and the functions cannot co_await; tasks that do are forked by
// fork_join_tasks.h. Not where both sides depend on each other: they may run one after the other.
//
// Works on a thread of a scheduler. On any other thread both run in place, first, then second.
//
// Both functions always end, whatever the other one does; then the exception of the first is thrown
// on, or else that of the second. If both throw, that of the second is counted and reported
// (task/unobserved.h). A caller whose second function was stolen helps its thief, or others,
// meanwhile: unrelated forked functions may run in its stack. With nothing to help with it pauses,
// yields, and after a few microseconds sleeps.
// Cost: below 1 ns on top of the two calls, with no locked instruction; 0.1 to 0.3 us where the
// second function is stolen.
// Forks that nest deeper than 1024 run in place.
// Threads: any.
// Lifetime: what both functions refer to outlives the call.
// Source: the split deque of Lace, see internal/job_deque.h; Wagner and Calder, "Leapfrogging: a
// portable technique for implementing efficient futures", 1993.
#ifndef ANNULET_SCHED_FORK_JOIN_H_
#define ANNULET_SCHED_FORK_JOIN_H_

#include <exception>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <variant>

#include "annulet/sched/internal/fork_join_domain.h"
#include "annulet/task/unobserved.h"

namespace annulet::sched {
namespace internal {

// What a function of a fork gives: a value, std::monostate for none.
template <class Function>
using ForkResult =
    std::conditional_t<std::is_void_v<std::invoke_result_t<Function&>>, std::monostate,
                       std::remove_cvref_t<std::invoke_result_t<Function&>>>;

template <class Function>
ForkResult<Function> call_side(Function& function) {
  if constexpr (std::is_void_v<std::invoke_result_t<Function&>>) {
    function();
    return {};
  } else {
    return function();
  }
}

// Both functions threw: the second one's exception reaches nobody.
inline void report_second(std::exception_ptr error) noexcept {
  task::internal::report_unobserved(std::move(error), nullptr,
                                    task::UnobservedFailure::Source::kFork);
}

// A function as a job, with room for what it gives when another thread has run it.
template <class Function>
class ForkedJob : public Job {
  using Result = ForkResult<Function>;

 public:
  explicit ForkedJob(Function& function) : Job(&run), function_(function) {}
  ~ForkedJob() {}  // see take() and discard()

  // Once it has ended on another thread, exactly one of these: gives the result, or throws.
  Result take() {
    if (threw()) [[unlikely]] {
      const std::exception_ptr error = std::move(error_);
      std::destroy_at(&error_);
      std::rethrow_exception(error);
    }
    Result result = std::move(result_);
    std::destroy_at(&result_);
    return result;
  }
  void discard() {
    if (threw()) {
      report_second(std::move(error_));
      std::destroy_at(&error_);
    } else {
      std::destroy_at(&result_);
    }
  }

 private:
  static bool run(BasicJob& job) noexcept {
    auto& self = static_cast<ForkedJob&>(job);
    try {
      new (&self.result_) Result(call_side(self.function_));
      return false;
    } catch (...) {
      new (&self.error_) std::exception_ptr(std::current_exception());
      return true;
    }
  }

  Function& function_;
  // Made by run(): which of them, threw() says.
  union {
    Result result_;
    std::exception_ptr error_;
  };
};

// In a handler of the first function's exception, which is thrown on: runs the second one.
template <class Function>
void run_beside_failure(Function& function) noexcept {
  try {
    function();
  } catch (...) {
    report_second(std::current_exception());
  }
}

template <class First, class Second>
std::pair<ForkResult<First>, ForkResult<Second>> run_in_place(First& first, Second& second) {
  auto result = [&] {
    try {
      return call_side(first);
    } catch (...) {
      run_beside_failure(second);
      throw;
    }
  }();
  return {std::move(result), call_side(second)};
}

// Not inlined: the slot of the thread must not be kept across a suspension of a coroutine that
// calls this twice. Costs nothing measurable.
template <class First, class Second>
[[gnu::noinline]] std::pair<ForkResult<First>, ForkResult<Second>> run_forked(First& first,
                                                                              Second& second) {
  ForkJoinWorker* const worker = ForkJoinWorker::current();
  if (worker == nullptr) [[unlikely]]
    return run_in_place(first, second);
  ForkedJob<Second> job(second);
  if (!worker->fork(&job)) [[unlikely]]
    return run_in_place(first, second);
  auto result = [&] {
    try {
      return call_side(first);
    } catch (...) {
      if (worker->take_back()) {
        run_beside_failure(second);
      } else {
        worker->wait_for(job);
        job.discard();
      }
      throw;
    }
  }();
  if (worker->take_back()) [[likely]]
    return {std::move(result), call_side(second)};
  worker->wait_for(job);
  return {std::move(result), job.take()};
}

}  // namespace internal

// Returns what both functions return, as a pair in which std::monostate stands for void; void if
// both return void.
template <class First, class Second>
  requires std::is_invocable_v<First&> && std::is_invocable_v<Second&>
auto fork_join(First&& first, Second&& second) {
  if constexpr (std::is_void_v<std::invoke_result_t<First&>> &&
                std::is_void_v<std::invoke_result_t<Second&>>) {
    internal::run_forked(first, second);
  } else {
    return internal::run_forked(first, second);
  }
}

}  // namespace annulet::sched

#endif  // ANNULET_SCHED_FORK_JOIN_H_
