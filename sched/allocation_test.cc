// How often blocking calls go to the heap, and that an engine ends without it.
#include <gtest/gtest.h>

#include <chrono>
#include <coroutine>

#include "annulet/sched/engine.h"
#include "annulet/sched/run_blocking.h"
#include "annulet/sched/spawn.h"
#include "annulet/task/cancel.h"
#include "annulet/task/this_task.h"
#include "annulet/testing/allocations.h"

namespace annulet::sched {
namespace {

using Allocations = faults::AllocationTest;

task::Task<int> answer() { co_return 42; }

TEST_F(Allocations, ABlockingCallTakesNothingAlsoUnderAToken) {
  const auto engine = *Engine::create(
      {.workers = 1, .blocking = {.max_threads = 1, .keep_alive = std::chrono::hours(1)}});
  const auto calls = []() -> task::Task<int> {
    int before = 0;
    for (int i = 0; i < 200; ++i) {
      if (i == 100) before = faults::allocations();
      const absl::StatusOr<int> same = co_await run_blocking([i] { return i; });
      EXPECT_EQ(*same, i);
    }
    co_return faults::allocations() - before;
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

TEST_F(Allocations, AnEngineEndsWithoutAnyWhetherOrNotTasksAreLeft) {
  for (const bool left : {false, true}) {
    auto engine = *Engine::create({.workers = 2, .cancel_grace = std::chrono::milliseconds(1)});
    static task::Runnable* waiter;  // keeps the frame reachable
    const auto wait = []() -> task::Task<void> { co_await Never{&waiter}; };
    const auto work = []() -> task::Task<int> { co_return co_await *spawn(answer()) + 1; };
    EXPECT_EQ(engine->block_on(work()), 43);
    if (left) {
      EXPECT_TRUE(engine->spawn_detached(wait()).ok());
    }
    const faults::AllocationsFail fail;
    engine.reset();
  }
}

}  // namespace
}  // namespace annulet::sched
