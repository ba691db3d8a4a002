#include "annulet/task/spawn.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "annulet/task/block_on.h"
#include "annulet/task/internal/frame_cache.h"
#include "annulet/task/this_task.h"
#include "annulet/task/unobserved.h"

namespace annulet::task {
namespace {

Task<int> give(int value) { co_return value; }

Task<int> fail() {
  throw std::runtime_error("failed");
  co_return 0;
}

// Runs its tasks on a thread of its own until told to stop.
class OneThread final : public Executor {
 public:
  OneThread() : thread_([this] { run(); }) {}
  ~OneThread() { stop(); }

  void post(Runnable* runnable) noexcept override {
    if (inbox_.push(runnable)) {
      parker_.unpark();
      inbox_.woke();
    }
  }
  bool admit() noexcept override { return open_.load(); }

  void close() { open_.store(false); }
  int retired() const { return retired_.load(); }
  void stop() {
    if (!thread_.joinable()) return;
    stop_.store(true);
    parker_.unpark();
    thread_.join();
  }

 private:
  void run() {
    WorkerContext context{.executor = this, .timers = &timers_};
    ScopedWorkerContext scope(&context);
    while (!stop_.load()) {
      Runnable* batch = inbox_.take_all();
      while (batch != nullptr) {
        Runnable* runnable = batch;
        batch = batch->next;
        if (task::run(context, runnable)) retired_.fetch_add(1);
      }
      if (inbox_.begin_sleep()) {
        if (!stop_.load()) parker_.park(timers_.next());
        inbox_.end_sleep();
      }
      timers_.expire();
    }
    inbox_.quiesce();
  }

