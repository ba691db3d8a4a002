// What debug builds check of those who use tasks and their handles.
#include <gtest/gtest.h>

#include <chrono>
#include <utility>

#include "annulet/task/block_on.h"
#include "annulet/task/spawn.h"
#include "annulet/task/task.h"
#include "annulet/task/this_task.h"
#include "annulet/task/when_all.h"
#include "annulet/testing/assert_death_test.h"

namespace annulet::task {
namespace {

using TaskDeathTest = faults::AssertDeathTest;
using JoinHandleDeathTest = faults::AssertDeathTest;
using SleepDeathTest = faults::AssertDeathTest;

Task<int> give(int value) { co_return value; }

struct MovedFrom {
  Task<int> task = give(1);
  Task<int> taken = std::move(task);
};

TEST_F(TaskDeathTest, OneThatWasMovedFromCannotBeAwaited) {
  const auto await_it = []() -> Task<int> { co_return co_await std::move(MovedFrom().task); };
  EXPECT_DEATH(block_on(await_it()), "co_await of a Task that was moved from");
}

TEST_F(TaskDeathTest, OneThatWasMovedFromCannotBeStartedInOtherWays) {
  const char* const why = "this Task was moved from";
  EXPECT_DEATH(block_on(std::move(MovedFrom().task)), why);
  const auto await_all = []() -> Task<void> {
    co_await when_all(give(1), std::move(MovedFrom().task));
  };
  EXPECT_DEATH(block_on(await_all()), why);
}

TEST_F(TaskDeathTest, OneCannotBeAwaitedTwice) {
  const auto await_twice = []() -> Task<int> {
    Task<int> task = give(1);
    const int first = co_await std::move(task);
    co_return first + co_await std::move(task);
  };
  EXPECT_DEATH(block_on(await_twice()), "co_await of a Task that was awaited before");
}

TEST_F(JoinHandleDeathTest, OneThatWasMovedFromHasNothingToAskOrJoin) {
  const char* const why = "this JoinHandle was moved from, joined or detached";
  const auto handle = [] {
    return JoinHandle<int>(nullptr);  // as moving leaves it
  };
  EXPECT_DEATH((void)handle().done(), why);
  EXPECT_DEATH(handle().join(), why);
  const auto await_twice = []() -> Task<int> {
    JoinHandle<int> task = *spawn_here(give(1));
    const int first = co_await std::move(task);
    co_return first + co_await std::move(task);
  };
  EXPECT_DEATH(block_on(await_twice()), why);
}

TEST_F(SleepDeathTest, OutsideOfTasksThereIsNoClockToSleepBy) {
  EXPECT_DEATH((void)sleep_for(std::chrono::seconds(1)), "outside of tasks");
}

}  // namespace
}  // namespace annulet::task
