#include "annulet/sched/blocking.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "annulet/sched/engine.h"
#include "annulet/sched/spawn.h"
#include "annulet/task/block_on.h"
#include "annulet/task/this_task.h"
#include "annulet/task/when_all.h"
#include "annulet/testing/other_threads.h"

namespace annulet::sched {
namespace {

using absl::Notification;
using faults::wait_until;
using std::chrono::hours;
using std::chrono::milliseconds;
using task::CancelSource;

std::unique_ptr<Engine> one_worker() { return *Engine::create({.workers = 1}); }

// A call that blocks until it is let go.
Task<absl::Status> wait_for(BlockingPool& pool, Notification& go) {
  co_return co_await run_blocking(pool, [&go] { go.WaitForNotification(); });
}

TEST(Blocking, GivesWhatTheFunctionReturns) {
  BlockingPool pool;
  const auto main = [&]() -> Task<void> {
    const absl::StatusOr<int> number = co_await run_blocking(pool, [] { return 42; });
    EXPECT_EQ(*number, 42);
    const absl::StatusOr<bool> yes = co_await run_blocking(pool, [] { return false; });
    EXPECT_FALSE(*yes);
    const std::string text(100, 'x');
    auto give = [text] { return text; };
    const absl::StatusOr<std::string> copy = co_await run_blocking(pool, std::move(give));
    EXPECT_EQ(*copy, text);
    auto call = run_blocking(pool, [text] { return text; });
    const absl::StatusOr<std::string> again = co_await std::move(call);
    EXPECT_EQ(*again, text);
  };
  task::block_on(main());
}

TEST(Blocking, TakesFunctionsAndResultsThatCanOnlyBeMoved) {
  BlockingPool pool;
  const auto main = [&]() -> Task<void> {
    auto seven = std::make_unique<int>(7);
    auto add = [seven = std::move(seven)]() mutable {
      *seven += 1;
      return std::move(seven);
    };
    const absl::StatusOr<std::unique_ptr<int>> moved = co_await run_blocking(pool, std::move(add));
    EXPECT_EQ(**moved, 8);
  };
  task::block_on(main());
}

TEST(Blocking, GivesAStatusForNothing) {
  BlockingPool pool;
  bool called = false;
  const auto main = [&]() -> Task<absl::Status> {
    co_return co_await run_blocking(pool, [&] { called = true; });
  };
  EXPECT_TRUE(task::block_on(main()).ok());
  EXPECT_TRUE(called);
}

TEST(Blocking, DoesNotWrapAStatusOnceMore) {
  BlockingPool pool;
  const auto main = [&]() -> Task<void> {
    const absl::Status bad =
        co_await run_blocking(pool, [] { return absl::NotFoundError("no such host"); });
    EXPECT_TRUE(absl::IsNotFound(bad));
    const absl::StatusOr<int> good =
        co_await run_blocking(pool, [] { return absl::StatusOr<int>(5); });
    EXPECT_EQ(*good, 5);
  };
  task::block_on(main());
}

TEST(Blocking, RethrowsWhatTheFunctionThrows) {
  BlockingPool pool;
  const auto main = [&]() -> Task<std::string> {
    try {
      (void)co_await run_blocking(pool, []() -> int { throw std::runtime_error("disk on fire"); });
    } catch (const std::runtime_error& error) {
      co_return error.what();
    }
    co_return "";
  };
  EXPECT_EQ(task::block_on(main()), "disk on fire");
  EXPECT_EQ(pool.metrics().done, 1u);
}

TEST(Blocking, LeavesTheOnlyWorkerToOtherTasks) {
  const auto engine = one_worker();
  Notification go;
  const auto release = [&]() -> Task<void> {
    for (int i = 0; i < 100; ++i) co_await task::yield();
    go.Notify();
  };
  const auto main = [&]() -> Task<void> {
    JoinHandle<void> other = *spawn(release());
    const absl::Status waited = co_await wait_for(engine->blocking(), go);
    EXPECT_TRUE(waited.ok());
    co_await std::move(other);
  };
  engine->block_on(main());
}

TEST(Blocking, StartsAThreadForEachCallAndEndsThemWhenIdle) {
  constexpr size_t kCalls = 8;
  const auto engine = one_worker();
  BlockingPool pool({.keep_alive = milliseconds(1)});
  EXPECT_EQ(pool.metrics().threads, 0u);
  for (int round = 0; round < 3; ++round) {
    Notification go;
    std::vector<JoinHandle<absl::Status>> calls;
    for (size_t i = 0; i < kCalls; ++i) calls.push_back(*engine->spawn(wait_for(pool, go)));
    wait_until([&] { return pool.metrics().running == kCalls; });
    EXPECT_EQ(pool.metrics().threads, kCalls);
    go.Notify();
    for (auto& call : calls) EXPECT_TRUE(std::move(call).join().ok());
    wait_until([&] { return pool.metrics().threads == 0; });
  }
  EXPECT_EQ(pool.metrics().done, 3 * kCalls);
}

TEST(Blocking, OneCallAfterTheOtherNeedsOneThread) {
  BlockingPool pool({.keep_alive = hours(1)});
  const auto main = [&]() -> Task<void> {
    for (int i = 0; i < 200; ++i) {
      const absl::StatusOr<int> same = co_await run_blocking(pool, [i] { return i; });
      EXPECT_EQ(*same, i);
    }
  };
  task::block_on(main());
  EXPECT_EQ(pool.metrics().threads, 1u);
}

TEST(Blocking, RunsAndQueuesNoMoreThanItsBoundsSay) {
  const auto engine = one_worker();
  BlockingPool pool({.max_threads = 2, .max_pending = 3});
  Notification go;
  std::vector<JoinHandle<absl::Status>> calls;
  for (int i = 0; i < 5; ++i) calls.push_back(*engine->spawn(wait_for(pool, go)));
  wait_until([&] { return pool.metrics().running == 2 && pool.metrics().queued == 3; });
  const absl::Status refused = engine->block_on(wait_for(pool, go));
  EXPECT_TRUE(absl::IsResourceExhausted(refused));
  EXPECT_NE(refused.message().find("max_pending"), std::string::npos) << refused;
  EXPECT_EQ(pool.metrics().refused, 1u);
  EXPECT_EQ(pool.metrics().threads, 2u);
  go.Notify();
  for (auto& call : calls) EXPECT_TRUE(std::move(call).join().ok());
  EXPECT_TRUE(engine->block_on(wait_for(pool, go)).ok()) << "there is room again";
}

TEST(Blocking, WithoutAQueueACallHasAThreadOrIsRefused) {
  const auto engine = one_worker();
  BlockingPool pool({.max_threads = 1, .max_pending = 0});
  Notification go;
  auto first = *engine->spawn(wait_for(pool, go));
  wait_until([&] { return pool.metrics().running == 1; });
  EXPECT_TRUE(absl::IsResourceExhausted(engine->block_on(wait_for(pool, go))));
  go.Notify();
  EXPECT_TRUE(std::move(first).join().ok());
  EXPECT_TRUE(engine->block_on(wait_for(pool, go)).ok());
}

TEST(Blocking, WithoutAQueueThereIsRoomAsSoonAsACallHasBeenJoined) {
  constexpr int kCalls = 20'000;
  BlockingPool pool({.max_threads = 1, .max_pending = 0, .keep_alive = hours(1)});
  const auto main = [&]() -> Task<int> {
    int refused = 0;
    for (int i = 0; i < kCalls; ++i) {
      const absl::Status status = co_await run_blocking(pool, [] {});
      if (!status.ok()) ++refused;
    }
    co_return refused;
  };
  EXPECT_EQ(task::block_on(main()), 0);
}

TEST(Blocking, ACallThatWaitsIsCancelledAtOnceAndNeverRuns) {
  const auto engine = one_worker();
  BlockingPool pool({.max_threads = 1});
  Notification go;
  auto first = *engine->spawn(wait_for(pool, go));
  wait_until([&] { return pool.metrics().running == 1; });
  CancelSource source;
  std::atomic<bool> ran{false};
  const auto call = [&]() -> Task<absl::Status> {
    co_return co_await run_blocking(pool, [&] { ran.store(true); });
  };
  auto second = *engine->spawn(task::with_cancel(source.token(), call()));
  auto third = *engine->spawn(call());
  wait_until([&] { return pool.metrics().queued == 2; });
  source.cancel();
  EXPECT_TRUE(absl::IsCancelled(std::move(second).join()));
  EXPECT_FALSE(go.HasBeenNotified()) << "the first one still blocks";
  EXPECT_EQ(pool.metrics().queued, 1u);
  EXPECT_FALSE(ran.load());
  go.Notify();
  EXPECT_TRUE(std::move(first).join().ok());
  EXPECT_TRUE(std::move(third).join().ok());
}

TEST(Blocking, ACallUnderACancelledTokenNeverRuns) {
  BlockingPool pool;
  CancelSource source;
  source.cancel();
  bool ran = false;
  const auto call = [&]() -> Task<absl::Status> {
    co_return co_await run_blocking(pool, [&] { ran = true; });
  };
  EXPECT_TRUE(absl::IsCancelled(task::block_on(task::with_cancel(source.token(), call()))));
  EXPECT_FALSE(ran);
  EXPECT_EQ(pool.metrics().threads, 0u);
}

TEST(Blocking, ACallThatRunsIsAwaitedThoughItsTokenIsCancelled) {
  const auto engine = one_worker();
  BlockingPool pool;
  CancelSource source;
  Notification go;
  auto call = *engine->spawn(task::with_cancel(source.token(), wait_for(pool, go)));
  wait_until([&] { return pool.metrics().running == 1; });
  source.cancel();
  std::this_thread::sleep_for(milliseconds(5));
  EXPECT_FALSE(call.done());
  go.Notify();
  EXPECT_TRUE(std::move(call).join().ok()) << "its result is delivered";
}

TEST(Blocking, AStopCancelsWhatWaitsAndAwaitsWhatRuns) {
  const auto engine = one_worker();
  BlockingPool pool({.max_threads = 1});
  Notification go;
  auto running = *engine->spawn(wait_for(pool, go));
  wait_until([&] { return pool.metrics().running == 1; });
  CancelSource source;  // one that is never used takes part, too
  std::vector<JoinHandle<absl::Status>> queued;
  for (int i = 0; i < 3; ++i) {
    queued.push_back(*engine->spawn(task::with_cancel(source.token(), wait_for(pool, go))));
  }
  wait_until([&] { return pool.metrics().queued == 3; });
  std::atomic<bool> stopped{false};
  std::thread stopper([&] {
    pool.stop();
    stopped.store(true);
  });
  for (auto& call : queued) EXPECT_TRUE(absl::IsCancelled(std::move(call).join()));
  EXPECT_TRUE(absl::IsCancelled(engine->block_on(wait_for(pool, go)))) << "no more calls";
  EXPECT_FALSE(stopped.load());
  go.Notify();
  EXPECT_TRUE(std::move(running).join().ok());
  stopper.join();
  EXPECT_EQ(pool.metrics().threads, 0u);
  pool.stop();
}

TEST(Blocking, APoolMayGoWhileItsThreadsRest) {
  for (int i = 0; i < 50; ++i) {
    auto pool = std::make_unique<BlockingPool>(BlockingOptions{.keep_alive = milliseconds(i % 2)});
    const auto both = [&]() -> Task<void> {
      Notification go;
      go.Notify();
      const auto call = [&]() -> Task<void> {
        const absl::Status done = co_await wait_for(*pool, go);
        EXPECT_TRUE(done.ok());
      };
      co_await task::when_all(call(), call());
      pool.reset();  // in the task that its last call has just let go on
    };
    task::block_on(both());
  }
}

TEST(BlockingDeathTest, ACallMustNotStopItsOwnPool) {
  ::testing::GTEST_FLAG(death_test_style) = "threadsafe";
  const auto suicide = [] {
    BlockingPool pool;
    const auto main = [&]() -> Task<absl::Status> {
      co_return co_await run_blocking(pool, [&] { pool.stop(); });
    };
    (void)task::block_on(main());
  };
  EXPECT_DEATH(suicide(), "by one of its own calls");
}

TEST(Blocking, RefusesOptionsThatMakeNoSense) {
  EXPECT_TRUE(check(BlockingOptions()).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(check(BlockingOptions{.max_threads = 0})));
  EXPECT_TRUE(absl::IsInvalidArgument(check(BlockingOptions{.max_threads = 1'000'000})));
  EXPECT_TRUE(absl::IsInvalidArgument(check(BlockingOptions{.keep_alive = milliseconds(-1)})));
}

// Cancels, refusals and ends of calls meet in all ways.
TEST(Blocking, TenThousandCallsFromManyTasksRunOnceEachOrSayThatTheyDidNot) {
  constexpr int kTasks = 100;
  constexpr int kCalls = 100;
  const auto engine = *Engine::create({.workers = 4});
  BlockingPool pool({.max_threads = 3, .max_pending = 60, .keep_alive = milliseconds(0)});
  std::vector<std::atomic<int>> runs(kTasks * kCalls);
  std::atomic<int> done{0};
  std::atomic<int> cancelled{0};
  std::atomic<int> refused{0};
  const auto work = [&](int first) -> Task<void> {
    for (int i = first; i < first + kCalls; ++i) {
      std::atomic<int>& mine = runs[static_cast<size_t>(i)];
      const absl::StatusOr<int> result = co_await run_blocking(pool, [&mine, i] {
        mine.fetch_add(1);
        return i;
      });
      EXPECT_EQ(mine.load(), result.ok() ? 1 : 0);
      EXPECT_EQ(result.value_or(i), i);
      (result.ok() ? done : absl::IsCancelled(result.status()) ? cancelled : refused).fetch_add(1);
    }
  };
  std::vector<CancelSource> sources(kTasks / 2);  // every other task has one
  std::vector<JoinHandle<void>> tasks;
  for (int i = 0; i < kTasks; ++i) {
    Task<void> part = work(i * kCalls);
    if (i % 2 == 0) {
      part = task::with_cancel(sources[static_cast<size_t>(i / 2)].token(), std::move(part));
    }
    tasks.push_back(*engine->spawn(std::move(part)));
  }
  for (CancelSource& source : sources) {
    source.cancel();
    std::this_thread::yield();
  }
  for (auto& task : tasks) std::move(task).join();
  EXPECT_EQ(done.load() + cancelled.load() + refused.load(), kTasks * kCalls);
  EXPECT_EQ(pool.metrics().done, static_cast<uint64_t>(done.load()));
  EXPECT_EQ(pool.metrics().refused, static_cast<uint64_t>(refused.load()));
  EXPECT_EQ(pool.metrics().queued, 0u);
}

TEST(Blocking, TenThousandCallsWithRoomForAllRunOnceEach) {
  constexpr int kTasks = 100;
  constexpr int kCalls = 100;
  const auto engine = *Engine::create({.workers = 4});
  std::vector<std::atomic<int>> runs(kTasks * kCalls);
  const auto work = [&](int first) -> Task<void> {
    for (int i = first; i < first + kCalls; ++i) {
      std::atomic<int>& mine = runs[static_cast<size_t>(i)];
      const absl::Status ran =
          co_await run_blocking(engine->blocking(), [&mine] { mine.fetch_add(1); });
      EXPECT_TRUE(ran.ok()) << ran;
    }
  };
  std::vector<JoinHandle<void>> tasks;
  for (int i = 0; i < kTasks; ++i) tasks.push_back(*engine->spawn(work(i * kCalls)));
  for (auto& task : tasks) std::move(task).join();
  for (const std::atomic<int>& count : runs) EXPECT_EQ(count.load(), 1);
  EXPECT_TRUE(engine->stop(wait::kNever).ok());
}

}  // namespace
}  // namespace annulet::sched
