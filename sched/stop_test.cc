// Stops that cannot bring everything to its end.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/synchronization/notification.h"
#include "annulet/sched/engine.h"
#include "annulet/sched/run_blocking.h"
#include "annulet/sched/spawn.h"
#include "annulet/task/this_task.h"
#include "annulet/testing/other_threads.h"

namespace annulet::sched {
namespace {

using absl::Notification;
using faults::thread_count;
using faults::wait_until;
using std::chrono::hours;
using std::chrono::milliseconds;

std::unique_ptr<Engine> short_of_grace() {
  return *Engine::create({.workers = 2, .cancel_grace = milliseconds(20)});
}

// Who is left behind has its own share of what it uses.
using Go = std::shared_ptr<Notification>;

Task<absl::Status> wait_for(Go go) {
  co_return co_await run_blocking([&go] { go->WaitForNotification(); });
}

// Joins where that blocks.
Task<void> join_in_a_call(JoinHandle<absl::Status> handle) {
  (void)co_await run_blocking([&handle] { (void)std::move(handle).join(); });
}

// Computes until it is let go.
Task<void> spin(Go begun, Go go) {
  begun->Notify();
  while (!go->HasBeenNotified()) std::this_thread::yield();
  co_return;
}

// That the message names all of `parts`.
void expect_left(const absl::Status& outcome, std::initializer_list<const char*> parts) {
  EXPECT_EQ(outcome.code(), absl::StatusCode::kDeadlineExceeded) << outcome;
  for (const char* part : parts) {
    EXPECT_NE(outcome.message().find(part), std::string::npos) << part << " in " << outcome;
  }
}

// Fault 39.
TEST(Stop, LeavesABlockingCallThatOutlastsTheGrace) {
  const auto before = thread_count();
  const Go go = std::make_shared<Notification>();
  {
    const auto engine = short_of_grace();
    ASSERT_TRUE(engine->spawn_detached(wait_for(go)).ok());
    wait_until([&] { return engine->blocking().metrics().running == 1; });
    const absl::Status outcome = engine->stop(wait::Deadline());
    expect_left(outcome, {"1 tasks", "1 blocking calls"});
    EXPECT_EQ(outcome.message().find("workers"), std::string::npos) << outcome;
    EXPECT_EQ(engine->stop(wait::kNever), outcome) << "nor does a later one wait";
  }
  go->Notify();  // and then it finds everything it needs
  wait_until([&] { return thread_count() == before; });
}

TEST(Stop, LeavesABlockingCallThatJoinsATaskThatNeverEnds) {
  const auto before = thread_count();
  const Go go = std::make_shared<Notification>();
  {
    const auto engine = short_of_grace();
    ASSERT_TRUE(engine->spawn_detached(join_in_a_call(*engine->spawn(wait_for(go)))).ok());
    wait_until([&] { return engine->blocking().metrics().running == 2; });
    expect_left(engine->stop(wait::Deadline()), {"2 tasks", "2 blocking calls"});
    go->Notify();
    wait_until([&] { return engine->blocking().metrics().running == 1; });
  }
  // The task has its result, but nobody runs it any more; so the other call joins it for ever.
  wait_until([&] { return thread_count() == before + 1; });
}

TEST(Stop, LeavesACallOfAnotherEnginesTask) {
  const auto other = short_of_grace();
  const Go go = std::make_shared<Notification>();
  const auto ask = [&go](BlockingPool& pool) -> Task<absl::Status> {
    co_return co_await run_blocking(pool, [&go] { go->WaitForNotification(); });
  };
  std::optional<JoinHandle<absl::Status>> asks;
  {
    const auto engine = short_of_grace();
    asks = *other->spawn(ask(engine->blocking()));
    wait_until([&] { return engine->blocking().metrics().running == 1; });
    const absl::Status outcome = engine->stop(wait::Deadline());
    expect_left(outcome, {"1 blocking calls"});
    EXPECT_EQ(outcome.message().find("tasks"), std::string::npos) << outcome;
  }
  go->Notify();
  EXPECT_TRUE(std::move(*asks).join().ok()) << "it gets its result all the same";
  EXPECT_TRUE(other->stop(wait::kNever).ok());
}

TEST(Stop, WaitsForACallOfAnotherEnginesTaskAsLongAsForTasks) {
  const auto other = short_of_grace();
  const auto engine = short_of_grace();
  Notification go;
  const auto ask = [&go](BlockingPool& pool) -> Task<absl::Status> {
    co_return co_await run_blocking(pool, [&go] { go.WaitForNotification(); });
  };
  JoinHandle<absl::Status> asks = *other->spawn(ask(engine->blocking()));
  wait_until([&] { return engine->blocking().metrics().running == 1; });
  std::thread lets_go([&] {
    std::this_thread::sleep_for(milliseconds(60));  // longer than the grace
    go.Notify();
  });
  EXPECT_TRUE(engine->stop(wait::kNever).ok());
  lets_go.join();
  EXPECT_TRUE(std::move(asks).join().ok());
}

TEST(Stop, LeavesAWorkerWhoseTaskDoesNotReturn) {
  const auto before = thread_count();
  const Go begun = std::make_shared<Notification>();
  const Go go = std::make_shared<Notification>();
  std::atomic<int> hooks{0};
  {
    const auto engine =
        *Engine::create({.workers = 2, .cancel_grace = milliseconds(20), .on_stop = [&](size_t) {
                           hooks.fetch_add(1);
                         }});
    ASSERT_TRUE(engine->spawn_detached(spin(begun, go)).ok());
    begun->WaitForNotification();
    expect_left(engine->stop(wait::Deadline()), {"1 tasks", "1 workers"});
  }
  go->Notify();
  wait_until([&] { return thread_count() == before; });
  EXPECT_EQ(hooks.load(), 1) << "of the worker that came back in time";
}

TEST(Stop, TheDestructorWaitsForWhatRunsAndGivesTasksTheirResults) {
  const Go go = std::make_shared<Notification>();
  const Go begun = std::make_shared<Notification>();
  const Go go_on = std::make_shared<Notification>();
  std::atomic<int> ended{0};
  const auto call = [&]() -> Task<void> { ended += (co_await wait_for(go)).ok(); };
  const auto compute = [&]() -> Task<void> {
    co_await spin(begun, go_on);
    ended += absl::IsCancelled(co_await task::sleep_for(hours(1)));
  };
  std::thread release;
  {
    const auto engine = short_of_grace();
    ASSERT_TRUE(engine->spawn_detached(call()).ok());
    ASSERT_TRUE(engine->spawn_detached(compute()).ok());
    begun->WaitForNotification();
    wait_until([&] { return engine->blocking().metrics().running == 1; });
    release = std::thread([&] {
      std::this_thread::sleep_for(milliseconds(100));  // longer than the grace
      go_on->Notify();
      std::this_thread::sleep_for(milliseconds(20));
      go->Notify();
    });
  }
  EXPECT_EQ(ended.load(), 2);
  release.join();
}

TEST(Stop, AnEarlierEndOfALaterOneHoldsForBoth) {
  const auto engine = *Engine::create({.workers = 1, .cancel_grace = milliseconds(5000)});
  const auto sleep = []() -> Task<absl::Status> { co_return co_await task::sleep_for(hours(1)); };
  auto sleeper = *engine->spawn(sleep());
  absl::Status patient = absl::UnknownError("");
  std::thread stopper([&] { patient = engine->stop(wait::kNever); });
  while (!engine->stop_token().cancelled()) std::this_thread::yield();
  EXPECT_TRUE(engine->stop(wait::Deadline()).ok());  // would hang
  stopper.join();
  EXPECT_TRUE(patient.ok()) << patient;
  EXPECT_TRUE(absl::IsCancelled(std::move(sleeper).join()));
}

TEST(BlockingPoolStop, ReturnsAtItsDeadlineAndGoesOnAtTheNextOne) {
  const auto engine = short_of_grace();
  BlockingPool pool;
  const Go go = std::make_shared<Notification>();
  const auto ask = [&]() -> Task<absl::Status> {
    co_return co_await run_blocking(pool, [&go] { go->WaitForNotification(); });
  };
  auto asks = *engine->spawn(ask());
  wait_until([&] { return pool.metrics().running == 1; });
  EXPECT_EQ(pool.stop(wait::Deadline()), 1u);
  EXPECT_EQ(pool.stop(wait::deadline_after(wait::Clock::now(), milliseconds(5))), 1u);
  go->Notify();
  EXPECT_EQ(pool.stop(), 0u);
  EXPECT_EQ(pool.metrics().threads, 0u);
  EXPECT_TRUE(std::move(asks).join().ok());
}

}  // namespace
}  // namespace annulet::sched
