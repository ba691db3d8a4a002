// What a spawn is given besides its task: a worker, a priority, a name.
#include "annulet/sched/spawn.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <source_location>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

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
  std::atomic<bool> holds{false};
  std::atomic<bool> all_spawned{false};
  const auto hold_worker = [&]() -> Task<void> {
    holds.store(true);
    while (!all_spawned.load()) std::this_thread::yield();
    co_return;
  };
  std::string order;
  const auto note = [&](char c) -> Task<void> {
    order += c;
    co_return;
  };
  auto holder = *engine->spawn_on(1, hold_worker());
  while (!holds.load()) std::this_thread::yield();  // else it would be given some of them with it
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

TEST(SpawnOn, AWorkerThatDoesNotExistIsRefusedWithItsNumberAndTheTaskDestroyed) {
  const auto engine = *Engine::create({.workers = 2});
  const auto held = std::make_shared<int>(0);
  const auto hold = [](std::shared_ptr<int>) -> Task<void> { co_return; };
  const absl::Status refused = engine->spawn_on(2, hold(held)).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(refused.message(), "spawn_on: there is no worker 2: the engine has 2, from 0");
  EXPECT_EQ(held.use_count(), 1);
}

TEST(Spawn, ANameReachesTheReportOfAFailureByWhateverWayItIsSpawned) {
  const Reports reports;
  const auto engine = *Engine::create({.workers = 2});
  EXPECT_TRUE(engine->spawn_detached(fail(), Priority::kLow, "from outside").ok());
  EXPECT_TRUE(engine->spawn_on(1, fail(), Priority::kNormal, "on a worker").ok());
  EXPECT_TRUE(engine->stop(wait::kNever).ok());
  EXPECT_TRUE(Reports::has("from outside"));
  EXPECT_TRUE(Reports::has("on a worker"));
}

TEST(Spawn, ANameReachesTheReportOfAFailureWheneverTheHandleIsDropped) {
  const Reports reports;
  auto engine = *Engine::create({.workers = 1, .scheduler = {.spawn_sites = true}});
  const auto local_parent = []() -> Task<void> {
    {
      auto early = *spawn_local(fail(), Priority::kNormal, "local, dropped early");
    }
    auto late = *spawn_local(fail(), Priority::kNormal, "local, dropped late");
    co_await task::yield();
    EXPECT_TRUE(late.done());
  };
  std::move(*engine->spawn_on(0, local_parent())).join();
  EXPECT_TRUE(Reports::has_one_that_begins("local, dropped early"));
  EXPECT_TRUE(Reports::has_one_that_begins("local, dropped late"));
  {
    auto ended = *engine->spawn(fail(), Priority::kNormal, "dropped late");
    while (!ended.done()) std::this_thread::yield();
  }
  EXPECT_TRUE(Reports::has_one_that_begins("dropped late"));
  {
    auto outlives_its_engine = *engine->spawn(fail(), Priority::kNormal, "dropped last");
    engine = nullptr;
    EXPECT_FALSE(Reports::has_one_that_begins("dropped last"));
  }
  EXPECT_TRUE(Reports::has_one_that_begins("dropped last"));
}

TEST(SpawnSites, AReportSaysWhereTheTaskWasSpawnedByWhateverWay) {
  const Reports reports;
  const auto engine = *Engine::create({.workers = 2, .scheduler = {.spawn_sites = true}});
  std::vector<uint32_t> lines;
  // The line behind that of each note has the call, by which the report is to be found.
  const auto note = [&](uint32_t line) { lines.push_back(line); };
  const auto parent = [&]() -> Task<void> {
    note(__LINE__ + 1);
    EXPECT_TRUE(spawn_detached(fail()).ok());
    note(__LINE__ + 1);
    EXPECT_TRUE(spawn(fail()).ok());
    note(__LINE__ + 1);
    EXPECT_TRUE(spawn_local_detached(fail(), Priority::kLow).ok());
    note(__LINE__ + 1);
    EXPECT_TRUE(spawn_local(fail(), Priority::kHigh).ok());
    note(__LINE__ + 1);
    EXPECT_TRUE(engine->spawn(fail()).ok());
    co_return;
  };
  engine->block_on(parent());
  note(__LINE__ + 1);
  EXPECT_TRUE(engine->spawn_detached(fail()).ok());
  note(__LINE__ + 1);
  EXPECT_TRUE(engine->spawn_on(1, fail()).ok());
  note(__LINE__ + 1);
  EXPECT_TRUE(spawn_on(engine->scheduler().worker(0), fail()).ok());
  std::vector<Task<void>> together;
  together.push_back(fail());
  note(__LINE__ + 1);
  EXPECT_TRUE(spawn_all(engine->scheduler(), std::move(together)).ok());
  const uint32_t named = __LINE__ + 1;
  EXPECT_TRUE(engine->spawn_detached(fail(), Priority::kNormal, "visit").ok());
  EXPECT_TRUE(engine->stop(wait::kNever).ok());
  const std::string place =
      std::string("spawned at ") + std::source_location::current().file_name();
  for (const uint32_t line : lines) {
    EXPECT_TRUE(Reports::has(place + ":" + std::to_string(line))) << line;
  }
  EXPECT_TRUE(Reports::has("visit, " + place + ":" + std::to_string(named)));
}

TEST(SpawnSites, WithoutThemNamesAreWhatTheyWereGiven) {
  const Reports reports;
  const auto engine = *Engine::create({.workers = 1});
  EXPECT_TRUE(engine->spawn_detached(fail()).ok());
  EXPECT_TRUE(engine->stop(wait::kNever).ok());
  EXPECT_TRUE(Reports::has(""));
}

TEST(SpawnSites, GoTogetherWithABoundOnLiveTasks) {
  const auto engine =
      *Engine::create({.workers = 1, .scheduler = {.max_live = 2, .spawn_sites = true}});
  const auto parent = []() -> Task<void> {
    auto first = spawn(fail());
    EXPECT_TRUE(first.ok());
    EXPECT_TRUE(absl::IsResourceExhausted(spawn(fail()).status()));
    EXPECT_TRUE(absl::IsResourceExhausted(spawn_local(fail()).status()));
    bool failed = false;
    try {
      co_await *std::move(first);
    } catch (const std::runtime_error&) {
      failed = true;
    }
    EXPECT_TRUE(failed);
  };
  engine->block_on(parent());
}

TEST(SpawnAll, OfAnEngineStartsAllInTheirOrderAndUnderOneName) {
  const Reports reports;
  const auto engine = *Engine::create({.workers = 2});
  const auto number = [](int n) -> Task<int> { co_return n; };
  std::vector<Task<int>> work;
  for (int i = 0; i < 5; ++i) work.push_back(number(i));
  auto handles = *engine->spawn_all(std::move(work), Priority::kLow);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(std::move(handles[static_cast<size_t>(i)]).join(), i);
  std::vector<Task<void>> failing;
  failing.push_back(fail());
  EXPECT_TRUE(engine->spawn_all(std::move(failing), Priority::kHigh, "visit").ok());
  EXPECT_TRUE(engine->stop(wait::kNever).ok());
  EXPECT_TRUE(Reports::has("visit"));
  std::vector<Task<int>> late;
  late.push_back(number(0));
  EXPECT_TRUE(absl::IsFailedPrecondition(engine->spawn_all(std::move(late)).status()));
}

}  // namespace
}  // namespace annulet::sched
