#include "annulet/sched/engine.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <numeric>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "annulet/sched/fork_join.h"
#include "annulet/sched/parallel.h"
#include "annulet/sched/run_blocking.h"
#include "annulet/sched/spawn.h"
#include "annulet/task/this_task.h"

namespace annulet::sched {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

wait::Deadline in(milliseconds delay) { return wait::deadline_after(wait::Clock::now(), delay); }

std::unique_ptr<Engine> make_engine(size_t workers) {
  return *Engine::create({.workers = workers, .cancel_grace = milliseconds(5000)});
}

Task<std::thread::id> where() { co_return std::this_thread::get_id(); }
Task<absl::Status> sleep_long() { co_return co_await task::sleep_for(hours(1)); }

TEST(Engine, RunsATaskToItsResult) {
  const auto engine = make_engine(2);
  EXPECT_NE(engine->block_on(where()), std::this_thread::get_id());
  EXPECT_EQ(engine->workers(), 2u);
}

TEST(Engine, HasAtLeastTwoWorkersUnlessTold) {
  EXPECT_GE((*Engine::create())->workers(), 2u);
  EXPECT_EQ(make_engine(1)->workers(), 1u);
}

TEST(Engine, RefusesOptionsThatMakeNoSenseAndSaysWhich) {
  const auto message = [](const EngineOptions& options) {
    const absl::Status status = Engine::create(options).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_NE(message({.workers = 100000}).find("workers: 100000"), std::string::npos);
  EXPECT_NE(message({.scheduler = {.weights = {.low = 0}}}).find("weights.low"), std::string::npos);
  EXPECT_NE(message({.scheduler = {.poll_interval = 0}}).find("poll_interval"), std::string::npos);
}

TEST(Engine, NamesItsThreads) {
  const auto engine = *Engine::create({.workers = 2, .thread_name = "spinner"});
  const auto name = []() -> Task<std::string> {
    std::array<char, 16> buffer{};
    pthread_getname_np(pthread_self(), buffer.data(), buffer.size());
    co_return std::string(buffer.data());
  };
  EXPECT_EQ(std::move(*engine->spawn_on(1, name())).join(), "spinner-1");
}

TEST(Engine, TellsItsHooksOfStartStopAndSleep) {
  absl::Mutex mutex;
  std::set<size_t> started;
  std::set<size_t> stopped;
  std::atomic<int> parks{0};
  std::atomic<int> unparks{0};
  {
    const auto note = [&mutex](std::set<size_t>& set) {
      return [&mutex, &set](size_t worker) {
        absl::MutexLock lock(&mutex);
        set.insert(worker);
      };
    };
    const auto engine = *Engine::create({.workers = 2,
                                         .on_start = note(started),
                                         .on_stop = note(stopped),
                                         .on_park = [&](size_t) { parks.fetch_add(1); },
                                         .on_unpark = [&](size_t) { unparks.fetch_add(1); }});
    engine->block_on(where());
    while (parks.load() == 0) std::this_thread::yield();
  }
  EXPECT_EQ(started, (std::set<size_t>{0, 1}));
  EXPECT_EQ(stopped, started);
  EXPECT_EQ(parks.load(), unparks.load());
}

TEST(Engine, AStopLetsTasksFinishThatCan) {
  const auto engine = make_engine(2);
  std::atomic<bool> finished{false};
  const auto work = [&]() -> Task<void> {
    const absl::Status slept = co_await task::sleep_for(milliseconds(20));
    finished.store(slept.ok());
  };
  ASSERT_TRUE(engine->spawn_detached(work()).ok());
  EXPECT_TRUE(engine->stop(wait::kNever).ok());
  EXPECT_TRUE(finished.load());
  EXPECT_EQ(engine->live_tasks(), 0u);
}

TEST(Engine, AStopThatRunsOutOfTimeCancelsSleeps) {
  const auto engine = make_engine(2);
  auto sleeper = *engine->spawn(sleep_long());
  EXPECT_TRUE(engine->stop(in(milliseconds(10))).ok());
  EXPECT_TRUE(absl::IsCancelled(std::move(sleeper).join()));
}

TEST(Engine, AStopCancelsItsTokenFirst) {
  const auto engine = make_engine(1);
  auto sleeper = *engine->spawn(task::with_cancel(engine->stop_token(), sleep_long()));
  EXPECT_TRUE(engine->stop(wait::kNever).ok());
  EXPECT_TRUE(absl::IsCancelled(std::move(sleeper).join()));
}

TEST(Engine, QueuedTasksAreRunByAStopNotDropped) {
  const auto engine = make_engine(2);
  std::atomic<int> ran{0};
  const auto count = [&]() -> Task<void> {
    ran.fetch_add(1);
    co_return;
  };
  for (int i = 0; i < 10000; ++i) ASSERT_TRUE(engine->spawn_detached(count()).ok());
  EXPECT_TRUE(engine->stop(wait::kNever).ok());
  EXPECT_EQ(ran.load(), 10000);
}

TEST(Engine, RefusesSpawnsOnceAStopHasBegun) {
  const auto engine = make_engine(2);
  std::atomic<bool> go{false};
  const auto late = [&]() -> Task<bool> {
    while (!go.load()) co_await task::yield();
    const bool shared = spawn(where()).ok();
    const bool local = spawn_local(where()).ok();
    co_return shared || local;
  };
  auto inside = *engine->spawn(late());
  engine->close();
  EXPECT_EQ(engine->spawn(where()).status().code(), absl::StatusCode::kFailedPrecondition);
  go.store(true);
  EXPECT_FALSE(std::move(inside).join());
  EXPECT_TRUE(engine->stop(wait::kNever).ok());
}

// Fault 38.
TEST(Engine, AStopByATaskOfItsOwnIsRefused) {
  const auto engine = make_engine(1);
  const auto stop = [&]() -> Task<absl::Status> { co_return engine->stop(wait::kNever); };
  EXPECT_EQ(engine->block_on(stop()).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(engine->stop(wait::kNever).ok());
}

TEST(Engine, StopsAtTheSameTimeAllSeeTheSameEnd) {
  const auto engine = make_engine(2);
  ASSERT_TRUE(engine
                  ->spawn_detached(task::call(
                      []() -> Task<void> { (void)co_await task::sleep_for(milliseconds(20)); }))
                  .ok());
  std::vector<std::thread> stoppers;
  std::atomic<int> well{0};
  for (int i = 0; i < 4; ++i) {
    stoppers.emplace_back([&] { well.fetch_add(engine->stop(wait::kNever).ok()); });
  }
  for (std::thread& thread : stoppers) thread.join();
  EXPECT_EQ(well.load(), 4);
}

TEST(Engine, ABlockingCallMaySpawnAndJoinThoughAStopMayCome) {
  const auto engine = make_engine(1);
  std::atomic<bool> joined{false};
  const auto give = []() -> Task<int> { co_return 1; };
  const auto spawn_until_refused = [&]() -> absl::Status {
    for (;;) {
      absl::StatusOr<JoinHandle<int>> handle = engine->spawn(give());
      if (!handle.ok()) return handle.status();
      EXPECT_EQ((*std::move(handle)).join(), 1);
      joined.store(true);
    }
  };
  const auto caller = [&]() -> Task<absl::Status> {
    co_return co_await run_blocking(spawn_until_refused);
  };
  auto called = *engine->spawn(caller());
  while (!joined.load()) std::this_thread::yield();
  EXPECT_TRUE(engine->stop(wait::kNever).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(std::move(called).join()));
}

TEST(EngineDeathTest, ABlockOnThatComesTooLateSaysWhatToDo) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto too_late = [] {
    const auto engine = make_engine(1);
    engine->close();
    engine->block_on(where());
  };
  EXPECT_DEATH(too_late(), "who may meet a stop spawns and joins");
}

TEST(EngineDeathTest, OneThatIsDestroyedByATaskOfItsOwnSaysSo) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto suicide = [] {
    std::unique_ptr<Engine> engine = make_engine(1);
    Engine& alias = *engine;
    alias.block_on(task::call([&]() -> Task<void> {
      engine.reset();
      co_return;
    }));
  };
  EXPECT_DEATH(suicide(), "by one of its own tasks");
}

// Fault 69: a child process has the engine and none of its threads, which each of these waits for.
TEST(EngineDeathTest, AChildProcessThatUsesTheEngineOfItsParentSaysSo) {
  GTEST_FLAG_SET(death_test_style, "fast");  // what dies is then a plain child by fork()
  auto engine = make_engine(2);
  const char* const why = "the engine is that of a parent process";
  EXPECT_DEATH(engine->block_on(where()), why);
  EXPECT_DEATH(engine->run([] {}), why);
  EXPECT_DEATH((void)engine->stop(wait::kNever), why);
  EXPECT_DEATH(engine = nullptr, why);
  EXPECT_TRUE(engine->stop(wait::kNever).ok()) << "the parent has lost nothing";
}

// Fault 20: what a task waits for ends when its engine is gone.
TEST(Engine, ATaskThatWasLeftMayBeWokenWhenItsEngineIsGoneAndDoesNotRun) {
  const auto other = make_engine(1);
  for (const bool shared : {true, false}) {
    auto gone = *Engine::create({.workers = 1, .cancel_grace = milliseconds(1)});
    std::atomic<bool> go{false};
    std::atomic<bool> ran{false};
    const auto wait_for_go = [&]() -> Task<void> {
      while (!go.load()) co_await task::yield();
    };
    const auto wait = [&]() -> Task<void> {
      co_await *other->spawn(wait_for_go());
      ran.store(true);
    };
    JoinHandle<void> left = *(shared ? gone->spawn(wait()) : gone->spawn_on(0, wait()));
    while (other->live_tasks() == 0) std::this_thread::yield();
    EXPECT_TRUE(absl::IsDeadlineExceeded(gone->stop(wait::Deadline())));
    gone = nullptr;
    go.store(true);
    while (other->live_tasks() > 0) std::this_thread::yield();
    EXPECT_FALSE(left.wait_until(in(milliseconds(1)))) << "join() would wait for ever";
    EXPECT_FALSE(ran.load());
  }
}

// --- Forks on its workers. ---

uint64_t fib(unsigned n) {
  if (n < 2) return n;
  const auto [first, second] = fork_join([=] { return fib(n - 1); }, [=] { return fib(n - 2); });
  return first + second;
}

TEST(Engine, RunsAPlainFunctionWhoseForksItsWorkersShare) {
  const auto engine = make_engine(3);
  EXPECT_EQ(engine->run([] { return fib(25); }), 75025u);
  std::vector<uint32_t> numbers(100'000, 1);
  engine->run([&] { parallel_for(size_t{0}, numbers.size(), [&](size_t i) { numbers[i] += 1; }); });
  EXPECT_EQ(std::accumulate(numbers.begin(), numbers.end(), uint64_t{0}), 200'000u);
  EXPECT_THROW(engine->run([] { throw std::runtime_error("failed"); }), std::runtime_error);
}

TEST(Engine, AForkThatASleepingWorkerCouldTakeWakesIt) {
  const auto engine = make_engine(2);
  for (int round = 0; round < 50; ++round) {
    std::atomic<bool> second_ran{false};
    // The first side ends only once the second one has run, elsewhere. The first forks that it
    // makes while it waits show that somebody asks for work.
    engine->run([&] {
      fork_join(
          [&] {
            while (!second_ran.load()) fork_join([] {}, [] {});
          },
          [&] { second_ran.store(true); });
    });
  }
}

TEST(Engine, ForksBesideTasksThatSpawnAndWait) {
  const auto engine = make_engine(3);
  const auto mixed = []() -> Task<uint64_t> {
    JoinHandle<uint64_t> beside = *spawn(task::call([]() -> Task<uint64_t> {
      co_await task::yield();
      co_return fib(18);
    }));
    const uint64_t here = fib(18);
    co_return here + co_await std::move(beside);
  };
  std::vector<JoinHandle<uint64_t>> handles;
  for (int i = 0; i < 50; ++i) handles.push_back(*engine->spawn(mixed()));
  for (auto& handle : handles) EXPECT_EQ(std::move(handle).join(), 2 * 2584u);
}

// --- Soak: trees of tasks of all kinds, and stops at any moment. ---

struct Soak {
  std::atomic<uint64_t> begun{0};
  std::atomic<uint64_t> ended{0};
  std::atomic<uint64_t> refused{0};
};

// A tree of `depth`, whose nodes spawn children of all kinds and priorities, yield, sleep, fail.
Task<uint64_t> grow(Soak& soak, uint32_t seed, int depth) {
  soak.begun.fetch_add(1);
  std::minstd_rand random(seed);
  uint64_t nodes = 1;
  for (int child = 0; depth > 0 && child < 3; ++child) {
    const auto priority = task::kAllPriorities[random() % task::kPriorities];
    const uint32_t child_seed = static_cast<uint32_t>(random());
    if (random() % 2 == 0) {
      auto handle = spawn(grow(soak, child_seed, depth - 1), priority);
      if (random() % 4 == 0) co_await task::yield();
      if (!handle.ok()) {
        soak.refused.fetch_add(1);
      } else if (random() % 8 != 0) {
        nodes += co_await *std::move(handle);
      }
    } else {
      // A local one is to be awaited where it is: by a task that stays, too.
      const auto local_parent = [&soak, child_seed, depth, priority]() -> Task<uint64_t> {
        auto local = spawn_local(grow(soak, child_seed, depth - 1), priority);
        if (!local.ok()) {
          soak.refused.fetch_add(1);
          co_return 0;
        }
        co_return co_await *std::move(local);
      };
      auto handle = task::spawn(*task::current_worker()->executor, task::call(local_parent));
      if (handle.ok()) {
        nodes += co_await *std::move(handle);
      } else {
        soak.refused.fetch_add(1);
      }
    }
    if (random() % 16 == 0) {
      (void)co_await task::sleep_for(std::chrono::microseconds(random() % 200));
    }
  }
  soak.ended.fetch_add(1);
  co_return nodes;
}

TEST(EngineSoak, TreesOfTasksEndWholeWhateverTheirKind) {
  for (size_t workers : {1u, 2u, 4u}) {
    const auto engine = make_engine(workers);
    Soak soak;
    for (uint32_t round = 0; round < 20; ++round) engine->block_on(grow(soak, round + 1, 6));
    while (engine->live_tasks() > 0) std::this_thread::yield();  // those whose handle was dropped
    EXPECT_TRUE(engine->stop(wait::kNever).ok());
    EXPECT_EQ(soak.begun.load(), soak.ended.load());
    EXPECT_EQ(soak.refused.load(), 0u);
  }
}

TEST(EngineSoak, AStopAtAnyMomentLosesNoTask) {
  std::minstd_rand random(7);
  for (int round = 0; round < 60; ++round) {
    const auto engine = make_engine(1 + static_cast<size_t>(round) % 3);
    Soak soak;
    std::thread spawner([&] {
      for (uint32_t i = 0; i < 50; ++i) {
        if (!engine
                 ->spawn_detached(
                     task::call([&soak, i]() -> Task<void> { co_await grow(soak, i + 1, 4); }))
                 .ok()) {
          break;
        }
      }
    });
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
    EXPECT_TRUE(engine->stop(round % 2 == 0 ? wait::kNever : wait::Deadline()).ok());
    spawner.join();
    EXPECT_EQ(soak.begun.load(), soak.ended.load());
  }
}

}  // namespace
}  // namespace annulet::sched
