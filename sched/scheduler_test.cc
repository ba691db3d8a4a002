#include "annulet/sched/scheduler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "annulet/sched/spawn.h"
#include "annulet/sched/testing/threads.h"
#include "annulet/task/spawn.h"
#include "annulet/task/task_local.h"
#include "annulet/task/this_task.h"
#include "annulet/task/unobserved.h"
#include "annulet/task/when_all.h"
#include "annulet/wait/thread_parker.h"

namespace annulet::sched {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

Task<std::thread::id> where() { co_return std::this_thread::get_id(); }

TEST(Scheduler, RunsWhatIsSpawnedFromOutsideOnItsWorkers) {
  Threads scheduler(2);
  EXPECT_NE(std::move(*task::spawn(*scheduler, where())).join(), std::this_thread::get_id());
}

// Waits in its thread, as a long computation would keep it, until `flag` is set.
Task<std::thread::id> hold_worker_until(std::atomic<bool>& flag) {
  while (!flag.load()) std::this_thread::yield();
  co_return std::this_thread::get_id();
}

Task<std::thread::id> set(std::atomic<bool>& flag) {
  flag.store(true);
  co_return std::this_thread::get_id();
}

TEST(Scheduler, WhatABusyWorkerSpawnsAnIdleOneRuns) {
  Threads scheduler(2);
  const auto busy = [&]() -> Task<bool> {
    std::atomic<bool> flag{false};
    JoinHandle<std::thread::id> setter = *spawn(set(flag));
    const std::thread::id here = co_await hold_worker_until(flag);
    co_return here != co_await std::move(setter);
  };
  for (int round = 0; round < 100; ++round) {
    EXPECT_TRUE(std::move(*task::spawn(*scheduler, busy())).join());
  }
}

TEST(Scheduler, WhatABusyWorkerHasQueuedBeforeAnIdleOneRuns) {
  Threads scheduler(2);
  // More than thieves can see at once.
  constexpr int kTasks = 1000;
  const auto busy = [&]() -> Task<bool> {
    std::atomic<int> left{kTasks};
    const auto count_down = [&]() -> Task<void> {
      left.fetch_sub(1);
      co_return;
    };
    std::vector<JoinHandle<void>> handles;
    for (int i = 0; i < kTasks; ++i) handles.push_back(*spawn(count_down()));
    // What thieves cannot see yet comes into their sight when this one lets go.
    while (left.load() > 0) co_await task::yield();
    for (JoinHandle<void>& handle : handles) co_await std::move(handle);
    co_return true;
  };
  EXPECT_TRUE(std::move(*task::spawn(*scheduler, busy())).join());
}

TEST(Scheduler, WhoYieldsWithNothingElseToRunCallsNobody) {
  Threads scheduler(2);
  const auto lone = [&]() -> Task<uint64_t> {
    EXPECT_TRUE((co_await task::sleep_for(milliseconds(20))).ok());  // now the other one sleeps
    const uint64_t before = scheduler->metrics().wakes;
    for (int i = 0; i < 1000; ++i) co_await task::yield();
    co_return scheduler->metrics().wakes - before;
  };
  EXPECT_EQ(std::move(*task::spawn(*scheduler, lone())).join(), 0u);
}

TEST(Scheduler, WhoYieldsBehindATaskThatKeepsItsWorkerRunsOnAnother) {
  std::atomic<bool> flag{false};
  Threads scheduler(2);
  const auto yields = [&]() -> Task<void> {
    EXPECT_TRUE(spawn_local_detached([](std::atomic<bool>& to_await) -> Task<void> {
                  (void)co_await hold_worker_until(to_await);
                }(flag))
                    .ok());
    for (int i = 0; i < 100; ++i) co_await task::yield();
    flag.store(true);
  };
  std::move(*task::spawn(*scheduler, yields())).join();
}

// Makes something ready when its worker polls, as an I/O reactor does.
class ReadyAtPoll final : public wait::Parker {
 public:
  ReadyAtPoll(Scheduler& scheduler, task::Runnable& runnable)
      : scheduler_(scheduler), runnable_(&runnable) {}

  void poll() override {
    if (runnable_ != nullptr) scheduler_.post(std::exchange(runnable_, nullptr));
  }
  void park(wait::Deadline until) override { parker_.park(until); }
  void unpark() override { parker_.unpark(); }

