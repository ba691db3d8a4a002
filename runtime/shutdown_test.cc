// The end of a runtime, once per backend.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <coroutine>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "annulet/runtime/runtime.h"
#include "annulet/runtime/testing/echo.h"
#include "annulet/runtime/testing/on_each_backend.h"
#include "annulet/sched/run_blocking.h"
#include "annulet/task/this_task.h"
#include "annulet/task/when_all.h"
#include "annulet/testing/other_threads.h"

namespace annulet::runtime {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using task::Task;

using ShutdownTest = testing::OnEachBackend;
ANNULET_INSTANTIATE_ON_EACH_BACKEND(ShutdownTest);

wait::Deadline in(milliseconds delay) { return wait::deadline_after(wait::Clock::now(), delay); }

Task<absl::Status> sleep_long() { co_return co_await task::sleep_for(hours(1)); }

TEST_P(ShutdownTest, WithNothingToDoItIsOkAtOnceAndAgain) {
  EXPECT_TRUE(runtime().shutdown(wait::kNever).ok());
  EXPECT_TRUE(runtime().shutdown(wait::kNever).ok());
}

TEST_P(ShutdownTest, LetsTasksFinishThatCan) {
  bool finished = false;
  const auto work = [&]() -> Task<void> {
    const absl::Status slept = co_await task::sleep_for(milliseconds(20));
    finished = slept.ok();
  };
  ASSERT_TRUE(runtime().spawn_detached(work()).ok());
  EXPECT_TRUE(runtime().shutdown(wait::kNever).ok());
  EXPECT_TRUE(finished);
}

TEST_P(ShutdownTest, EndsByItsDeadlineWithConnectionsOpen) {
  constexpr int kConnections = 50;
  io::TcpListener listener = testing::listen();
  auto server = runtime().spawn(testing::serve(listener, runtime().stop_token()));
  const io::SocketAddress address = *listener.local_address();
  std::vector<io::TcpStream> clients;  // stay open and silent
  const auto open = [&]() -> Task<void> {
    for (int i = 0; i < kConnections; ++i) {
      absl::StatusOr<io::TcpStream> stream = co_await io::TcpStream::connect(address);
      EXPECT_TRUE(stream.ok());
      EXPECT_EQ(co_await testing::ask(*stream, "x"), "x");
      clients.push_back(*std::move(stream));
    }
  };
  runtime().block_on(open());
  EXPECT_GE(runtime().live_tasks(), static_cast<uint64_t>(kConnections));
  EXPECT_TRUE(runtime().shutdown(in(milliseconds(30))).ok()) << "cancelled, every task ended";
  EXPECT_EQ(runtime().live_tasks(), 0u);
  std::move(*server).join();
}

// Fault 54: asking for the end of everything needs room in a ring that has none.
TEST_P(ShutdownTest, CancelsMoreThanATinyRingHolds) {
  start({.engine = {.workers = 1}, .ring_entries = 1});
  io::TcpListener listener = testing::listen();
  const io::SocketAddress address = *listener.local_address();
  auto server = runtime().spawn(testing::serve(listener, runtime().stop_token()));
  std::atomic<int> connected{0};
  const auto wait_for_ever = [&]() -> Task<void> {
    absl::StatusOr<io::TcpStream> stream = co_await io::TcpStream::connect(address);
    EXPECT_TRUE(stream.ok());
    connected.fetch_add(1);
    char buffer[16];
    (void)co_await stream->read(buffer);
  };
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(runtime().spawn_detached(wait_for_ever()).ok());
  while (connected.load() < 60) std::this_thread::yield();
  EXPECT_TRUE(runtime().shutdown(in(milliseconds(5))).ok());
  std::move(*server).join();
}

TEST_P(ShutdownTest, CancelsSleepsAndIoAndWhatIsBegunLater) {
  std::vector<absl::Status> outcomes;
  const auto sleep_twice = [&]() -> Task<void> {
    outcomes.push_back(co_await task::sleep_for(hours(1)));
    outcomes.push_back(co_await task::sleep_for(hours(1)));
    const absl::StatusOr<io::TcpStream> stream =
        co_await io::TcpStream::connect(io::SocketAddress::loopback_v4(1));
    outcomes.push_back(stream.status());
  };
  ASSERT_TRUE(runtime().spawn_detached(sleep_twice()).ok());
  EXPECT_TRUE(runtime().shutdown(in(milliseconds(5))).ok());
  ASSERT_EQ(outcomes.size(), 3u);
  for (const absl::Status& outcome : outcomes) EXPECT_TRUE(absl::IsCancelled(outcome)) << outcome;
}

TEST_P(ShutdownTest, RefusesSpawnsFromInsideAndOutsideOnceBegun) {
  absl::Status inside;
  const auto spawn_late = [&]() -> Task<void> {
    const absl::Status slept = co_await task::with_cancel(runtime().stop_token(), sleep_long());
    EXPECT_TRUE(absl::IsCancelled(slept)) << "the stop token comes first";
    inside = task::spawn_here(sleep_long()).status();
  };
  ASSERT_TRUE(runtime().spawn_detached(spawn_late()).ok());
  EXPECT_TRUE(runtime().shutdown(wait::kNever).ok());
  EXPECT_EQ(inside.code(), absl::StatusCode::kFailedPrecondition) << inside;
  EXPECT_EQ(runtime().spawn(sleep_long()).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_P(ShutdownTest, TheDestructorCancelsWhatStillWaits) {
  bool unwound = false;
  const auto work = [&]() -> Task<void> {
    const absl::Status slept = co_await task::sleep_for(hours(1));
    unwound = absl::IsCancelled(slept);
  };
  ASSERT_TRUE(runtime().spawn_detached(work()).ok());
  start({});  // destroys the runtime
  EXPECT_TRUE(unwound);
}

// Fault 39: everything it waits for is refused, and it asks again and again, with great patience.
TEST_P(ShutdownTest, EndsByItsGraceThoughATaskRetriesForEver) {
  start({.engine = {.workers = 1, .cancel_grace = milliseconds(50)}});
  const auto retry = []() -> Task<void> {
    for (;;) {
      const absl::StatusOr<io::TcpStream> stream =
          co_await io::TcpStream::connect(io::SocketAddress::loopback_v4(1));
      if (stream.ok()) co_return;
      (void)co_await task::sleep_for(milliseconds(1));
    }
  };
  // Handles that live as long as the process, so that what is left behind is no leak.
  static auto* const handles = new std::vector<task::JoinHandle<void>>();
  handles->push_back(*runtime().spawn(task::with_cancel(runtime().stop_token(), retry())));
  handles->push_back(*runtime().spawn(retry()));
  EXPECT_EQ(runtime().shutdown(in(milliseconds(10))).code(), absl::StatusCode::kDeadlineExceeded);
}

// Suspends for ever; whoever knows the handle may free the frame.
struct Forever {
  explicit Forever(std::coroutine_handle<>& where) : handle(where) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> self) noexcept { handle = self; }
  void await_resume() const noexcept {}
  std::coroutine_handle<>& handle;
};

TEST_P(ShutdownTest, SaysHowManyTasksItHadToLeaveSuspended) {
  start({.engine = {.workers = 1, .cancel_grace = milliseconds(20)}});
  std::coroutine_handle<> left;
  const auto wait_for_ever = [&]() -> Task<void> { co_await Forever(left); };
  ASSERT_TRUE(runtime().spawn_detached(wait_for_ever()).ok());
  const absl::Status outcome = runtime().shutdown(in(milliseconds(5)));
  EXPECT_EQ(outcome.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_NE(outcome.message().find("1 task"), std::string::npos) << outcome;
  left.destroy();  // no worker is left that could resume it
}

// Fault 39. What is left behind holds on to all that it may still touch: the call ends by a post to
// a worker that is gone, or to all of them.
TEST_P(ShutdownTest, ReturnsThoughABlockingCallDoesNot) {
  const auto go = std::make_shared<absl::Notification>();
  start({.engine = {.workers = 1}});
  const auto before = faults::thread_count();
  // With a small ring, for it stays.
  start({.engine = {.workers = 1, .cancel_grace = milliseconds(20)}, .ring_entries = 8});
  const auto call = [](std::shared_ptr<absl::Notification> until) -> Task<void> {
    (void)co_await sched::run_blocking([&until] { until->WaitForNotification(); });
  };
  ASSERT_TRUE(runtime().spawn_detached(call(go)).ok());
  (void)*runtime().spawn_on(0, call(go));
  while (runtime().engine().blocking().metrics().running < 2) std::this_thread::yield();
  const absl::Status outcome = runtime().shutdown(in(milliseconds(5)));
  EXPECT_EQ(outcome.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_NE(outcome.message().find("2 blocking calls"), std::string::npos) << outcome;
  start({.engine = {.workers = 1}});  // destroys the runtime
  go->Notify();
  while (faults::thread_count() != before) std::this_thread::yield();
}

// A signal that arrives ends run_until_signal(); the tasks see the stop token.
TEST_P(ShutdownTest, ASignalDrainsTheRuntime) {
  for (int signal : {SIGINT, SIGTERM}) {
    block_stop_signals();
    start({});
    io::TcpListener listener = testing::listen();
    auto server = runtime().spawn(testing::serve(listener, runtime().stop_token()));
    std::thread sender([&] { kill(getpid(), signal); });
    EXPECT_TRUE(runtime().run_until_signal(milliseconds(5000)).ok());
    sender.join();
    std::move(*server).join();
  }
}

TEST_P(ShutdownTest, ASecondSignalCutsTheDrainShort) {
  block_stop_signals();
  start({});
  ASSERT_TRUE(runtime()
                  .spawn_detached(task::call([]() -> Task<void> {
                    const absl::Status slept = co_await task::sleep_for(hours(1));
                    EXPECT_TRUE(absl::IsCancelled(slept));
                  }))
                  .ok());
  std::thread sender([&] {
    kill(getpid(), SIGTERM);
    // The second one counts once the first was taken; the same signal does not queue twice.
    while (!runtime().stop_token().cancelled()) std::this_thread::yield();
    kill(getpid(), SIGTERM);
  });
  EXPECT_TRUE(runtime().run_until_signal(hours(1)).ok());  // would hang
  sender.join();
}

TEST_P(ShutdownTest, WhoWaitsForASignalSeesThatSomebodyElseStops) {
  block_stop_signals();
  for (const bool whole : {false, true}) {
    for (const bool before : {false, true}) {
      start({});
      const auto stop = [&] {
        runtime().engine().close();
        if (whole) {
          EXPECT_TRUE(runtime().shutdown(wait::kNever).ok());
        }
      };
      if (before) stop();
      std::thread other(stop);
      EXPECT_TRUE(runtime().run_until_signal(hours(1)).ok());  // would hang
      other.join();
    }
  }
}

TEST_P(ShutdownTest, WhoWaitsForASignalDoesNotWaitForTasksThatSomebodyElseHasLeft) {
  block_stop_signals();
  start({.engine = {.workers = 1, .cancel_grace = milliseconds(20)}});
  std::coroutine_handle<> left;
  const auto wait_for_ever = [&]() -> Task<void> { co_await Forever(left); };
  ASSERT_TRUE(runtime().spawn_detached(wait_for_ever()).ok());
  std::thread other([&] {
    EXPECT_EQ(runtime().shutdown(in(milliseconds(5))).code(), absl::StatusCode::kDeadlineExceeded);
  });
  EXPECT_EQ(runtime().run_until_signal(hours(1)).code(), absl::StatusCode::kDeadlineExceeded);
  other.join();
  left.destroy();
}

// Fault 38: it would wait for itself.
TEST_P(ShutdownTest, ATaskThatShutsItsOwnRuntimeDownIsRefused) {
  const auto stop = [&]() -> Task<absl::Status> { co_return runtime().shutdown(wait::kNever); };
  EXPECT_EQ(runtime().block_on(stop()).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(runtime().shutdown(wait::kNever).ok());
}

// Fault 39 and many starts and stops in a row, with tasks at all stages.
TEST_P(ShutdownTest, MayComeAtAnyMoment) {
  for (int round = 0; round < 30; ++round) {
    start({});
    io::TcpListener listener = testing::listen();
    const io::SocketAddress address = *listener.local_address();
    auto server = runtime().spawn(testing::serve(listener, runtime().stop_token()));
    const auto chat = [&]() -> Task<void> {
      absl::StatusOr<io::TcpStream> stream = co_await io::TcpStream::connect(address);
      while (stream.ok()) {
        const std::string answer = co_await testing::ask(*stream, "chat");
        if (answer != "chat") co_return;
      }
    };
    for (int i = 0; i < 8; ++i) ASSERT_TRUE(runtime().spawn_detached(chat()).ok());
    std::this_thread::sleep_for(std::chrono::microseconds(100 * round));
    EXPECT_TRUE(runtime().shutdown(in(milliseconds(round % 3))).ok());
    std::move(*server).join();
  }
}

}  // namespace
}  // namespace annulet::runtime
