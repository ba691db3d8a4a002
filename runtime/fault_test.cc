// What the machine does to a server: signals, lack of descriptors, many short connections. Once per
// backend.
#include <gtest/gtest.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "annulet/runtime/runtime.h"
#include "annulet/runtime/testing/echo.h"
#include "annulet/runtime/testing/on_each_backend.h"
#include "annulet/task/this_task.h"
#include "annulet/testing/deny_syscalls.h"

namespace annulet::runtime {
namespace {

using std::chrono::milliseconds;
using task::CancelSource;
using task::JoinHandle;
using task::Task;

using FaultTest = testing::OnEachBackend;
ANNULET_INSTANTIATE_ON_EACH_BACKEND(FaultTest);

int open_descriptors() {
  int count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
    ++count;
  return count;
}

// How often the runtime's threads have gone to sleep so far.
int64_t sleeps_of_workers() {
  int64_t sum = 0;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::getline(std::ifstream(thread.path() / "comm") >> std::ws, name);
    if (!name.starts_with("annulet-")) continue;  // a sanitizer has threads of its own
    std::ifstream status(thread.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("voluntary_ctxt_switches:"))
        sum += std::stoll(line.substr(line.find(':') + 1));
    }
  }
  return sum;
}

// How often this process has gone to sleep so far; needs no descriptor.
int64_t sleeps_of_all_threads() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_nvcsw;
}

// Fault 51: system calls that a signal interrupts are taken up again, and nothing is lost or done
// twice.
TEST_P(FaultTest, SignalsInterruptSystemCallsAndNothingIsLost) {
  static std::atomic<int> handled{0};
  struct sigaction action{};
  action.sa_handler = +[](int) { handled.fetch_add(1); };  // and no SA_RESTART
  struct sigaction former{};
  ASSERT_EQ(sigaction(SIGUSR1, &action, &former), 0);

  start({.engine = {.workers = 1}});
  io::TcpListener listener = testing::listen();
  const io::SocketAddress address = *listener.local_address();
  auto server = runtime().spawn(testing::serve(listener, runtime().stop_token()));
  const auto expose = []() -> Task<pthread_t> {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    co_return pthread_self();
  };
  const pthread_t worker = runtime().block_on(expose());
  std::atomic<bool> done{false};
  std::thread tormentor([&] {
    while (!done.load()) {
      pthread_kill(worker, SIGUSR1);
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
  });
  const auto talk = [&]() -> Task<int> {
    absl::StatusOr<io::TcpStream> stream = co_await io::TcpStream::connect(address);
    int good = 0;
    for (int i = 0; stream.ok() && i < 1000; ++i) {
      const std::string text = "message " + std::to_string(i);
      const std::string answer = co_await testing::ask(*stream, text);
      good += answer == text ? 1 : 0;
      if (i % 100 == 0) (void)co_await task::sleep_for(milliseconds(1));
    }
    co_return good;
  };
  EXPECT_EQ(runtime().block_on(talk()), 1000);
  done.store(true);
  tormentor.join();
  EXPECT_GT(handled.load(), 0);
  EXPECT_TRUE(runtime().shutdown(wait::kNever).ok());
  sigaction(SIGUSR1, &former, nullptr);
}

// Fault 72: a task that writes to a pipe nobody reads gets EPIPE, and the process lives.
TEST_P(FaultTest, ABrokenPipeInATaskIsAnErrorAndNoSignal) {
  const auto write_to_nobody = []() -> Task<int> {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    close(ends[0]);
    const ssize_t written = write(ends[1], "x", 1);
    const int error = written < 0 ? errno : 0;
    close(ends[1]);
    co_return error;
  };
  EXPECT_EQ(runtime().block_on(write_to_nobody()), EPIPE);
}

// Lowers the limit of open files while it lives.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(int limit) {
    getrlimit(RLIMIT_NOFILE, &former_);
    const rlimit lowered{static_cast<rlim_t>(limit), former_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &lowered), 0);
  }
  ~DescriptorLimit() { setrlimit(RLIMIT_NOFILE, &former_); }
  DescriptorLimit(const DescriptorLimit&) = delete;
  DescriptorLimit& operator=(const DescriptorLimit&) = delete;

 private:
  rlimit former_;
};

// Faults 63 and 77: out of descriptors, accept waits without spinning, and goes on when there are
// some again.
TEST_P(FaultTest, WithoutDescriptorsAcceptBacksOffAndRecovers) {
  constexpr int kClients = 8;
  start({.engine = {.workers = 1}});
  io::TcpListener listener = testing::listen();
  const io::SocketAddress address = *listener.local_address();
  std::vector<int> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(connect(clients.back(), address.data(), address.size()), 0) << "the backlog takes it";
  }
  CancelSource stop;
  JoinHandle<void> server = [&] {
    // The next descriptor would be the lowest free one; none below the limit is left.
    const int next = dup(0);
    close(next);
    DescriptorLimit limit(next);
    JoinHandle<void> started = *runtime().spawn(testing::serve(listener, stop.token()));
    std::this_thread::sleep_for(milliseconds(50));
    const int64_t before = sleeps_of_all_threads();
    std::this_thread::sleep_for(milliseconds(200));
    EXPECT_LE(sleeps_of_all_threads() - before, 40) << "a busy loop";
    return started;
  }();
  for (int client : clients) {
    char byte = 'x';
    EXPECT_EQ(send(client, &byte, 1, MSG_NOSIGNAL), 1);
    EXPECT_EQ(recv(client, &byte, 1, 0), 1) << "served after all";
    close(client);
  }
  stop.cancel();
  std::move(server).join();
}

