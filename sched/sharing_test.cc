// What of a busy worker's tasks the others get: without and with SchedulerOptions::share_threshold.
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
#include "annulet/sched/internal/ready_set.h"
#include "annulet/sched/spawn.h"
#include "annulet/task/this_task.h"

namespace annulet::sched {
namespace {

std::unique_ptr<Engine> make_engine(size_t workers, uint32_t share_threshold) {
  return *Engine::create({.workers = workers, .scheduler = {.share_threshold = share_threshold}});
}

// Returns once all but a few of many tasks that it has spawned have run, without a turn for any of
// them: elsewhere.
Task<void> keep_worker_until_others_have_run(int spawned, int left) {
  std::atomic<int> ran{0};
  const auto count = [&]() -> Task<void> {
    ran.fetch_add(1);
    co_return;
  };
  std::vector<JoinHandle<void>> handles;
  for (int i = 0; i < spawned; ++i) handles.push_back(*spawn(count()));
  while (ran.load() < spawned - left) std::this_thread::yield();
  for (JoinHandle<void>& handle : handles) co_await std::move(handle);
}

TEST(Sharing, IdleWorkersRunAllThatABusyOneHasSpawnedButForTheLastFew) {
  constexpr int kUnseen = internal::ReadySet::kMostStolen - 1;
  for (const size_t workers : {2u, 4u}) {
    const auto engine = make_engine(workers, 0);
    for (const int spawned : {1, 300, 10'000}) {
      const int left = spawned <= int{internal::ReadySet::kPlaces} ? 0 : kUnseen;
      for (int round = 0; round < 10; ++round) {
        engine->block_on(keep_worker_until_others_have_run(spawned, left));
      }
    }
  }
}

TEST(ShareThreshold, IdleWorkersRunAllButWhatItKeepsOfWhatABusyOneHasSpawned) {
  for (const int threshold : {10, 500}) {
    const auto engine = make_engine(2, static_cast<uint32_t>(threshold));
    const int left = std::max(threshold, threshold / 2 + int{internal::ReadySet::kMostStolen});
    engine->block_on(keep_worker_until_others_have_run(10'000, left));
  }
}

TEST(Sharing, AStopRunsWhatWaitsInChains) {
  const auto engine = make_engine(2, 0);
  std::atomic<int> ran{0};
  const auto count = [&]() -> Task<void> {
    ran.fetch_add(1);
    co_return;
  };
  const auto parent = [&]() -> Task<void> {
    for (int i = 0; i < 5000; ++i) EXPECT_TRUE(spawn_detached(count()).ok());
    co_return;
  };
  engine->block_on(parent());
  EXPECT_TRUE(engine->stop(wait::kNever).ok());
  EXPECT_EQ(ran.load(), 5000);
}

TEST(ShareThreshold, WhatLiesBeyondItAnIdleWorkerRunsWhileItsSpawnerIsBusy) {
  constexpr int kThreshold = 4;
  const auto engine = make_engine(2, kThreshold);
  // The other one gets the older half, and no more.
  for (int round = 0; round < 50; ++round) {
    engine->block_on(keep_worker_until_others_have_run(kThreshold + 1, kThreshold / 2));
  }
}

TEST(ShareThreshold, WhatLiesBelowItsSpawnerRunsItself) {
  const auto engine = make_engine(2, 100);
  const auto where = []() -> Task<const Worker*> { co_return Worker::current(); };
  const auto parent = [&]() -> Task<void> {
    const Worker* const here = Worker::current();
    std::vector<JoinHandle<const Worker*>> handles;
    for (int i = 0; i < 100; ++i) handles.push_back(*spawn(where()));
    for (auto& handle : handles) EXPECT_EQ(co_await std::move(handle), here);
  };
  for (int round = 0; round < 50; ++round) engine->block_on(parent());
}

Task<int> tree(int depth) {
  if (depth == 0) co_return 1;
  JoinHandle<int> left = *spawn(tree(depth - 1));
  JoinHandle<int> right = *spawn(tree(depth - 1));
  if (depth % 3 == 0) co_await task::yield();
  co_return co_await std::move(left) + co_await std::move(right);
}

TEST(ShareThreshold, NoTaskIsLostWhateverItIsAndHoweverManyWorkersThereAre) {
  for (const size_t workers : {1u, 2u, 4u}) {
    for (const uint32_t threshold : {0u, 1u, 2u, 7u, 1000u}) {
      const auto engine = make_engine(workers, threshold);
      EXPECT_EQ(engine->block_on(tree(12)), 1 << 12) << workers << " workers, " << threshold;
      EXPECT_TRUE(engine->stop(wait::kNever).ok());
    }
  }
}

TEST(ShareThreshold, AStopRunsWhatWasKept) {
  const auto engine = make_engine(2, 1000);
  std::atomic<int> ran{0};
  const auto count = [&]() -> Task<void> {
    ran.fetch_add(1);
    co_return;
  };
  const auto parent = [&]() -> Task<void> {
    for (int i = 0; i < 500; ++i) EXPECT_TRUE(spawn_detached(count()).ok());
    co_return;
  };
  engine->block_on(parent());
  EXPECT_TRUE(engine->stop(wait::kNever).ok());
  EXPECT_EQ(ran.load(), 500);
}

TEST(ShareThreshold, OneThatIsTooLargeIsRefused) {
  const absl::Status status =
      Engine::create({.scheduler = {.share_threshold = 2'000'000}}).status();
  EXPECT_NE(status.message().find("share_threshold: 2000000"), std::string::npos) << status;
}

}  // namespace
}  // namespace annulet::sched
