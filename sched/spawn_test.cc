// What a spawn is given besides its task: a worker, a priority, a name.
#include "annulet/sched/spawn.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "annulet/sched/engine.h"
#include "annulet/sched/testing/reports.h"
#include "annulet/task/this_task.h"

namespace annulet::sched {
namespace {

Task<void> fail() {
  throw std::runtime_error("failed");
  co_return;
}

TEST(SpawnOn, MoreUrgentTasksOfAWorkerRunFirst) {
  const auto engine = *Engine::create({.workers = 2});
  std::atomic<bool> all_spawned{false};
  const auto hold_worker = [&]() -> Task<void> {
    while (!all_spawned.load()) std::this_thread::yield();
    co_return;
  };
  std::string order;
  const auto note = [&](char c) -> Task<void> {
    order += c;
    co_return;
  };
  auto holder = *engine->spawn_on(1, hold_worker());
  auto low = *engine->spawn_on(1, note('l'), Priority::kLow);
  auto normal = *engine->spawn_on(1, note('n'));
  auto high = *engine->spawn_on(1, note('h'), Priority::kHigh, "urgent");
  all_spawned.store(true);
  for (auto* handle : {&holder, &low, &normal, &high}) std::move(*handle).join();
  EXPECT_EQ(order, "hnl");
}

TEST(SpawnOn, RunsOnTheWorkerThatIsNamedAlsoFromATaskOfAnother) {
  const auto engine = *Engine::create({.workers = 2});
  const auto index = []() -> Task<size_t> { co_return Worker::current()->index(); };
  const auto from_a_task = [&]() -> Task<bool> {
    const size_t here = Worker::current()->index();
    co_return co_await *engine->spawn_on(1 - here, index()) ==
        1 - here&& co_await *engine->spawn_on(here, index()) == here;
  };
  EXPECT_TRUE(std::move(*engine->spawn_on(0, from_a_task())).join());
}

TEST(Spawn, ANameReachesTheReportOfAFailureByWhateverWayItIsSpawned) {
  const Reports reports;
  const auto engine = *Engine::create({.workers = 2});
  EXPECT_TRUE(engine->spawn_detached(fail(), Priority::kLow, "from outside").ok());
  // A handle that is dropped after the end tells no name, so the task waits for that.
  std::atomic<bool> dropped{false};
  const auto fail_later = [&]() -> Task<void> {
    while (!dropped.load()) co_await task::yield();
    throw std::runtime_error("failed");
  };
  EXPECT_TRUE(engine->spawn_on(1, fail_later(), Priority::kNormal, "on a worker").ok());
  dropped.store(true);
  EXPECT_TRUE(engine->stop(wait::kNever).ok());
  EXPECT_TRUE(Reports::has("from outside"));
  EXPECT_TRUE(Reports::has("on a worker"));
}

}  // namespace
}  // namespace annulet::sched
