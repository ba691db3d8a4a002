#include "annulet/runtime/runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "annulet/runtime/testing/echo.h"
#include "annulet/runtime/testing/on_each_backend.h"
#include "annulet/sched/run_blocking.h"
#include "annulet/sched/spawn.h"
#include "annulet/task/this_task.h"
#include "annulet/testing/deny_syscalls.h"

namespace annulet::runtime {
namespace {

using task::Task;

using RuntimeTest = testing::OnEachBackend;
ANNULET_INSTANTIATE_ON_EACH_BACKEND(RuntimeTest);

Task<std::string> thread_name() {
  char name[16] = "";
  pthread_getname_np(pthread_self(), name, sizeof(name));
  co_return name;
}

Task<int> usable_cores() {
  cpu_set_t mask;
  sched_getaffinity(0, sizeof(mask), &mask);
  co_return CPU_COUNT(&mask);
}

TEST_P(RuntimeTest, BlocksOnAMainTaskAndGivesItsResultOrItsException) {
  const auto answer = []() -> Task<int> { co_return 42; };
  const auto fail = []() -> Task<void> {
    throw std::runtime_error("main");
    co_return;
  };
  EXPECT_EQ(runtime().block_on(answer()), 42);
  EXPECT_THROW(runtime().block_on(fail()), std::runtime_error);
  EXPECT_EQ(runtime().block_on(answer()), 42) << "again, after a failure";
}

TEST_P(RuntimeTest, HasAtLeastTwoThreadsUnlessTold) {
  // In a thread that may use one core, which a thread started here would inherit.
  std::thread([&] {
    cpu_set_t mask;
    ASSERT_EQ(sched_getaffinity(0, sizeof(mask), &mask), 0);
    for (int core = CPU_SETSIZE - 1; CPU_COUNT(&mask) > 1; --core) CPU_CLR(core, &mask);
    ASSERT_EQ(sched_setaffinity(0, sizeof(mask), &mask), 0);
    const auto made = Runtime::create({.backend = GetParam()});
    ASSERT_TRUE(made.ok()) << made.status();
    EXPECT_EQ((*made)->threads(), 2u);
  }).join();
}

TEST_P(RuntimeTest, NamesItsThreadsAndRunsATaskWhereItIsTold) {
  start({.engine = {.workers = 3, .thread_name = "a-name-too-long"}});
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(std::move(*runtime().spawn_on(i, thread_name())).join(),
              "a-name-too-" + std::to_string(i));
  }
}

TEST_P(RuntimeTest, RunsCallsThatBlockBesideItsWorkers) {
  start({.engine = {.workers = 1, .thread_name = "server", .blocking = {.max_threads = 2}}});
  EXPECT_EQ(runtime().engine().blocking().options().max_threads, 2u);
  const auto ask = []() -> Task<absl::StatusOr<std::string>> {
    co_return co_await sched::run_blocking([] {
      char name[16] = "";
      pthread_getname_np(pthread_self(), name, sizeof(name));
      return std::string(name);
    });
  };
  EXPECT_EQ(*runtime().block_on(ask()), "server-b0");
}

TEST_P(RuntimeTest, PinsEachWorkerToOneCore) {
  start({.engine = {.workers = 2, .pin_threads = true}});
  EXPECT_EQ(runtime().block_on(usable_cores()), 1);
}

TEST_P(RuntimeTest, CallsTheHooksOfItsEngineInItsWorkers) {
  io::TcpListener listener = testing::listen();
  const io::SocketAddress address = *listener.local_address();
  const auto connect = [&]() -> Task<absl::Status> {
    const absl::StatusOr<io::TcpStream> stream = co_await io::TcpStream::connect(address);
    co_return stream.status();
  };
  std::atomic<int> connected{0};
  const auto count_connection = [&]() -> Task<void> {
    const absl::Status status = co_await connect();
    if (status.ok()) connected.fetch_add(1);
  };
  std::atomic<int> stopped{0}, parked{0}, unparked{0};
  start({.engine = {
             .workers = 2,
             .on_start =
                 [&](size_t) { EXPECT_TRUE(sched::spawn_local_detached(count_connection()).ok()); },
             .on_stop = [&](size_t) { stopped.fetch_add(1); },
             .on_park = [&](size_t) { parked.fetch_add(1); },
             .on_unpark = [&](size_t) { unparked.fetch_add(1); },
         }});
  while (connected.load() < 2 || unparked.load() == 0) std::this_thread::yield();
  EXPECT_EQ(stopped.load(), 0);
  EXPECT_TRUE(runtime().shutdown(wait::kNever).ok());
  EXPECT_EQ(stopped.load(), 2);
  EXPECT_EQ(parked.load(), unparked.load());
}

TEST_P(RuntimeTest, TakesAsManyWorkersAsCoresByDefault) {
  absl::StatusOr<std::unique_ptr<Runtime>> runtime = Runtime::create({.backend = GetParam()});
  ASSERT_TRUE(runtime.ok());
  EXPECT_GE((*runtime)->threads(), 1u);
  EXPECT_LE((*runtime)->threads(), std::thread::hardware_concurrency());
}

TEST_P(RuntimeTest, TasksSpawnEachOtherAcrossWorkers) {
  const auto child = [](int n) -> Task<int> {
    co_await task::yield();
    co_return n;
  };
  const auto parent = [&]() -> Task<int> {
    int sum = 0;
    for (int i = 0; i < 100; ++i)
      sum += co_await *runtime().spawn_on(static_cast<size_t>(i % 2), child(i));
    co_return sum;
  };
  EXPECT_EQ(runtime().block_on(parent()), 4950);
}

// Faults 53 and 54: with a ring far smaller than the number of operations nothing is lost and
// nothing hangs.
TEST_P(RuntimeTest, ATinyRingServesManyConnections) {
  start({.engine = {.workers = 1}, .ring_entries = 1});
  io::TcpListener listener = testing::listen();
  const io::SocketAddress address = *listener.local_address();
  auto server = runtime().spawn(testing::serve(listener, runtime().stop_token()));
  const auto talk = [&](int id) -> Task<bool> {
    absl::StatusOr<io::TcpStream> stream = co_await io::TcpStream::connect(address);
    if (!stream.ok()) co_return false;
    for (int round = 0; round < 10; ++round) {
      const std::string text = std::to_string(id * 1000 + round);
      const std::string answer = co_await testing::ask(*stream, text);
      if (answer != text) co_return false;
    }
    co_return true;
  };
  std::vector<task::JoinHandle<bool>> clients;
  for (int id = 0; id < 200; ++id) clients.push_back(*runtime().spawn(talk(id)));
  for (auto& client : clients) EXPECT_TRUE(std::move(client).join());
  EXPECT_TRUE(runtime().shutdown(wait::kNever).ok());
}

TEST_P(RuntimeTest, TakesTheLargestRingThatItPromises) {
  start({.engine = {.workers = 1}, .ring_entries = 32768});
  const auto answer = []() -> Task<int> { co_return 1; };
  EXPECT_EQ(runtime().block_on(answer()), 1);
}

TEST(Runtime, RefusesOptionsThatMakeNoSense) {
  EXPECT_EQ(Runtime::create({.engine = {.workers = 1'000'000}}).status().code(),
            absl::StatusCode::kInvalidArgument);
  if (!io::choose_backend(io::Backend::kIoUring).ok())
    GTEST_SKIP() << "io_uring does not work here";
  EXPECT_EQ(Runtime::create({.backend = io::Backend::kIoUring, .ring_entries = 0}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

// An io_uring that has nothing to hand in and nothing to say costs who computes no system call.
TEST(RuntimeDeathTest, AWorkerWithoutIoMakesNoSystemCallToLookForIt) {
  if (!io::choose_backend(io::Backend::kIoUring).ok())
    GTEST_SKIP() << "io_uring does not work here";
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto compute = []() -> Task<void> {
    // What the worker begins with goes in.
    EXPECT_TRUE((co_await task::sleep_for(std::chrono::milliseconds(1))).ok());
    faults::deny_syscalls({SYS_io_uring_enter}, EBADF);  // which would end the program
    for (int i = 0; i < 10'000; ++i) co_await task::yield();
    _exit(0);
  };
  EXPECT_EXIT(
      {
        auto runtime =
            Runtime::create({.engine = {.workers = 1}, .backend = io::Backend::kIoUring});
        (*runtime)->block_on(compute());
      },
      ::testing::ExitedWithCode(0), "");
}

// Faults 47 and 48, end to end: the runtime serves through epoll, and says why.
class RuntimeUnderSeccomp : public ::testing::TestWithParam<std::pair<int, int>> {};

TEST_P(RuntimeUnderSeccomp, ServesThroughEpoll) {
  std::thread([&] {
    faults::deny_syscalls({GetParam().first}, GetParam().second);
    absl::StatusOr<std::unique_ptr<Runtime>> runtime = Runtime::create({.engine = {.workers = 2}});
    ASSERT_TRUE(runtime.ok()) << runtime.status();
    EXPECT_EQ((*runtime)->backend().backend, io::Backend::kEpoll);
    EXPECT_THAT((*runtime)->backend().reason,
                ::testing::HasSubstr(strerrorname_np(GetParam().second)));
    io::TcpListener listener = testing::listen();
    auto server = (*runtime)->spawn(testing::serve(listener, (*runtime)->stop_token()));
    EXPECT_EQ((*runtime)->block_on(testing::request(*listener.local_address(), "hello")), "hello");
    EXPECT_TRUE((*runtime)->shutdown(wait::kNever).ok());
  }).join();
}

INSTANTIATE_TEST_SUITE_P(Denied, RuntimeUnderSeccomp,
                         ::testing::Values(std::pair(SYS_io_uring_setup, EPERM),
                                           std::pair(SYS_io_uring_setup, ENOSYS),
                                           std::pair(SYS_io_uring_enter, EPERM),
                                           std::pair(SYS_io_uring_enter, ENOSYS),
                                           std::pair(SYS_io_uring_register, EPERM)));

}  // namespace
}  // namespace annulet::runtime
