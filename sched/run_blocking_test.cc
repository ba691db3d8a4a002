// The pool of an engine, its end with the engine's, and what the machine does to it.
#include "annulet/sched/run_blocking.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "annulet/sched/engine.h"
#include "annulet/sched/spawn.h"
#include "annulet/task/block_on.h"
#include "annulet/testing/deny_syscalls.h"
#include "annulet/testing/other_threads.h"

namespace annulet::sched {
namespace {

using absl::Notification;
using faults::wait_until;
using std::chrono::milliseconds;

wait::Deadline in(milliseconds delay) { return wait::deadline_after(wait::Clock::now(), delay); }

// A call in the pool of whoever runs the task, until it is let go.
Task<absl::Status> wait_for(Notification& go) {
  co_return co_await run_blocking([&go] { go.WaitForNotification(); });
}

TEST(RunBlocking, FindsThePoolOfItsEngineWhichHasNoThreadBefore) {
  const auto engine = *Engine::create({.workers = 1});
  EXPECT_EQ(engine->blocking().metrics().threads, 0u);
  const auto main = [&]() -> Task<bool> {
    const absl::StatusOr<bool> own =
        co_await run_blocking([&] { return engine->blocking().on_own_thread(); });
    co_return own.ok() && *own;
  };
  EXPECT_TRUE(engine->block_on(main()));
  EXPECT_EQ(engine->blocking().metrics().done, 1u);
}

TEST(RunBlocking, SaysSoWhereThereIsNoPool) {
  Notification go;
  EXPECT_TRUE(absl::IsFailedPrecondition(task::block_on(wait_for(go))));
}

TEST(RunBlocking, TakesTheOptionsOfItsEngine) {
  const auto engine = *Engine::create({.workers = 1, .blocking = {.max_threads = 3}});
  EXPECT_EQ(engine->blocking().options().max_threads, 3u);
  const absl::Status bad = Engine::create({.blocking = {.max_threads = 0}}).status();
  EXPECT_TRUE(absl::IsInvalidArgument(bad));
  EXPECT_NE(bad.message().find("blocking.max_threads"), std::string::npos) << bad;
}

struct Environment {
  std::string name;
  bool termination_blocked = false;
  bool faults_blocked = false;
  int cores = 0;
};

Environment environment() {
  std::array<char, 16> name{};
  pthread_getname_np(pthread_self(), name.data(), name.size());
  sigset_t blocked;
  pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
  cpu_set_t cores;
  sched_getaffinity(0, sizeof(cores), &cores);
  return {name.data(), sigismember(&blocked, SIGTERM) == 1, sigismember(&blocked, SIGSEGV) == 1,
          CPU_COUNT(&cores)};
}

TEST(RunBlocking, ItsThreadsAreNamedAndTakeNoSignalsAndAreNotPinnedAsTheWorkersAre) {
  const auto engine =
      *Engine::create({.workers = 1, .pin_threads = true, .thread_name = "spinner"});
  const auto main = []() -> Task<absl::StatusOr<Environment>> {
    co_return co_await run_blocking(&environment);
  };
  const absl::StatusOr<Environment> found = engine->block_on(main());
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->name, "spinner-b0");
  EXPECT_TRUE(found->termination_blocked);
  EXPECT_FALSE(found->faults_blocked);
  EXPECT_EQ(found->cores, environment().cores) << "those of the thread that made the engine";
}

TEST(RunBlocking, ACallMayWaitForATask) {
  const auto engine = *Engine::create({.workers = 1});
  const auto nine = []() -> Task<int> { co_return 9; };
  const auto main = [&]() -> Task<int> {
    co_return *co_await run_blocking([&] { return engine->block_on(nine()); });
  };
  EXPECT_EQ(engine->block_on(main()), 9);
}

TEST(RunBlocking, AStopWithTimeLetsCallsFinishAlsoThoseThatWait) {
  const auto engine = *Engine::create({.workers = 1, .blocking = {.max_threads = 1}});
  Notification go;
  auto first = *engine->spawn(wait_for(go));
  auto second = *engine->spawn(wait_for(go));
  wait_until([&] { return engine->blocking().metrics().queued == 1; });
  std::thread release([&] {
    std::this_thread::sleep_for(milliseconds(10));
    go.Notify();
  });
  EXPECT_TRUE(engine->stop(wait::kNever).ok());
  EXPECT_TRUE(std::move(first).join().ok());
  EXPECT_TRUE(std::move(second).join().ok());
  EXPECT_EQ(engine->blocking().metrics().threads, 0u);
  release.join();
}

TEST(RunBlocking, AStopWithoutTimeCancelsWhatWaitsAndAwaitsWhatEndsWithinTheGrace) {
  const auto engine = *Engine::create(
      {.workers = 1, .blocking = {.max_threads = 1}, .cancel_grace = milliseconds(60'000)});
  Notification go;
  auto first = *engine->spawn(wait_for(go));
  wait_until([&] { return engine->blocking().metrics().running == 1; });
  auto second = *engine->spawn(wait_for(go));
  wait_until([&] { return engine->blocking().metrics().queued == 1; });
  const auto then_ask_again = [&]() -> Task<absl::Status> {
    const absl::Status late = co_await std::move(second);
    EXPECT_TRUE(absl::IsCancelled(late));
    co_return co_await wait_for(go);
  };
  auto third = *engine->spawn(then_ask_again());
  absl::Status outcome;
  std::thread stopper([&] { outcome = engine->stop(wait::Deadline()); });
  EXPECT_TRUE(absl::IsCancelled(std::move(third).join())) << "while the first one runs";
  go.Notify();
  EXPECT_TRUE(std::move(first).join().ok());
  stopper.join();
  EXPECT_TRUE(outcome.ok()) << outcome;
}

TEST(RunBlocking, ACallCannotStopItsOwnEngine) {
  const auto engine = *Engine::create({.workers = 1});
  const auto main = [&]() -> Task<absl::Status> {
    co_return co_await run_blocking([&] { return engine->stop(in(milliseconds(0))); });
  };
  EXPECT_TRUE(absl::IsFailedPrecondition(engine->block_on(main())));
  EXPECT_TRUE(engine->stop(wait::kNever).ok());
}

// The calling thread, and those that it starts, can start no threads any more.
void forbid_threads() { faults::deny_syscalls({SYS_clone, SYS_clone3}, EAGAIN); }

TEST(RunBlocking, WithoutAnyThreadACallIsRefusedAndSaysWhatToDo) {
  const auto engine = *Engine::create({.workers = 1});
  const auto main = []() -> Task<absl::Status> {
    forbid_threads();
    co_return co_await run_blocking([] {});
  };
  for (int i = 0; i < 2; ++i) {
    const absl::Status refused = engine->block_on(main());
    EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
    EXPECT_NE(refused.message().find("ulimit -u"), std::string::npos) << refused;
  }
  EXPECT_EQ(engine->blocking().metrics().threads, 0u);
  EXPECT_EQ(engine->blocking().metrics().refused, 2u);
}

TEST(RunBlocking, WithoutAnotherThreadACallWaitsForTheOneThereIs) {
  const auto engine = *Engine::create({.workers = 1});
  Notification go;
  auto first = *engine->spawn(wait_for(go));
  wait_until([&] { return engine->blocking().metrics().running == 1; });
  const auto forbidden = []() -> Task<absl::Status> {
    forbid_threads();
    co_return co_await run_blocking([] {});
  };
  auto second = *engine->spawn(forbidden());
  auto third = *engine->spawn(forbidden());
  // Both have tried for a thread by then, in vain.
  const auto nothing = []() -> Task<void> { co_return; };
  engine->block_on(nothing());
  EXPECT_EQ(engine->blocking().metrics().queued, 2u);
  EXPECT_EQ(engine->blocking().metrics().threads, 1u);
  go.Notify();
  EXPECT_TRUE(std::move(first).join().ok());
  EXPECT_TRUE(std::move(second).join().ok());
  EXPECT_TRUE(std::move(third).join().ok());
}

TEST(RunBlocking, WithoutAnotherThreadNoMoreCallsWaitThanMayWait) {
  const auto engine = *Engine::create({.workers = 1, .blocking = {.max_pending = 0}});
  Notification go;
  auto first = *engine->spawn(wait_for(go));
  wait_until([&] { return engine->blocking().metrics().running == 1; });
  const auto forbidden = []() -> Task<absl::Status> {
    forbid_threads();
    co_return co_await run_blocking([] {});
  };
  EXPECT_TRUE(absl::IsResourceExhausted(engine->block_on(forbidden())));
  go.Notify();
  EXPECT_TRUE(std::move(first).join().ok());
  EXPECT_TRUE(engine->block_on(forbidden()).ok()) << "the thread there is has time now";
}

}  // namespace
}  // namespace annulet::sched
