#include "annulet/sched/scheduler.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "annulet/task/spawn.h"
#include "annulet/task/this_task.h"
#include "annulet/task/when_all.h"
#include "annulet/wait/thread_parker.h"

namespace annulet::sched {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using task::JoinHandle;
using task::Task;

// A scheduler with threads.
class Threads {
 public:
  explicit Threads(int count) : parkers_(static_cast<size_t>(count)) {
    for (wait::ThreadParker& parker : parkers_) scheduler_.add_worker(parker);
    for (size_t i = 0; i < parkers_.size(); ++i) {
      threads_.emplace_back([this, i] { scheduler_.worker(i).run(); });
    }
  }
  ~Threads() { stop(); }

  Scheduler& operator*() { return scheduler_; }
  Scheduler* operator->() { return &scheduler_; }
  void stop() {
    scheduler_.close();
    EXPECT_TRUE(scheduler_.wait_until_idle(wait::Clock::now() + hours(1)));
    scheduler_.stop();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  std::vector<wait::ThreadParker> parkers_;
  Scheduler scheduler_;
  std::vector<std::thread> threads_;
};

Task<std::thread::id> where() { co_return std::this_thread::get_id(); }

TEST(Scheduler, RunsWhatIsSpawnedFromOutsideOnAllWorkers) {
  Threads scheduler(2);
  const auto first = std::move(*task::spawn(*scheduler, where())).join();
  const auto second = std::move(*task::spawn(*scheduler, where())).join();
  EXPECT_NE(first, second);
  EXPECT_NE(first, std::this_thread::get_id());
}

TEST(Scheduler, ATaskOfAWorkerNeverLeavesIt) {
  Threads scheduler(3);
  const auto roam = [&]() -> Task<bool> {
    const auto home = std::this_thread::get_id();
    bool stayed = true;
    for (int i = 0; i < 100; ++i) {
      // Each wake-up comes from another worker's thread.
      co_await *task::spawn(scheduler->worker(static_cast<size_t>(i % 3)), where());
      stayed = stayed && std::this_thread::get_id() == home;
      co_await task::yield();
      stayed = stayed && std::this_thread::get_id() == home;
    }
    co_return stayed;
  };
  for (size_t worker = 0; worker < 3; ++worker) {
    EXPECT_TRUE(std::move(*task::spawn(scheduler->worker(worker), roam())).join());
  }
}

TEST(Scheduler, AThrowingTaskLeavesItsWorkerAlive) {
  Threads scheduler(1);
  const auto fail = []() -> Task<void> {
    throw std::runtime_error("task");
    co_return;
  };
  EXPECT_THROW(std::move(*task::spawn(*scheduler, fail())).join(), std::runtime_error);
  std::move(*task::spawn(*scheduler, where())).join();
}

TEST(Scheduler, RunsATreeOfSpawnsToItsEnd) {
  Threads scheduler(2);
  struct Tree {
    static Task<int64_t> grow(Scheduler& scheduler, int depth) {
      if (depth == 0) co_return 1;
      JoinHandle<int64_t> left = *task::spawn(scheduler, grow(scheduler, depth - 1));
      JoinHandle<int64_t> right = *task::spawn(scheduler, grow(scheduler, depth - 1));
      const int64_t sum = co_await std::move(left);
      co_return sum + co_await std::move(right);
    }
  };
  EXPECT_EQ(std::move(*task::spawn(*scheduler, Tree::grow(*scheduler, 13))).join(), 1 << 13);
  scheduler.stop();
  EXPECT_EQ(scheduler->live(), 0u);
}

// Fault 17: tasks that never stop yielding starve neither timers nor what comes from outside.
TEST(Scheduler, AYieldStormStarvesNeitherTimersNorSpawnsFromOutside) {
  std::atomic<bool> stop{false};
  const auto storm = [&]() -> Task<void> {
    while (!stop.load()) co_await task::yield();
  };
  const auto nap = []() -> Task<bool> {
    const absl::Status slept = co_await task::sleep_for(milliseconds(1));
    co_return slept.ok();
  };
  Threads scheduler(1);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(task::spawn_detached(*scheduler, storm()).ok());
  EXPECT_TRUE(std::move(*task::spawn(*scheduler, nap())).join());
  stop.store(true);
}

// Fault 40: each spawn is either refused or its task runs to its end.
TEST(Scheduler, ASpawnDuringTheCloseIsRefusedOrRunsNeverLost) {
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> accepted{0};
    std::atomic<int> ran{0};
    const auto work = [&]() -> Task<void> {
      ran.fetch_add(1);
      co_return;
    };
    Threads scheduler(2);
    std::atomic<bool> started{false};
    std::thread outsider([&] {
      started.store(true);
      while (task::spawn_detached(*scheduler, work()).ok()) accepted.fetch_add(1);
    });
    while (!started.load() || accepted.load() < round) std::this_thread::yield();
    scheduler.stop();
    outsider.join();
    EXPECT_EQ(ran.load(), accepted.load());
    EXPECT_EQ(scheduler->live(), 0u);
  }
}

TEST(Scheduler, WaitingForTheEndGivesUpAtTheDeadline) {
  task::CancelSource source;
  const auto sleep = []() -> Task<void> {
    const absl::Status slept = co_await task::sleep_for(hours(1));
    EXPECT_TRUE(absl::IsCancelled(slept));
  };
  Threads scheduler(1);
  ASSERT_TRUE(task::spawn_detached(*scheduler, task::with_cancel(source.token(), sleep())).ok());
  scheduler->close();
  EXPECT_FALSE(scheduler->wait_until_idle(wait::Clock::now() + milliseconds(5)));
  EXPECT_EQ(scheduler->live(), 1u);
  source.cancel();
}

TEST(Scheduler, ChildrenOfWhenAllMayEndOnDifferentWorkers) {
  Threads scheduler(3);
  const auto one = []() -> Task<int> { co_return 1; };
  const auto child = [&](size_t worker) -> Task<int> {
    // Woken by another worker's thread, and so continued there.
    int sum = co_await *task::spawn(scheduler->worker(worker % 3), one());
    sum += co_await *task::spawn(scheduler->worker((worker + 1) % 3), one());
    co_return sum;
  };
  const auto parent = [&]() -> Task<int> {
    int sum = 0;
    for (int round = 0; round < 300; ++round) {
      const auto [a, b, c] = co_await task::when_all(child(0), child(1), child(2));
      sum += a + b + c;
    }
    co_return sum;
  };
  JoinHandle<int> first = *task::spawn(*scheduler, parent());
  JoinHandle<int> second = *task::spawn(*scheduler, parent());
  EXPECT_EQ(std::move(first).join() + std::move(second).join(), 2 * 300 * 6);
}

// Fault 20: a wake-up that comes from a foreign thread, at any time of the task's life.
TEST(Scheduler, WakeUpsFromForeignThreadsResumeEachWaiterOnce) {
  Threads home(1);
  Threads foreign(2);
  const auto ask = [&]() -> Task<int> {
    int sum = 0;
    for (int i = 0; i < 500; ++i) {
      const auto one = []() -> Task<int> { co_return 1; };
      sum += co_await *task::spawn(*foreign, one());
    }
    co_return sum;
  };
  std::vector<JoinHandle<int>> handles;
  for (int i = 0; i < 8; ++i) handles.push_back(*task::spawn(*home, ask()));
  for (JoinHandle<int>& handle : handles) EXPECT_EQ(std::move(handle).join(), 500);
}

}  // namespace
}  // namespace annulet::sched