TEST_P(FaultTest, AnAcceptThatBacksOffStillObeysItsLimits) {
  start({.engine = {.workers = 1}});
  io::TcpListener listener = testing::listen();
  const io::SocketAddress address = *listener.local_address();
  const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(connect(client, address.data(), address.size()), 0);
  const auto accept = [&](io::Limit limit) -> Task<absl::Status> {
    const absl::StatusOr<io::TcpStream> stream = co_await listener.accept(limit);
    co_return stream.status();
  };
  {
    const int next = dup(0);
    close(next);
    DescriptorLimit limit(next);
    const wait::Deadline soon = wait::deadline_after(wait::Clock::now(), milliseconds(30));
    EXPECT_TRUE(absl::IsDeadlineExceeded(runtime().block_on(accept(io::Limit(soon)))));
    CancelSource source;
    // By a task: UndefinedBehaviorSanitizer needs descriptors to look at a new thread.
    const auto cancel_later = [&]() -> Task<void> {
      (void)co_await task::sleep_for(milliseconds(50));
      source.cancel();
    };
    JoinHandle<void> cancelled = *runtime().spawn(cancel_later());
    EXPECT_TRUE(absl::IsCancelled(runtime().block_on(accept(io::Limit(source.token())))));
    std::move(cancelled).join();
  }
  EXPECT_TRUE(runtime().block_on(accept(io::Limit())).ok()) << "the connection is still there";
  close(client);
}

TEST_P(FaultTest, AStartThatFailsHalfwayLeavesNothingBehind) {
  const int before = open_descriptors();
  for (int spare = 0; spare < 8; ++spare) {
    const int next = dup(0);
    close(next);
    DescriptorLimit limit(next + spare);
    const absl::StatusOr<std::unique_ptr<Runtime>> runtime =
        Runtime::create({.engine = {.workers = 8}, .backend = GetParam()});
    EXPECT_FALSE(runtime.ok());
    EXPECT_NE(runtime.status().message().find("EMFILE"), std::string::npos) << runtime.status();
  }
  EXPECT_EQ(open_descriptors(), before);
}

// Fault 64: an error that is said to pass and does not is no reason to spin.
TEST_P(FaultTest, AnAcceptThatIsForbiddenWaitsAndEndsByItsDeadline) {
  if (GetParam() != io::Backend::kEpoll) GTEST_SKIP() << "io_uring makes no system call to forbid";
  std::thread([&] {
    faults::deny_syscalls({SYS_accept4}, EPERM);
    start({.engine = {.workers = 1}});
    io::TcpListener listener = testing::listen();
    const auto accept = [&]() -> Task<absl::Status> {
      const wait::Deadline soon = wait::deadline_after(wait::Clock::now(), milliseconds(100));
      const absl::StatusOr<io::TcpStream> stream = co_await listener.accept(io::Limit(soon));
      co_return stream.status();
    };
    const int64_t before = sleeps_of_all_threads();
    EXPECT_EQ(runtime().block_on(accept()).code(), absl::StatusCode::kDeadlineExceeded);
    EXPECT_LE(sleeps_of_all_threads() - before, 40) << "a busy loop";
  }).join();
}

// Many short connections leave neither descriptors nor memory behind.
TEST_P(FaultTest, TwoThousandConnectionsLeaveNothingBehind) {
  constexpr int kRounds = 20;
  constexpr int kAtOnce = 100;
  io::TcpListener listener = testing::listen();
  const io::SocketAddress address = *listener.local_address();
  auto server = runtime().spawn(testing::serve(listener, runtime().stop_token()));
  int descriptors = 0;
  size_t memory = 0;
  const uint64_t tasks = runtime().live_tasks();
  for (int round = 0; round < kRounds; ++round) {
    std::vector<JoinHandle<std::string>> clients;
    for (int i = 0; i < kAtOnce; ++i)
      clients.push_back(*runtime().spawn(testing::request(address, std::to_string(i))));
    for (int i = 0; i < kAtOnce; ++i)
      EXPECT_EQ(std::move(clients[static_cast<size_t>(i)]).join(), std::to_string(i));
    while (runtime().live_tasks() > tasks) std::this_thread::yield();
    if (round == kRounds / 4) {  // caches are filled by then
      descriptors = open_descriptors();
      memory = mallinfo2().uordblks;
    }
  }
  EXPECT_EQ(open_descriptors(), descriptors);
  EXPECT_LE(mallinfo2().uordblks, memory + 256 * 1024);
}

// Fault 22: workers with nothing to do sleep until something happens.
TEST_P(FaultTest, AnIdleRuntimeDoesNotWakeUp) {
  const auto nothing = []() -> Task<void> { co_return; };
  runtime().block_on(nothing());
  std::this_thread::sleep_for(milliseconds(100));
  const int64_t before = sleeps_of_workers();
  EXPECT_GT(before, 0);
  std::this_thread::sleep_for(milliseconds(300));
  EXPECT_EQ(sleeps_of_workers(), before);
}

}  // namespace
}  // namespace annulet::runtime
