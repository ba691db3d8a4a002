// SchedulerOptions::max_live.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "annulet/sched/engine.h"
#include "annulet/sched/simulation.h"
#include "annulet/sched/spawn.h"
#include "annulet/task/spawn.h"
#include "annulet/task/this_task.h"

namespace annulet::sched {
namespace {

std::unique_ptr<Engine> make_engine(size_t workers, uint64_t max_live) {
  return *Engine::create({.workers = workers, .scheduler = {.max_live = max_live}});
}

Task<void> nothing() { co_return; }
Task<int> give(int n) { co_return n; }

Task<void> wait_for(std::atomic<bool>& flag) {
  while (!flag.load()) co_await task::yield();
}

// Spawns tasks that live until `over`, until one is refused.
Task<int> spawn_until_refused(std::atomic<bool>& begin, std::atomic<bool>& over,
                              std::atomic<int>& refused) {
  co_await wait_for(begin);
  int spawned = 0;
  for (;;) {
    const absl::Status status =
        spawned % 2 == 0 ? spawn_detached(wait_for(over)) : spawn_local_detached(wait_for(over));
    if (!status.ok()) {
      EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
      refused.fetch_add(1);
      break;
    }
    ++spawned;
    if (spawned % 8 == 0) co_await task::yield();
  }
  co_await wait_for(over);  // so that it counts to the end
  co_return spawned;
}

class LiveBound : public testing::TestWithParam<int> {};

TEST_P(LiveBound, AsManyLiveAsItSaysAndNotOneMoreHoweverManyWorkersSpawn) {
  constexpr int kWorkers = 4;
  const int max_live = GetParam();
  const auto engine = make_engine(kWorkers, static_cast<uint64_t>(max_live));
  for (int round = 0; round < 20; ++round) {
    std::atomic<bool> begin{false};
    std::atomic<bool> over{false};
    std::atomic<int> refused{0};
    std::vector<JoinHandle<int>> spawners;
    for (size_t i = 0; i < kWorkers; ++i) {
      spawners.push_back(*engine->spawn_on(i, spawn_until_refused(begin, over, refused)));
    }
    begin.store(true);
    int outside = 0;
    while (engine->spawn_detached(wait_for(over)).ok()) ++outside;
    while (refused.load() < kWorkers) std::this_thread::yield();
    over.store(true);
    int live = kWorkers + outside;
    for (JoinHandle<int>& spawner : spawners) live += std::move(spawner).join();
    EXPECT_LE(live, max_live);
    EXPECT_GE(live, max_live - max_live / 8);
    while (engine->live_tasks() > 0) std::this_thread::yield();
  }
}

TEST_P(LiveBound, HoldsWhileTasksComeAndGo) {
  const int max_live = GetParam();
  const auto engine = make_engine(3, static_cast<uint64_t>(max_live));
  std::atomic<int> live{0};
  std::atomic<int> most{0};
  const auto brief = [&]() -> Task<void> {
    const int now = live.fetch_add(1) + 1;
    int before = most.load();
    while (before < now && !most.compare_exchange_weak(before, now)) {
    }
    co_await task::yield();
    live.fetch_sub(1);
  };
  std::atomic<bool> begin{false};
  const auto spawner = [&]() -> Task<void> {
    co_await wait_for(begin);
    for (int i = 0; i < 2000; ++i) {
      if (!spawn_detached(brief()).ok()) co_await task::yield();
    }
  };
  std::vector<JoinHandle<void>> spawners;
  for (size_t i = 0; i < 3; ++i) spawners.push_back(*engine->spawn_on(i, spawner()));
  begin.store(true);
  for (JoinHandle<void>& handle : spawners) std::move(handle).join();
  EXPECT_TRUE(engine->stop(wait::kNever).ok());
  EXPECT_LE(most.load(), max_live);
  EXPECT_EQ(live.load(), 0);
}

// Small ones have no batches.
INSTANTIATE_TEST_SUITE_P(Bounds, LiveBound, testing::Values(5, 63, 64, 200, 5000));

TEST(LiveBound, ARefusedTaskIsDestroyedUnstartedAndTheReasonIsNamed) {
  const auto engine = make_engine(1, 1);
  const auto tracked = std::make_shared<int>(0);
  const auto use = [](std::shared_ptr<int> what) -> Task<void> {
    ++*what;
    co_return;
  };
  const auto expect_refused = [&](const auto& spawn_one) {
    const absl::Status status = spawn_one();
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    EXPECT_NE(status.message().find("spawn: refused"), std::string::npos) << status;
    EXPECT_NE(status.message().find("max_live allows, 1;"), std::string::npos) << status;
    EXPECT_EQ(tracked.use_count(), 1) << status;
  };
  std::atomic<bool> over{false};
  auto only_one = *engine->spawn(wait_for(over));
  expect_refused([&] { return engine->spawn(use(tracked)).status(); });
  expect_refused([&] { return engine->spawn_detached(use(tracked)); });
  expect_refused([&] { return engine->spawn_on(0, use(tracked)).status(); });
  expect_refused([&] { return task::spawn(engine->scheduler(), use(tracked)).status(); });
  expect_refused([&] { return task::spawn(engine->scheduler().worker(0), use(tracked)).status(); });
  over.store(true);
  std::move(only_one).join();
  const auto main = [&]() -> Task<void> {
    expect_refused([&] { return spawn(use(tracked)).status(); });
    expect_refused([&] { return spawn_detached(use(tracked)); });
    expect_refused([&] { return spawn_local(use(tracked)).status(); });
    expect_refused([&] { return spawn_local_detached(use(tracked)); });
    expect_refused([&] { return engine->spawn(use(tracked)).status(); });
    expect_refused([&] { return engine->spawn_on(0, use(tracked)).status(); });
    co_return;
  };
  engine->block_on(main());
  EXPECT_EQ(*tracked, 0);
}

TEST(LiveBound, ThereIsRoomAgainAsSoonAsATaskIsJoined) {
  const auto engine = make_engine(2, 1);
  for (int i = 0; i < 1000; ++i) {
    auto handle = engine->spawn(give(i));
    ASSERT_TRUE(handle.ok()) << handle.status();
    EXPECT_EQ(std::move(*handle).join(), i);
  }
  const auto two = make_engine(2, 2);
  const auto parent = [&]() -> Task<void> {
    for (int i = 0; i < 1000; ++i) {
      auto handle =
          i % 2 == 0 ? spawn(give(i)) : two->spawn_on(static_cast<size_t>(i / 2 % 2), give(i));
      EXPECT_TRUE(handle.ok()) << handle.status();
      if (!handle.ok()) co_return;
      EXPECT_EQ(co_await *std::move(handle), i);
    }
  };
  two->block_on(parent());
}

TEST(LiveBound, TasksThatEndInASimulationMakeRoomToo) {
  Simulation simulation({.scheduler = {.max_live = 4}});
  const auto spawn_one_by_one = []() -> Task<void> {
    for (int i = 0; i < 100; ++i) co_await *spawn(nothing());
  };
  simulation.run(spawn_one_by_one());
}

TEST(LiveBound, WhatIsSpawnedTogetherIsRefusedTogether) {
  const auto engine = make_engine(2, 100);
  std::atomic<int> ran{0};
  const auto count = [&]() -> Task<void> {
    ran.fetch_add(1);
    co_return;
  };
  const auto tasks = [&](int number) {
    std::vector<Task<void>> result;
    for (int i = 0; i < number; ++i) result.push_back(count());
    return result;
  };
  EXPECT_TRUE(absl::IsResourceExhausted(spawn_all(engine->scheduler(), tasks(101)).status()));
  auto handles = *spawn_all(engine->scheduler(), tasks(100));
  for (JoinHandle<void>& handle : handles) std::move(handle).join();
  EXPECT_EQ(ran.load(), 100);
  const auto parent = [&]() -> Task<void> {
    EXPECT_TRUE(absl::IsResourceExhausted(spawn_all(engine->scheduler(), tasks(100)).status()));
    auto children = spawn_all(engine->scheduler(), tasks(80));
    EXPECT_TRUE(children.ok()) << children.status();
    for (JoinHandle<void>& child : *children) co_await std::move(child);
  };
  engine->block_on(parent());
  EXPECT_EQ(ran.load(), 180);
}

TEST(LiveBound, TheMainTaskOfABlockOnCountsAndIsNeverRefused) {
  const auto engine = make_engine(2, 1);
  std::atomic<bool> over{false};
  ASSERT_TRUE(engine->spawn_detached(wait_for(over)).ok());
  EXPECT_EQ(engine->block_on(give(7)), 7);
  const auto release = [&]() -> Task<void> {
    EXPECT_FALSE(spawn_detached(nothing()).ok());
    over.store(true);
    while (engine->live_tasks() > 1) co_await task::yield();
    EXPECT_FALSE(spawn_detached(nothing()).ok());  // itself lives
  };
  engine->block_on(release());
  EXPECT_TRUE(std::move(*engine->spawn(give(1))).join() == 1);
}

TEST(LiveBound, AStopEndsWhatLivesAndThenRefusesForThatReason) {
  const auto engine = make_engine(2, 3);
  for (int i = 0; i < 3; ++i) {
    const auto sleep = []() -> Task<void> {
      (void)co_await task::sleep_for(std::chrono::hours(1));
    };
    ASSERT_TRUE(engine->spawn_detached(sleep()).ok());
  }
  EXPECT_TRUE(absl::IsResourceExhausted(engine->spawn_detached(nothing())));
  EXPECT_TRUE(engine->stop(wait::Deadline()).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(engine->spawn_detached(nothing())));
}

TEST(LiveBound, OneThatIsTooLargeIsRefused) {
  const absl::Status status =
      Engine::create({.scheduler = {.max_live = uint64_t{1} << 50}}).status();
  EXPECT_NE(status.message().find("max_live: "), std::string::npos) << status;
}

}  // namespace
}  // namespace annulet::sched
