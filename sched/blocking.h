// Calls that block, off the workers: a side pool of threads that grows and shrinks with its calls.
//
//   absl::StatusOr<Address> address = co_await run_blocking(pool, [&] { return look_up(name); });
//
// Use it for what blocks the thread that calls it: files, DNS, libraries that know of no tasks. An
// engine has a pool, which run_blocking.h finds without its name. Not for you if the call computes:
// a task does that, or parallel.h; nor if it waits for another call of the same pool, which may be
// queued behind it; nor if it never returns: nothing can end it, and a stop waits or leaves it.
// Result: what the function returns as a StatusOr, since a call may also be refused or cancelled;
// of a function that returns nothing, a Status or a StatusOr, just that. What the function throws
// is rethrown to the awaiter. A call that did not run ends with
//   ResourceExhausted  max_pending calls wait already, so that the caller can shed load instead of
//                      queueing without end; or no thread can be started, and the pool has none
//   Cancelled          the task's token was cancelled, or the pool stopped, before it began
// A call that has begun is awaited, whatever is cancelled: its result is delivered, and what it
// refers to stays. Calls begin in the order in which they came, whatever their tasks' priority.
// GCC 12 destroys a lambda twice that is written within a co_await expression. One that captures
// references and numbers does not mind; one that owns what it captures must have a name:
//   auto read = [path = std::move(path)] { return read_file(path); };
//   absl::StatusOr<std::string> text = co_await run_blocking(pool, std::move(read));
// Cost: a call is a lock taken four times and two switches between threads, about 6 us. A thread
// that it must start is 40 to 60 us more, in the worker that asks. It allocates nothing: its node
// lies in the awaiting frame. One lock for all is enough here, as what blocks takes longer. One
// idle thread is woken for a call, the one that was busy last.
// Threads: every method from any thread; run_blocking in tasks. The pool's threads have signals
// blocked as an engine's, and the affinity of the thread that made the pool. They are no workers,
// so that a call may spawn and join. It had better not use an engine's block_on, which ends the
// program where a stop has begun; a spawn is then refused.
// Lifetime: outlives the tasks that await its calls.
// Source: tokio's spawn_blocking, for threads on demand that end when idle and join one another.
#ifndef ANNULET_SCHED_BLOCKING_H_
#define ANNULET_SCHED_BLOCKING_H_

#include <pthread.h>

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "annulet/sched/internal/blocking_call.h"
#include "annulet/sched/internal/cores.h"
#include "annulet/task/internal/awaited_once.h"
#include "annulet/task/runnable.h"
#include "annulet/task/task.h"
#include "annulet/wait/deadline.h"

namespace annulet::sched {

struct BlockingOptions {
  // More than disks and name servers answer at once, and few enough for the limits that containers
  // put on processes; a thread that blocks costs a stack, no processor.
  size_t max_threads = 64;
  // How many calls wait for a thread at most: 64 turns of each thread. They take no memory but
  // their tasks'. 0: a call either has a thread at once or is refused; a thread is free for the
  // next one before the task whose call it has performed goes on.
  size_t max_pending = 4096;
  // After so long without a call a thread ends.
  std::chrono::milliseconds keep_alive{10'000};
  // As tools show it, with -b and a number behind; 10 characters count. Empty: the engine's, or
  // annulet.
  std::string thread_name;
};

// InvalidArgument: max_threads is 0 or larger than 16384, or keep_alive is negative.
absl::Status check(const BlockingOptions& options);

struct BlockingMetrics {
  size_t threads = 0;    // that live, or are about to
  size_t queued = 0;     // calls that have not begun
  size_t running = 0;    // calls that have begun and not ended
  uint64_t done = 0;     // calls that have ended, counted before their tasks go on
  uint64_t refused = 0;  // calls that found max_pending reached, or no thread
};

class BlockingPool {
 public:
  // `options` that check() accepts. Starts no thread.
  explicit BlockingPool(const BlockingOptions& options = {});
  // stop().
  ~BlockingPool();
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  // Refuses calls from now on and ends those that have not begun: Cancelled. Idempotent.
  void close();
  // close(), then waits for the calls that run, and for the threads, or until `until`. How many
  // calls run on then; the pool must stay, and a later stop() waits for them. Not in a call of its
  // own.
  size_t stop(wait::Deadline until = wait::kNever);
  // Instead of a later stop(), by who keeps the pool for as long as the process lives: its threads
  // end by themselves.
  void leave();

  // A moment's view.
  BlockingMetrics metrics() const;
  const BlockingOptions& options() const { return options_; }
  // Whether the caller is a call of this pool.
  bool on_own_thread() const;

 private:
  friend class internal::BlockingCall;
  struct Thread;
  using Outcome = internal::BlockingCall::Outcome;
  using Stage = internal::BlockingCall::Stage;

