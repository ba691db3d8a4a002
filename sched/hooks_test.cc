// EngineOptions::on_start, on_stop, on_park, on_unpark.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "annulet/sched/engine.h"
#include "annulet/sched/spawn.h"
#include "annulet/sched/testing/reports.h"
#include "annulet/task/this_task.h"
#include "annulet/wait/thread_parker.h"

namespace annulet::sched {
namespace {

Task<int> give(int n) { co_return n; }

TEST(OnStart, MaySpawnTasksOntoItsWorkerAndForAll) {
  for (const size_t workers : {1u, 2u, 4u}) {
    std::atomic<size_t> in_place{0};
    std::atomic<size_t> anywhere{0};
    const auto stays = [&](size_t worker) -> Task<void> {
      if (Worker::current()->index() == worker) in_place.fetch_add(1);
      co_return;
    };
    const auto count = [&]() -> Task<void> {
      co_await task::yield();
      anywhere.fetch_add(1);
    };
    const auto engine = *Engine::create({.workers = workers, .on_start = [&](size_t worker) {
                                           for (int i = 0; i < 10; ++i) {
                                             EXPECT_TRUE(spawn_local_detached(stays(worker)).ok());
                                             EXPECT_TRUE(spawn_detached(count()).ok());
                                           }
                                         }});
    EXPECT_TRUE(engine->stop(wait::kNever).ok());
    EXPECT_EQ(in_place.load(), 10 * workers);
    EXPECT_EQ(anywhere.load(), 10 * workers);
  }
}

TEST(OnStart, HasRunOnAllWorkersWhenTheEngineIsThere) {
  std::atomic<int> started{0};
  const auto engine =
      *Engine::create({.workers = 3, .on_start = [&](size_t) { started.fetch_add(1); }});
  EXPECT_EQ(started.load(), 3);
}

Task<void> sleep_long() { (void)co_await task::sleep_for(std::chrono::hours(1)); }

TEST(OnStart, OneThatThrowsMakesTheCreationFailAndEndsWhatWasSpawned) {
  std::atomic<int> stopped{0};
  const absl::Status status =
      Engine::create({.workers = 2,
                      .on_start =
                          [](size_t worker) {
                            EXPECT_TRUE(spawn_local_detached(sleep_long()).ok());
                            if (worker == 1) throw std::runtime_error("no");
                          },
                      .on_stop = [&](size_t) { stopped.fetch_add(1); }})
          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(status.message(), "on_start of worker 1 threw: no");
  EXPECT_EQ(stopped.load(), 1);
}

// Threads whose second one cannot begin.
class HalfAHost final : public WorkerHost {
 public:
  size_t size() const override { return 2; }
  wait::Parker& parker(size_t worker) override { return parkers_[worker]; }
  absl::Status begin(size_t worker) override {
    return worker == 0 ? absl::OkStatus() : absl::UnavailableError("no second one");
  }
  void end(size_t) override {}
  void cancel_waits(size_t) override {}

 private:
  std::vector<wait::ThreadParker> parkers_{2};
};

TEST(OnStart, WhatItSpawnedIsEndedAlsoWhereAnotherWorkerCannotBegin) {
  const absl::Status status =
      Engine::create({.on_start = [](size_t) { EXPECT_TRUE(spawn_detached(sleep_long()).ok()); }},
                     std::make_unique<HalfAHost>())
          .status();
  EXPECT_EQ(status.message(), "no second one");
}

void fail(size_t) { throw std::runtime_error("failed"); }

TEST(Hooks, WhatOthersThrowIsReportedUnderTheirNamesAndTheWorkersGoOn) {
  const Reports reports;
  {
    const auto engine =
        *Engine::create({.workers = 2, .on_stop = fail, .on_park = fail, .on_unpark = fail});
    while (!Reports::has("on_park of worker 0") || !Reports::has("on_park of worker 1")) {
      std::this_thread::yield();
    }
    for (int i = 0; i < 100; ++i) EXPECT_EQ(engine->block_on(give(i)), i);
    EXPECT_TRUE(engine->stop(wait::kNever).ok());
  }
  for (const std::string worker : {"0", "1"}) {
    EXPECT_TRUE(Reports::has("on_unpark of worker " + worker));
    EXPECT_TRUE(Reports::has("on_stop of worker " + worker));
  }
}

TEST(Hooks, WhatOneThrowsIsALineInTheLogThatSaysWhichAndWhose) {
  ::testing::internal::CaptureStderr();
  *Engine::create({.workers = 1, .on_stop = fail});  // and gone
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("annulet: the hook on_stop of worker 0 threw: failed"), std::string::npos)
      << log;
}

}  // namespace
}  // namespace annulet::sched
