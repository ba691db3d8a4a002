// Whose turn it is, on one worker, whose order is then certain.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "annulet/sched/spawn.h"
#include "annulet/sched/testing/threads.h"
#include "annulet/task/spawn.h"
#include "annulet/task/this_task.h"

namespace annulet::sched {
namespace {

TEST(Priority, WhatIsMoreUrgentRunsFirst) {
  Threads scheduler(1);
  std::string order;
  const auto note = [&](char c) -> Task<void> {
    order += c;
    co_return;
  };
  const auto parent = [&]() -> Task<void> {
    EXPECT_TRUE(spawn_local_detached(note('l'), Priority::kLow).ok());
    EXPECT_TRUE(spawn_detached(note('L'), Priority::kLow).ok());
    EXPECT_TRUE(spawn_local_detached(note('n')).ok());
    EXPECT_TRUE(spawn_detached(note('H'), Priority::kHigh).ok());
    EXPECT_TRUE(spawn_local_detached(note('h'), Priority::kHigh).ok());
    while (order.size() < 5) co_await task::yield();
  };
  std::move(*task::spawn(scheduler->worker(0), parent())).join();
  std::sort(order.begin(), order.begin() + 2);  // within a priority the two kinds take turns
  std::sort(order.begin() + 3, order.end());
  EXPECT_EQ(order, "HhnLl");
}

// Fault 17, and the stated bound. `spent` is how many Low tasks have run before, alone: they have
// used up the turns of their priority in the round that is under way.
uint32_t turns_before_a_low_task(uint32_t spent) {
  Threads scheduler(1);
  uint32_t turns = 0;
  uint32_t waited = 0;
  bool low_ran = false;
  const auto nothing = []() -> Task<void> { co_return; };
  const auto urgent = [&]() -> Task<void> {
    while (!low_ran) {
      ++turns;
      co_await task::yield();
    }
  };
  const auto low = [&]() -> Task<void> {
    waited = turns;
    low_ran = true;
    co_return;
  };
  const auto parent = [&]() -> Task<void> {
    for (uint32_t i = 0; i < spent; ++i) {
      EXPECT_TRUE(spawn_detached(nothing(), Priority::kLow).ok());
    }
    co_await task::yield();
    for (int i = 0; i < 5; ++i) {
      EXPECT_TRUE(spawn_local_detached(urgent(), Priority::kHigh).ok());
      EXPECT_TRUE(spawn_detached(urgent(), Priority::kNormal).ok());
    }
    EXPECT_TRUE(spawn_detached(low(), Priority::kLow).ok());
  };
  const auto low_parent = [&]() -> Task<void> { co_await *spawn(parent(), Priority::kLow); };
  std::move(*task::spawn(scheduler->worker(0), low_parent())).join();
  scheduler.stop();  // the urgent ones use what is declared here
  return waited;
}

TEST(Priority, TheOldestLowTaskRunsWithinTwiceAsManyTurnsAsTheWeightsAddUpTo) {
  const Weights weights;
  uint32_t longest = 0;
  for (uint32_t spent = 0; spent <= 2 * weights.low; ++spent) {
    longest = std::max(longest, turns_before_a_low_task(spent));
  }
  EXPECT_LE(longest, 2 * weights.sum());
  EXPECT_GE(longest, weights.high) << "the urgent ones came first";
}

TEST(Priority, EachPriorityKeepsItsShareUnderAFloodOfAll) {
  Threads scheduler(1);
  const Weights weights;
  std::array<uint32_t, 3> turns{};
  bool over = false;
  const auto flood = [&](Priority priority) -> Task<void> {
    while (!over) {
      if (++turns[static_cast<size_t>(priority)] == 100 * weights.low &&
          priority == Priority::kLow) {
        over = true;
      }
      co_await task::yield();
    }
  };
  const auto parent = [&]() -> Task<void> {
    std::vector<LocalJoinHandle<void>> handles;
    for (const Priority priority : task::kAllPriorities) {
      for (int i = 0; i < 3; ++i) handles.push_back(*spawn_local(flood(priority), priority));
    }
    for (auto& handle : handles) co_await std::move(handle);
  };
  std::move(*task::spawn(scheduler->worker(0), parent())).join();
  EXPECT_NEAR(turns[0], 100 * weights.high, 2 * weights.high);
  EXPECT_NEAR(turns[1], 100 * weights.normal, 2 * weights.normal);
}

TEST(Budget, ATaskThatNeverHasToWaitLetsOthersRunAllTheSame) {
  Threads scheduler(1);
  bool other_ran = false;
  const auto nothing = []() -> Task<void> { co_return; };
  const auto parent = [&]() -> Task<int> {
    std::vector<LocalJoinHandle<void>> ended;
    for (int i = 0; i < 1000; ++i) ended.push_back(*spawn_local(nothing()));
    for (int i = 0; i < 3; ++i) co_await task::yield();
    const auto other = [&]() -> Task<void> {
      other_ran = true;
      co_return;
    };
    EXPECT_TRUE(spawn_local_detached(other()).ok());
    int joined = 0;
    while (!other_ran) co_await std::move(ended[static_cast<size_t>(joined++)]);
    co_return joined;
  };
  const int joined = std::move(*task::spawn(scheduler->worker(0), parent())).join();
  EXPECT_LE(joined, task::WorkerContext::kBudget);
}

}  // namespace
}  // namespace annulet::sched
