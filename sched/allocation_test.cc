// How often blocking calls go to the heap, that an engine ends and tasks become ready without it,
// and what is left of what finds none.
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <coroutine>
#include <cstdint>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "annulet/sched/engine.h"
#include "annulet/sched/fork_join_tasks.h"
#include "annulet/sched/internal/ready_set.h"
#include "annulet/sched/run_blocking.h"
#include "annulet/sched/spawn.h"
#include "annulet/task/cancel.h"
#include "annulet/task/this_task.h"
#include "annulet/testing/allocations.h"

namespace annulet::sched {
namespace {

using Allocations = faults::AllocationTest;

task::Task<int> answer() { co_return 42; }

// With a frame that no cache keeps.
task::Task<int> large() {
  std::array<char, 20'000> room{};
  co_await task::yield();
  co_return 42 + room[7];
}

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

// Fault 42: calls `attempt` with ever more memory, until it has enough. It may throw bad_alloc.
template <class Attempt>
void with_ever_more_memory(const Attempt& attempt) {
  for (int granted = 0; granted < 10'000; ++granted) {
    const faults::AllocationsFail fail(granted);
    try {
      attempt();
    } catch (const std::bad_alloc&) {
    }
    if (!fail.any()) return;
  }
  FAIL() << "it never had enough";
}

TEST_F(Allocations, AnEngineIsMadeWholeOrNotAtAll) {
  int made = 0;
  with_ever_more_memory([&] { made += Engine::create({.workers = 3}).ok(); });
  EXPECT_GE(made, 1);
}

TEST_F(Allocations, WorkersNeedNoneToBegin) {
  const auto engine = *Engine::create(
      {.workers = 2, .on_start = [](size_t) { thread_local const faults::AllocationsFail fail; }});
  std::vector<task::JoinHandle<int>> handles;
  for (size_t i = 0; i < 2; ++i) handles.push_back(*engine->spawn_on(i, answer()));
  for (auto& handle : handles) EXPECT_EQ(std::move(handle).join(), 42);
  EXPECT_TRUE(engine->stop(wait::kNever).ok());
}

TEST_F(Allocations, ASpawnFromOutsideThatThrowsHasCountedNothing) {
  for (const bool sites : {false, true}) {
    const auto engine = *Engine::create({.workers = 1, .scheduler = {.spawn_sites = sites}});
    int begun = 0;
    std::string name = "name";
    with_ever_more_memory([&] {
      name.back() = static_cast<char>('a' + begun % 26);
      begun += engine->spawn_detached(large(), task::Priority::kNormal, name.c_str()).ok();
    });
    std::vector<task::JoinHandle<int>> handles;
    with_ever_more_memory([&] {
      std::vector<task::Task<int>> work;
      for (int i = 0; i < 3; ++i) work.push_back(large());
      handles = *engine->spawn_all(std::move(work), task::Priority::kNormal, "all");
    });
    EXPECT_EQ(handles.size(), 3u);
    EXPECT_TRUE(engine->stop(wait::kNever).ok());
    EXPECT_GE(begun, 1);
    EXPECT_EQ(engine->metrics().spawned, static_cast<uint64_t>(begun) + 3);
    for (auto& handle : handles) EXPECT_EQ(std::move(handle).join(), 42);
  }
}

TEST_F(Allocations, ASpawnOrForkOfATaskThatThrowsLeavesNothingBehind) {
  const auto engine = *Engine::create({.workers = 1});
  int attempts = 0;
  int whole = 0;
  const auto attempt = [&]() -> task::Task<void> {
    const auto [one, other] = co_await fork_join(large(), large());
    whole += one + other + co_await *spawn(large(), task::Priority::kNormal, "spawned") == 126;
  };
  const auto main = [&]() -> task::Task<void> {
    for (bool failed = true; failed;) {
      const faults::AllocationsFail fail(attempts++);
      try {
        co_await attempt();
      } catch (const std::bad_alloc&) {
      }
      failed = fail.any();
    }
  };
  engine->block_on(main());
  EXPECT_EQ(whole, 1);
  EXPECT_GE(attempts, 4) << "three frames and a name";
  EXPECT_TRUE(engine->stop(wait::kNever).ok());
  EXPECT_EQ(engine->metrics().spawned, engine->metrics().ended);
}

TEST_F(Allocations, TasksThatNobodySeesForLackOfMemoryComeIntoSightWithTheNextChain) {
  using internal::ReadySet;
  std::vector<task::Runnable> tasks(2 * (ReadySet::kPlaces + 1000 * ReadySet::kMostStolen));
  ReadySet set{Weights()};
  size_t pushed = 0;
  size_t gone = 0;
  const auto push = [&](size_t count) {
    for (; count > 0; --count) set.push_shared(task::Priority::kNormal, &tasks[pushed++]);
  };
  const auto steal_all = [&] {
    std::array<task::Runnable*, ReadySet::kMostStolen> stolen;
    while (const size_t some = set.steal(stolen)) {
      for (size_t i = 0; i < some; ++i) EXPECT_EQ(stolen[i], &tasks[gone++]);
    }
  };
  // Without memory for the first chain, and for more than the queue of them has room for.
  for (const size_t chains : {0, 500}) {
    push(ReadySet::kPlaces + chains * ReadySet::kMostStolen);
    {
      const faults::AllocationsFail fail;
      push(500 * ReadySet::kMostStolen + 1);
    }
    steal_all();
    EXPECT_LT(gone, pushed - ReadySet::kMostStolen);
    push(ReadySet::kMostStolen);
    steal_all();
    EXPECT_GT(gone, pushed - ReadySet::kMostStolen);
  }
  while (task::Runnable* const runnable = set.pop()) EXPECT_EQ(runnable, &tasks[gone++]);
  EXPECT_EQ(gone, pushed);
}

}  // namespace
}  // namespace annulet::sched
