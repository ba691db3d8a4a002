// Fault 31: what debug builds check of the handles of local tasks, that they stay where those are.
#include "annulet/task/local_join.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <utility>

#include "annulet/sched/engine.h"
#include "annulet/sched/spawn.h"
#include "annulet/testing/assert_death_test.h"

namespace annulet::sched {
namespace {

using LocalJoinDeathTest = faults::AssertDeathTest;

Task<void> nothing() { co_return; }

// A local task of worker 0, whose handle has been given away.
class Taken {
 public:
  Taken() {
    run_on(0, [this]() -> Task<void> {
      handle_ = *spawn_local(nothing());
      co_return;
    });
  }
  void await_on(size_t worker) {
    run_on(worker, [this]() -> Task<void> { co_await *std::move(handle_); });
  }
  bool done() const { return handle_->done(); }
  void drop() { handle_.reset(); }

 private:
  template <class Body>
  void run_on(size_t worker, const Body& body) {
    std::move(*engine_->spawn_on(worker, body())).join();
  }

  const std::unique_ptr<Engine> engine_ = *Engine::create({.workers = 2});
  std::optional<LocalJoinHandle<void>> handle_;
};

TEST(LocalJoin, AnyLocalTaskOfTheWorkerMayAwait) { Taken().await_on(0); }

TEST_F(LocalJoinDeathTest, ATaskOfAnotherWorkerMustNotAwait) {
  EXPECT_DEATH(Taken().await_on(1), "the handle of a local task has left its worker");
}

TEST_F(LocalJoinDeathTest, ASharedTaskMustNotAwaitForItMayMove) {
  const auto await_in_shared_task = [] {
    const auto parent = []() -> Task<void> { co_await *spawn_local(nothing()); };
    (*Engine::create({.workers = 1}))->block_on(parent());
  };
  EXPECT_DEATH(await_in_shared_task(), "awaited by a task that may move");
}

TEST_F(LocalJoinDeathTest, NobodyElseMustAskWhetherItIsDone) {
  EXPECT_DEATH((void)Taken().done(), "the handle of a local task has left its worker");
}

TEST_F(LocalJoinDeathTest, NobodyElseMustDropTheHandle) {
  EXPECT_DEATH(Taken().drop(), "the handle of a local task has left its worker");
}

TEST_F(LocalJoinDeathTest, AHandleThatWasMovedFromHasNothingToAskOrAwait) {
  const char* const why = "this LocalJoinHandle was moved from, awaited or detached";
  const auto handle = [] {
    return LocalJoinHandle<void>(nullptr);  // as moving leaves it
  };
  EXPECT_DEATH((void)handle().done(), why);
  EXPECT_DEATH((void)handle().operator co_await(), why);
}

}  // namespace
}  // namespace annulet::sched
