// How often blocking calls go to the heap, and that an engine ends without it. Counts every
// operator new of this program, and lets some fail.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdlib>
#include <new>

#include "absl/base/config.h"
#include "annulet/sched/engine.h"
#include "annulet/sched/run_blocking.h"
#include "annulet/sched/spawn.h"
#include "annulet/task/cancel.h"
#include "annulet/task/this_task.h"

namespace {
std::atomic<int> g_allocations{0};
constinit thread_local bool t_may = true;  // whether those of this thread succeed
}  // namespace

// ThreadSanitizer's runtime has operators of its own, which a program cannot replace.
#ifdef ABSL_HAVE_THREAD_SANITIZER
constexpr bool kCounts = false;
#else
constexpr bool kCounts = true;
void* operator new(std::size_t bytes) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = t_may ? std::malloc(bytes) : nullptr) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif

namespace annulet::sched {
namespace {

task::Task<int> answer() { co_return 42; }

TEST(Allocations, ABlockingCallTakesNothingAlsoUnderAToken) {
  if (!kCounts) GTEST_SKIP() << "operator new cannot be replaced here";
  const auto engine = *Engine::create(
      {.workers = 1, .blocking = {.max_threads = 1, .keep_alive = std::chrono::hours(1)}});
  const auto calls = []() -> task::Task<int> {
    int before = 0;
    for (int i = 0; i < 200; ++i) {
      if (i == 100) before = g_allocations.load(std::memory_order_relaxed);
      const absl::StatusOr<int> same = co_await run_blocking([i] { return i; });
      EXPECT_EQ(*same, i);
    }
    co_return g_allocations.load(std::memory_order_relaxed) - before;
  };
  EXPECT_EQ(engine->block_on(calls()), 0);
  task::CancelSource source;
  EXPECT_EQ(engine->block_on(task::with_cancel(source.token(), calls())), 0);
}

// Nobody wakes whoever waits for it.
struct Never {
  bool await_ready() const { return false; }
  template <task::TaskPromise P>
  void await_suspend(std::coroutine_handle<P> self) {
    *waiter = &self.promise();
  }
  void await_resume() const {}
  task::Runnable** waiter;
};

TEST(Allocations, AnEngineEndsWithoutAnyWhetherOrNotTasksAreLeft) {
  if (!kCounts) GTEST_SKIP() << "operator new cannot be replaced here";
  for (const bool left : {false, true}) {
    auto engine = *Engine::create({.workers = 2, .cancel_grace = std::chrono::milliseconds(1)});
    static task::Runnable* waiter;  // keeps the frame reachable
    const auto wait = []() -> task::Task<void> { co_await Never{&waiter}; };
    const auto work = []() -> task::Task<int> { co_return co_await *spawn(answer()) + 1; };
    EXPECT_EQ(engine->block_on(work()), 43);
    if (left) {
      EXPECT_TRUE(engine->spawn_detached(wait()).ok());
    }
    t_may = false;
    engine.reset();
    t_may = true;
  }
}

}  // namespace
}  // namespace annulet::sched
