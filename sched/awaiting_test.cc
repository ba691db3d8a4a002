// Whatever starts something, or takes a result, is awaited once: to co_await an lvalue of it does
// not compile.
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "annulet/sched/fork_join_tasks.h"
#include "annulet/sched/run_blocking.h"
#include "annulet/task/block_on.h"
#include "annulet/task/local_join.h"
#include "annulet/task/spawn.h"
#include "annulet/task/this_task.h"
#include "annulet/task/when_all.h"
#include "annulet/testing/assert_death_test.h"

namespace annulet::sched {
namespace {

using task::Task;

template <class T>
concept AwaitedAsLvalue = requires(T& awaitable) { awaitable.await_ready(); } ||
                          requires(T& awaitable) { awaitable.operator co_await(); } ||
                          requires(T& awaitable) { operator co_await(awaitable); };
template <class T>
concept AwaitedAsRvalue = requires(T& awaitable) { std::move(awaitable).operator co_await(); };
template <class T>
constexpr bool kAwaitedOnce = AwaitedAsRvalue<T> && !AwaitedAsLvalue<T>;

Task<int> give(int value) { co_return value; }

TEST(Awaiting, WhatIsAwaitedOnceIsNoLvalue) {
  static_assert(AwaitedAsLvalue<task::YieldAwaiter>, "the concept tells; this one holds nothing");
  static_assert(kAwaitedOnce<Task<int>>);
  static_assert(kAwaitedOnce<task::JoinHandle<int>>);
  static_assert(kAwaitedOnce<task::LocalJoinHandle<int>>);
  static_assert(kAwaitedOnce<decltype(task::when_all(give(1), give(2)))>);
  static_assert(kAwaitedOnce<decltype(task::when_all(std::vector<Task<int>>()))>);
  static_assert(kAwaitedOnce<decltype(fork_join(give(1), give(2)))>);
  static_assert(kAwaitedOnce<decltype(run_blocking([] {}))>);
}

TEST(Awaiting, WhatIsNamedFirstIsMovedIntoTheAwait) {
  const auto main = []() -> Task<int> {
    auto both = task::when_all(give(1), give(2));
    const auto [one, two] = co_await std::move(both);
    auto fork = fork_join(give(one), give(two));
    const auto [left, right] = co_await std::move(fork);
    co_return left + right;
  };
  EXPECT_EQ(task::block_on(main()), 3);
}

using AwaitingDeathTest = faults::AssertDeathTest;

TEST_F(AwaitingDeathTest, WhatIsMovedTwiceIsAwaitedOnceAllTheSame) {
  const auto all = []() -> Task<void> {
    auto both = task::when_all(give(1), give(2));
    (void)co_await std::move(both);
    (void)co_await std::move(both);
  };
  EXPECT_DEATH(task::block_on(all()), "when_all is awaited a second time");
  const auto forked = []() -> Task<void> {
    auto fork = fork_join(give(1), give(2));
    (void)co_await std::move(fork);
    (void)co_await std::move(fork);
  };
  EXPECT_DEATH(task::block_on(forked()), "fork_join is awaited a second time");
}

}  // namespace
}  // namespace annulet::sched