 private:
  Scheduler& scheduler_;
  task::Runnable* runnable_;
  wait::ThreadParker parker_;
};

struct Signal final : task::CallbackRunnable {
  explicit Signal(std::atomic<bool>& to_set)
      : CallbackRunnable(
            [](CallbackRunnable* self) noexcept { static_cast<Signal*>(self)->flag.store(true); }),
        flag(to_set) {}
  std::atomic<bool>& flag;
};

struct WaitForSignal final : task::CallbackRunnable {
  explicit WaitForSignal(std::atomic<bool>& to_await)
      : CallbackRunnable([](CallbackRunnable* self) noexcept {
          while (!static_cast<WaitForSignal*>(self)->flag.load()) std::this_thread::yield();
        }),
        flag(to_await) {}
  std::atomic<bool>& flag;
};

TEST(Scheduler, WhatBecomesReadyBehindAWorkersOwnTaskAnIdleOneRuns) {
  std::atomic<bool> flag{false};
  Signal shared(flag);
  WaitForSignal own(flag);
  Scheduler scheduler;
  ReadyAtPoll busy(scheduler, shared);
  wait::ThreadParker idle;
  std::vector<std::thread> threads;
  for (wait::Parker* parker :
       {static_cast<wait::Parker*>(&busy), static_cast<wait::Parker*>(&idle)})
    scheduler.add_worker(*parker);
  for (size_t i : {0, 1}) threads.emplace_back([&, i] { scheduler.worker(i).run(); });
  std::this_thread::sleep_for(milliseconds(20));  // both sleep, most likely
  scheduler.worker(0).post(&own);                 // polls, has both, and runs its own first
  while (!flag.load()) std::this_thread::yield();
  scheduler.close();
  scheduler.stop();
  for (std::thread& thread : threads) thread.join();
}

TEST(Scheduler, ALocalTaskStaysWithItsSpawnerHoweverIdleTheOthersAre) {
  Threads scheduler(3);
  const auto parent = []() -> Task<bool> {
    const auto here = std::this_thread::get_id();
    std::vector<LocalJoinHandle<std::thread::id>> handles;
    const auto roam = []() -> Task<std::thread::id> {
      for (int i = 0; i < 10; ++i) co_await task::yield();
      co_return std::this_thread::get_id();
    };
    for (int i = 0; i < 100; ++i) handles.push_back(*spawn_local(roam()));
    bool stayed = true;
    for (auto& handle : handles) stayed = stayed && co_await std::move(handle) == here;
    co_return stayed;
  };
  EXPECT_TRUE(std::move(*task::spawn(scheduler->worker(1), parent())).join());
}

TEST(Scheduler, ALocalTasksExceptionReachesItsAwaiter) {
  Threads scheduler(1);
  const auto parent = []() -> Task<bool> {
    const auto fail = []() -> Task<int> {
      throw std::runtime_error("failed");
      co_return 0;
    };
    auto failing = *spawn_local(fail());
    co_await task::yield();
    try {
      co_await std::move(failing);
    } catch (const std::runtime_error&) {
      co_return true;
    }
    co_return false;
  };
  EXPECT_TRUE(std::move(*task::spawn(scheduler->worker(0), parent())).join());
}

TEST(Scheduler, ALocalTaskWhoseHandleIsDroppedRunsOnAndItsFailureIsCounted) {
  Threads scheduler(1);
  task::set_unobserved_handler([](const task::UnobservedFailure&) noexcept {});
  const uint64_t before = task::unobserved_failures();
  int ran = 0;
  const auto parent = [&]() -> Task<void> {
    const auto count = [&](bool fails) -> Task<void> {
      ++ran;
      if (fails) throw std::runtime_error("nobody looks");
      co_return;
    };
    (void)*spawn_local(count(false));  // dropped before it runs
    {
      auto ended = *spawn_local(count(true));
      co_await task::yield();
      EXPECT_TRUE(ended.done());
    }  // dropped behind its end
    EXPECT_TRUE(spawn_local_detached(count(true)).ok());
    co_await task::yield();
  };
  std::move(*task::spawn(scheduler->worker(0), parent())).join();
  task::set_unobserved_handler(nullptr);
  EXPECT_EQ(ran, 3);
  EXPECT_EQ(task::unobserved_failures() - before, 2u);
}

TEST(Scheduler, ASpawnOutsideOfTasksIsRefused) {
  EXPECT_EQ(spawn(where()).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(spawn_local_detached(where()).code(), absl::StatusCode::kFailedPrecondition);
}

TEST(Scheduler, TasksStartedTogetherAllRunAndFromATaskToo) {
  Threads scheduler(2);
  const auto give = [](int i) -> Task<int> { co_return i; };
  const auto sum_of_many = [&]() -> Task<int> {
    std::vector<Task<int>> work;
    for (int i = 0; i < 1000; ++i) work.push_back(give(i));
    auto handles = *spawn_all(*scheduler, std::move(work));
    int sum = 0;
    for (JoinHandle<int>& handle : handles) sum += co_await std::move(handle);
    co_return sum;
  };
  EXPECT_EQ(std::move(*task::spawn(*scheduler, sum_of_many())).join(), 499500);
  std::vector<Task<int>> work;
  for (int i = 0; i < 1000; ++i) work.push_back(give(i));
  auto handles = *spawn_all(*scheduler, std::move(work), Priority::kLow);
  int sum = 0;
  for (JoinHandle<int>& handle : handles) sum += std::move(handle).join();
  EXPECT_EQ(sum, 499500);
  EXPECT_TRUE(spawn_all(*scheduler, std::vector<Task<int>>())->empty());
  scheduler->close();
  std::vector<Task<int>> late;
  late.push_back(give(1));
  EXPECT_FALSE(spawn_all(*scheduler, std::move(late)).ok());
}

TEST(Scheduler, AFailureThatNobodyAwaitsIsReportedWithTheTasksName) {
  Threads scheduler(1);
  static std::string reported;
  task::set_unobserved_handler(
      [](const task::UnobservedFailure& failure) noexcept { reported = failure.name; });
  const auto parent = []() -> Task<void> {
    const auto fail = []() -> Task<void> {
      throw std::runtime_error("failed");
      co_return;
    };
    EXPECT_TRUE(spawn_detached(fail(), Priority::kNormal, "flusher").ok());
    co_await task::yield();
  };
  std::move(*task::spawn(scheduler->worker(0), parent())).join();
  scheduler.stop();
  task::set_unobserved_handler(nullptr);
  EXPECT_EQ(reported, "flusher");
}

const task::TaskLocal<std::string> kRequest;

TEST(Scheduler, AValueFollowsItsTaskFromThreadToThreadAndIntoWhatItAwaits) {
  Threads scheduler(3);
  const auto name = []() -> Task<std::string> {
    co_await task::yield();
    const std::string* request = co_await kRequest.get();
    co_return request != nullptr ? *request : "none";
  };
  const auto serve = [&](std::string outer) -> Task<bool> {
    bool right = true;
    for (int i = 0; i < 50; ++i) {
      right = right && co_await name() == outer;
      right = right &&
              co_await task::with_value(kRequest, outer + "/inner", name()) == outer + "/inner";
    }
    co_return right&& co_await *spawn(name()) == "none";  // a spawned one has its own
  };
  std::vector<JoinHandle<bool>> handles;
  for (int i = 0; i < 20; ++i) {
    const std::string id = "request " + std::to_string(i);
    handles.push_back(*task::spawn(*scheduler, task::with_value(kRequest, id, serve(id))));
  }
  for (auto& handle : handles) EXPECT_TRUE(std::move(handle).join());
}

TEST(Scheduler, CountsWhatItsWorkersDo) {
  Threads scheduler(2);
  const auto busy = [&]() -> Task<void> {
    std::atomic<bool> flag{false};
    JoinHandle<std::thread::id> setter = *spawn(set(flag));
    co_await hold_worker_until(flag);
    co_await std::move(setter);
  };
  for (int i = 0; i < 50; ++i) std::move(*task::spawn(*scheduler, busy())).join();
  const WorkerMetrics metrics = scheduler->metrics();
  EXPECT_GE(metrics.stolen, 50u);
  EXPECT_LE(metrics.steals, metrics.stolen);
  EXPECT_GT(metrics.parks, 0u);
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

// How long who waits is fairness_test's.
TEST(Scheduler, RunsWhatIsMoreUrgentFirst) {
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