  Inbox<Runnable> inbox_;
  wait::ThreadParker parker_;
  TimerWheel timers_;
  std::atomic<bool> open_{true};
  std::atomic<bool> stop_{false};
  std::atomic<int> retired_{0};
  std::thread thread_;
};

TEST(Spawn, HandsTheResultToAThreadThatJoins) {
  OneThread executor;
  EXPECT_EQ(std::move(*spawn(executor, give(3))).join(), 3);
}

TEST(Spawn, HandsTheResultToATaskOnAnotherExecutor) {
  OneThread executor;
  const auto outer = [&]() -> Task<int> {
    JoinHandle<int> first = *spawn(executor, give(1));
    JoinHandle<int> second = *spawn(executor, give(2));
    int sum = co_await std::move(first);
    sum += co_await std::move(second);
    co_return sum;
  };
  EXPECT_EQ(block_on(outer()), 3);
}

TEST(Spawn, AnExceptionReachesWhoeverJoins) {
  OneThread executor;
  EXPECT_THROW(std::move(*spawn(executor, fail())).join(), std::runtime_error);
  const auto outer = [&]() -> Task<bool> {
    try {
      co_await *spawn(executor, fail());
    } catch (const std::runtime_error&) {
      co_return true;
    }
    co_return false;
  };
  EXPECT_TRUE(block_on(outer()));
  EXPECT_EQ(std::move(*spawn(executor, give(4))).join(), 4) << "the thread lives on";
}

TEST(Spawn, AFailureThatNobodyAwaitsIsCountedAndReported) {
  static std::atomic<int> reports{0};
  const UnobservedHandler former =
      set_unobserved_handler(+[](const UnobservedFailure&) noexcept { reports.fetch_add(1); });
  const uint64_t before = unobserved_failures();
  {
    OneThread executor;
    ASSERT_TRUE(spawn_detached(executor, fail()).ok());
    {
      JoinHandle<int> dropped = *spawn(executor, fail());
    }
    JoinHandle<int> late = *spawn(executor, fail());
    while (!late.done()) std::this_thread::yield();
    late.detach();
    while (executor.retired() < 3) std::this_thread::yield();
  }
  set_unobserved_handler(former);
  EXPECT_EQ(reports.load(), 3);
  EXPECT_EQ(unobserved_failures() - before, 3u);
}

TEST(Spawn, ADroppedHandleLetsTheTaskRunOn) {
  std::atomic<bool> ran{false};
  const auto work = [&]() -> Task<void> {
    const absl::Status slept = co_await sleep_for(std::chrono::milliseconds(2));
    EXPECT_TRUE(slept.ok());
    ran.store(true);
  };
  OneThread executor;
  {
    JoinHandle<void> dropped = *spawn(executor, work());
  }
  while (executor.retired() == 0) std::this_thread::yield();
  EXPECT_TRUE(ran.load());
}

TEST(Spawn, IsRefusedWithAClearStatusAndTheTaskDestroyedWhenTheIntakeIsClosed) {
  OneThread executor;
  executor.close();
  const auto shared = std::make_shared<int>(0);
  const auto hold = [](std::shared_ptr<int>) -> Task<void> { co_return; };
  const absl::Status refused = spawn_detached(executor, hold(shared));
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(spawn(executor, give(1)).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(shared.use_count(), 1);
}

TEST(Spawn, HereIsRefusedOutsideOfTasks) {
  EXPECT_EQ(spawn_here(give(1)).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(Spawn, AHandleMayOutliveItsExecutor) {
  absl::StatusOr<JoinHandle<int>> handle = absl::UnknownError("");
  {
    OneThread executor;
    handle = spawn(executor, give(9));
    while (executor.retired() == 0) std::this_thread::yield();
  }
  EXPECT_EQ(std::move(*handle).join(), 9);
}

// Fault 41: thread-locals that are older than the thread's cache of frames end after it.
TEST(Spawn, ADestructorOfAThreadLocalMaySpawnAndJoinThoughTheCacheOfFramesIsGone) {
  struct AtExit {
    ~AtExit() { function(); }
    std::function<void()> function;
  };
  OneThread executor;
  int done = 0;
  std::thread([&] {
    static thread_local AtExit at_exit;
    const auto early = std::make_shared<JoinHandle<int>>(*spawn(executor, give(1)));
    at_exit.function = [&, early] {
      done += std::move(*early).join();  // frees a frame that was cached before
      done += std::move(*spawn(executor, give(2))).join();
      done += block_on(give(4));
      {
        const Task<int> never_started = give(8);
      }
      EXPECT_EQ(internal::cached_frame_bytes(), 0u) << "nobody would give it back";
    };
  }).join();
  EXPECT_EQ(done, 7);
}

TEST(Spawn, JoinAndEndMeetInEveryOrder) {
  OneThread executor;
  int64_t sum = 0;
  for (int i = 0; i < 3000; ++i) {
    JoinHandle<int> handle = *spawn(executor, give(i));
    for (int spin = 0; spin < i % 50; ++spin) wait::RealSync::pause();
    if (i % 3 == 0) {
      handle.detach();
      sum += i;
    } else {
      sum += std::move(handle).join();
    }
  }
  EXPECT_EQ(sum, 3000 * 2999 / 2);
}

TEST(Spawn, AThreadWaitsUntilADeadlineAndMayComeBack) {
  OneThread executor;
  std::atomic<bool> go{false};
  const auto wait_for_go = [&]() -> Task<int> {
    while (!go.load()) co_await yield();
    co_return 5;
  };
  JoinHandle<int> handle = *spawn(executor, wait_for_go());
  EXPECT_FALSE(handle.wait_until(wait::Deadline()));
  EXPECT_FALSE(handle.wait_until(wait::Clock::now() + std::chrono::milliseconds(2)));
  go.store(true);
  EXPECT_TRUE(handle.wait_until(wait::kNever));
  EXPECT_TRUE(handle.wait_until(wait::Deadline())) << "it has ended";
  EXPECT_EQ(std::move(handle).join(), 5);
}

TEST(Spawn, ADeadlineAndAnEndMeetInEveryOrder) {
  OneThread executor;
  int64_t sum = 0;
  for (int i = 0; i < 3000; ++i) {
    JoinHandle<int> handle = *spawn(executor, give(i));
    while (!handle.wait_until(wait::Clock::now() + std::chrono::nanoseconds(i % 50 * 100))) {
    }
    sum += std::move(handle).join();
  }
  EXPECT_EQ(sum, 3000 * 2999 / 2);
}

TEST(BlockOn, ReturnsWhenAllThatWasSpawnedHereHasEnded) {
  int ended = 0;
  const auto child = [&]() -> Task<void> {
    const absl::Status slept = co_await sleep_for(std::chrono::milliseconds(1));
    EXPECT_TRUE(slept.ok());
    ++ended;
  };
  const auto outer = [&]() -> Task<void> {
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(spawn_here_detached(child()).ok());
    co_return;
  };
  block_on(outer());
  EXPECT_EQ(ended, 5);
}

TEST(Call, KeepsALambdaAndItsArgumentsAlive) {
  OneThread executor;
  const auto shared = std::make_shared<int>(5);
  JoinHandle<int> handle = *spawn(executor, call(
                                                [shared](int more) -> Task<int> {
                                                  co_await yield();
                                                  co_return *shared + more;
                                                },
                                                7));
  EXPECT_EQ(std::move(handle).join(), 12);
}

}  // namespace
}  // namespace annulet::task