  // For BlockingCall. submit: the call is the pool's from now on. withdraw: true, and it is the
  // caller's again, if it has not been taken yet.
  void submit(internal::BlockingCall& call) noexcept;
  bool withdraw(internal::BlockingCall& call) noexcept;

  // Under mutex_.
  std::optional<Outcome> enqueue(internal::BlockingCall& call, bool& start);
  void summon_idle();
  bool all_gone() const { return threads_ == 0 && failing_ == 0 && !joining_; }
  void join_ended() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  void start_thread() noexcept;
  void start_failed(int error) noexcept;

  // In the pool's threads.
  static void* thread_main(void* pool) noexcept;
  void run_thread(Thread& self);
  uint64_t number();
  internal::BlockingCall* next(Thread& self);
  bool rest(Thread& self) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void perform(internal::BlockingCall& call);

  const BlockingOptions options_;
  const internal::AffinityMask affinity_;

  mutable absl::Mutex mutex_;
  // All below is under mutex_.
  internal::BlockingCallQueue queue_;
  Thread* idle_ = nullptr;  // those that rest, linked, the one that was busy last in front
  // INVARIANT: a thread is coming, performs a call, or is idle; and calls beyond the coming_ oldest
  // wait for one that performs.
  size_t coming_ = 0;   // threads that will look for a call next: started, woken, or done with one
  size_t threads_ = 0;  // with those about to start
  size_t failing_ = 0;  // starts that failed and have calls to refuse
  size_t running_ = 0;
  uint64_t started_ = 0;
  uint64_t done_ = 0;
  uint64_t refused_ = 0;
  bool closed_ = false;
  bool left_ = false;     // nobody will join threads that end
  bool joining_ = false;  // somebody joins the last ones that ended
  // The last one that ended, which joins the one before it.
  std::optional<pthread_t> ended_;
};

namespace internal {

template <class T>
struct BlockingResult {
  static_assert(!std::is_reference_v<T>, "return a value or a pointer from a blocking call");
  static constexpr bool kWrapped = true;
  using Type = absl::StatusOr<T>;
};
template <>
struct BlockingResult<void> {
  static constexpr bool kWrapped = false;
  using Type = absl::Status;
};
template <>
struct BlockingResult<absl::Status> {
  static constexpr bool kWrapped = false;
  using Type = absl::Status;
};
template <class T>
struct BlockingResult<absl::StatusOr<T>> {
  static constexpr bool kWrapped = false;
  using Type = absl::StatusOr<T>;
};

}  // namespace internal

template <class Callable>
class BlockingAwaiter : private internal::BlockingCall {
 public:
  using Returned = std::invoke_result_t<Callable>;
  using Result = typename internal::BlockingResult<Returned>::Type;

  // `pool` may be null: FailedPrecondition.
  BlockingAwaiter(BlockingPool* pool, Callable function)
      : BlockingCall(pool, &call_function), function_(std::move(function)) {
    static_assert(alignof(BlockingAwaiter) <= task::kFrameHeader,
                  "a frame has no room for more than 16-byte alignment");
  }
  BlockingAwaiter(const BlockingAwaiter&) = delete;
  BlockingAwaiter& operator=(const BlockingAwaiter&) = delete;

  bool await_ready() const noexcept { return false; }

  template <task::TaskPromise P>
  void await_suspend(std::coroutine_handle<P> self) noexcept {
    begin(&self.promise(), self.promise().cancel());
  }

  Result await_resume() {
    if (!has_run()) return refusal();
    if (error_ != nullptr) std::rethrow_exception(std::exchange(error_, nullptr));
    return *std::move(result_);
  }

 private:
  static void call_function(BlockingCall* call) noexcept {
    auto* self = static_cast<BlockingAwaiter*>(call);
    try {
      if constexpr (std::is_void_v<Returned>) {
        std::invoke(std::move(self->function_));
        self->result_.emplace();
      } else if constexpr (internal::BlockingResult<Returned>::kWrapped) {
        self->result_.emplace(std::in_place, std::invoke(std::move(self->function_)));
      } else {
        self->result_.emplace(std::invoke(std::move(self->function_)));
      }
    } catch (...) {
      self->error_ = std::current_exception();
    }
  }

  Callable function_;
  std::optional<Result> result_;
  std::exception_ptr error_;
};

// Calls `function` once, in a thread of `pool`, and gives its result.
template <class Function>
task::internal::AwaitedOnce<BlockingAwaiter<Function>> run_blocking(BlockingPool& pool,
                                                                    Function function) {
  return task::internal::AwaitedOnce<BlockingAwaiter<Function>>(std::in_place, &pool,
                                                                std::move(function));
}

}  // namespace annulet::sched

#endif  // ANNULET_SCHED_BLOCKING_H_
