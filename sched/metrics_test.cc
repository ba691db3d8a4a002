// What workers tell of themselves.
#include "annulet/sched/metrics.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

#include "annulet/sched/engine.h"
#include "annulet/sched/fork_join.h"
#include "annulet/sched/spawn.h"
#include "annulet/task/this_task.h"

namespace annulet::sched {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr auto kHigh = static_cast<size_t>(Priority::kHigh);
constexpr auto kNormal = static_cast<size_t>(Priority::kNormal);
constexpr auto kLow = static_cast<size_t>(Priority::kLow);

constexpr wait::Deadline at(int64_t ns) { return wait::Deadline(nanoseconds(ns)); }

TEST(BusyTime, IsWhatPassedBetweenBeginAndEndAllTogether) {
  internal::BusyTime busy;
  const auto read_at = [&](int64_t now) { return busy.read([now] { return at(now); }).count(); };
  EXPECT_EQ(read_at(1000), 0);
  busy.begin(at(1000));
  EXPECT_EQ(read_at(1000), 0);
  EXPECT_EQ(read_at(1007), 7);
  busy.end(at(1010));
  EXPECT_EQ(read_at(5000), 10) << "it grew though nothing was done";
  busy.begin(at(6000));
  EXPECT_EQ(read_at(6001), 11);
  busy.end(at(6005));
  EXPECT_EQ(read_at(9000), 15);
}

TEST(TurnTimes, AreCountedByPowersOfTwo) {
  internal::TurnTimes times;
  for (const int64_t ns : {-5, 0, 1, 2, 3, 4, 1023, 1024}) times.add(nanoseconds(ns));
  times.add(std::chrono::hours(10'000));
  const auto counts = times.read();
  EXPECT_EQ(counts[0], 2u);
  EXPECT_EQ(counts[1], 1u);
  EXPECT_EQ(counts[2], 2u);
  EXPECT_EQ(counts[3], 1u);
  EXPECT_EQ(counts[10], 1u);
  EXPECT_EQ(counts[11], 1u);
  EXPECT_EQ(counts.back(), 1u);
}

Task<void> nothing() { co_return; }

Task<void> compute_for(milliseconds time) {
  const auto until = wait::Clock::now() + time;
  while (wait::Clock::now() < until) {
  }
  co_return;
}

TEST(Metrics, AWorkerIsBusyWhileATaskRunsAndNoLongerThanItHasExisted) {
  const wait::Deadline start = wait::Clock::now();
  const auto engine = *Engine::create({.workers = 2});
  Worker& worker = engine->scheduler().worker(1);
  const auto growth = [&]() -> Task<nanoseconds> {
    const nanoseconds before = worker.metrics().busy;
    co_await compute_for(milliseconds(2));
    co_return worker.metrics().busy - before;
  };
  EXPECT_GE(std::move(*engine->spawn_on(1, growth())).join(), milliseconds(2));
  EXPECT_TRUE(engine->stop(wait::kNever).ok());
  const nanoseconds busy = worker.metrics().busy;
  EXPECT_LE(busy, wait::Clock::now() - start);
  EXPECT_EQ(worker.metrics().busy, busy) << "it grew though the engine has stopped";
}

TEST(Metrics, ASleepingWorkerIsNotBusy) {
  const auto engine = *Engine::create({.workers = 1});
  engine->block_on(nothing());
  // Asleep once two looks in a row see the same.
  for (;;) {
    const nanoseconds busy = engine->metrics().busy;
    std::this_thread::sleep_for(milliseconds(1));
    if (engine->metrics().busy == busy) break;
  }
  EXPECT_GT(engine->metrics().busy.count(), 0);
}

TEST(Metrics, TellWhatIsReadyByPriorityAndWhoMayRunIt) {
  const auto engine = *Engine::create({.workers = 2, .scheduler = {.poll_interval = 1}});
  std::atomic<bool> held{false};
  std::atomic<bool> over{false};
  const auto hold_worker = [&]() -> Task<void> {
    held.store(true);
    while (!over.load()) std::this_thread::yield();
    co_return;
  };
  auto holder = *engine->spawn_on(1, hold_worker());  // so that it takes nothing
  const auto look = [&]() -> Task<WorkerMetrics> {
    while (!held.load()) std::this_thread::yield();
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(spawn_detached(nothing(), Priority::kLow).ok());
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(spawn_local_detached(nothing()).ok());
    co_await task::yield();  // a round ends
    co_return Worker::current()->metrics();
  };
  const WorkerMetrics seen = std::move(*engine->spawn_on(0, look(), Priority::kHigh)).join();
  EXPECT_EQ(seen.queued_own[kHigh], 1u) << "the one that looks";
  EXPECT_EQ(seen.queued_own[kNormal], 2u);
  EXPECT_EQ(seen.queued_own[kLow], 0u);
  EXPECT_EQ(seen.queued_shared[kHigh], 0u);
  EXPECT_EQ(seen.queued_shared[kNormal], 0u);
  EXPECT_EQ(seen.queued_shared[kLow], 3u);
  over.store(true);
  std::move(holder).join();
}

TEST(Metrics, OfALoneWorkerCountAllAmongItsOwn) {
  const auto engine = *Engine::create({.workers = 1, .scheduler = {.poll_interval = 1}});
  const auto look = [&]() -> Task<WorkerMetrics> {
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(spawn_detached(nothing(), Priority::kLow).ok());
    co_await task::yield();
    co_return engine->metrics();
  };
  const WorkerMetrics seen = std::move(*engine->spawn(look(), Priority::kHigh)).join();
  EXPECT_EQ(seen.queued_own[kLow], 3u);
  EXPECT_EQ(seen.queued_shared[kLow], 0u);
}

TEST(Metrics, CountWhatWasSpawnedAndWhatHasEnded) {
  const auto engine = *Engine::create({.workers = 2});
  const auto parent = [&]() -> Task<void> {
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(spawn_detached(nothing()).ok());
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(spawn_local_detached(nothing()).ok());
    co_return;
  };
  engine->block_on(parent());
  EXPECT_TRUE(engine->spawn_on(1, nothing()).ok());
  EXPECT_TRUE(engine->stop(wait::kNever).ok());
  const WorkerMetrics sum = engine->metrics();
  EXPECT_EQ(sum.spawned, 22u);
  EXPECT_EQ(sum.ended, 22u);
  Scheduler& scheduler = engine->scheduler();
  EXPECT_EQ(scheduler.worker(0).metrics().spawned + scheduler.worker(1).metrics().spawned, 20u)
      << "two came from outside";
}

uint64_t total(const WorkerMetrics& metrics) {
  return std::accumulate(metrics.turn_times.begin(), metrics.turn_times.end(), uint64_t{0});
}

TEST(Metrics, OfTurnsAreThereForEachTurnWhereAskedFor) {
  const auto engine = *Engine::create({.workers = 2, .scheduler = {.turn_histogram = true}});
  const auto yields = []() -> Task<void> {
    for (int i = 0; i < 100; ++i) co_await task::yield();
    co_await compute_for(milliseconds(2));
  };
  std::vector<JoinHandle<void>> handles;
  for (int i = 0; i < 5; ++i) handles.push_back(*engine->spawn(yields()));
  for (JoinHandle<void>& handle : handles) std::move(handle).join();
  EXPECT_TRUE(engine->stop(wait::kNever).ok());
  const WorkerMetrics sum = engine->metrics();
  EXPECT_GE(sum.runs, 505u);
  EXPECT_EQ(total(sum), sum.runs);
  uint64_t long_ones = 0;
  for (size_t i = 21; i < sum.turn_times.size(); ++i) long_ones += sum.turn_times[i];
  EXPECT_GE(long_ones, 5u) << "2 ms are more than 2^20 ns";
}

TEST(Metrics, OfTurnsAreNotThereWhereNobodyAskedForThem) {
  const auto engine = *Engine::create({.workers = 2});
  engine->block_on(nothing());
  EXPECT_TRUE(engine->stop(wait::kNever).ok());
  EXPECT_EQ(total(engine->metrics()), 0u);
}

TEST(Metrics, TellWhatWasTakenOfForksAlsoByThoseWhoWait) {
  const auto engine = *Engine::create({.workers = 2});
  std::atomic<bool> second_ran{false};
  engine->run([&] {
    fork_join(
        [&] {
          while (!second_ran.load()) fork_join([] {}, [] {});
        },
        [&] { second_ran.store(true); });
  });
  EXPECT_GE(engine->metrics().jobs_stolen, 1u);
  EXPECT_EQ(engine->metrics().stolen, 0u);
  const auto alone = *Engine::create({.workers = 1});
  alone->run([] { fork_join([] {}, [] {}); });
  EXPECT_EQ(alone->metrics().jobs_stolen, 0u);
}

}  // namespace
}  // namespace annulet::sched
