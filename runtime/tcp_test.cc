// TCP through a whole runtime, once per backend.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "annulet/io/tcp_listener.h"
#include "annulet/io/tcp_stream.h"
#include "annulet/runtime/runtime.h"
#include "annulet/runtime/testing/echo.h"
#include "annulet/runtime/testing/on_each_backend.h"
#include "annulet/task/block_on.h"
#include "annulet/task/this_task.h"
#include "annulet/task/unobserved.h"
#include "annulet/task/when_all.h"

namespace annulet::runtime {
namespace {

using io::Limit;
using io::SocketAddress;
using io::TcpListener;
using io::TcpStream;
using std::chrono::hours;
using std::chrono::milliseconds;
using task::CancelSource;
using task::Task;

using TcpTest = testing::OnEachBackend;
ANNULET_INSTANTIATE_ON_EACH_BACKEND(TcpTest);

wait::Deadline in(milliseconds delay) { return wait::deadline_after(wait::Clock::now(), delay); }

struct Pair {
  TcpStream client;
  TcpStream server;
};

// Two ends of one connection.
Task<Pair> connected(SocketAddress address = SocketAddress::loopback_v4(0)) {
  absl::StatusOr<TcpListener> listener = TcpListener::bind(address);
  auto [client, server] =
      co_await task::when_all(TcpStream::connect(*listener->local_address()), listener->accept());
  co_return Pair{*std::move(client), *std::move(server)};
}

Task<std::string> read_to_end(TcpStream& stream) {
  std::string all;
  char buffer[1024];
  for (;;) {
    const absl::StatusOr<size_t> got = co_await stream.read(buffer);
    if (!got.ok() || *got == 0) co_return all;
    all.append(buffer, *got);
  }
}

TEST_P(TcpTest, CarriesBytesOverIPv4AndIPv6) {
  const auto talk = [](SocketAddress address) -> Task<std::string> {
    Pair pair = co_await connected(address);
    const absl::Status sent = co_await pair.client.write_all("hello");
    EXPECT_TRUE(sent.ok());
    EXPECT_TRUE(pair.client.shutdown(TcpStream::Direction::kWrite).ok());
    co_return co_await read_to_end(pair.server);
  };
  EXPECT_EQ(runtime().block_on(talk(SocketAddress::loopback_v4(0))), "hello");
  EXPECT_EQ(runtime().block_on(talk(SocketAddress::loopback_v6(0))), "hello");
}

TEST_P(TcpTest, KnowsBothAddresses) {
  const auto look = []() -> Task<bool> {
    Pair pair = co_await connected();
    co_return pair.client.local_address()->to_string() == pair.server.peer_address()->to_string() &&
        pair.server.local_address()->to_string() == pair.client.peer_address()->to_string();
  };
  EXPECT_TRUE(runtime().block_on(look()));
}

// Urgent data cuts reads short; what comes behind it is not forgotten.
TEST_P(TcpTest, ReadsOnBehindUrgentData) {
  const auto talk = []() -> Task<std::string> {
    Pair pair = co_await connected();
    EXPECT_EQ(send(pair.client.fd(), "abc", 3, 0), 3);
    EXPECT_EQ(send(pair.client.fd(), "!", 1, MSG_OOB), 1);
    EXPECT_EQ(send(pair.client.fd(), "def", 3, 0), 3);
    std::string all;
    char buffer[64];
    while (all.size() < 6) {
      const absl::StatusOr<size_t> got = co_await pair.server.read(buffer);
      if (!got.ok() || *got == 0) break;
      all.append(buffer, *got);
    }
    co_return all;
  };
  EXPECT_EQ(runtime().block_on(talk()), "abcdef");
}

TEST_P(TcpTest, AssigningAStreamClosesTheFormerOneAtOnce) {
  const auto talk = []() -> Task<size_t> {
    Pair first = co_await connected();
    Pair second = co_await connected();
    first.client = std::move(second.client);
    char buffer[16];
    const absl::StatusOr<size_t> got = co_await first.server.read(buffer);
    co_return got.value();
  };
  EXPECT_EQ(runtime().block_on(talk()), 0u);
}

// Fault 81: the reader is slow, the writer waits; nothing is lost on the way through many short
// sends.
TEST_P(TcpTest, ASlowReaderGetsEveryByteOfALargeWrite) {
  const auto talk = []() -> Task<bool> {
    Pair pair = co_await connected();
    std::string sent(8 << 20, '\0');
    for (size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 31 + i / 4096);
    const auto write = [&]() -> Task<void> {
      const absl::Status written = co_await pair.client.write_all(sent);
      EXPECT_TRUE(written.ok()) << written;
      EXPECT_TRUE(pair.client.shutdown(TcpStream::Direction::kWrite).ok());
    };
    const auto read_slowly = [&]() -> Task<std::string> {
      std::string all;
      std::vector<char> buffer(100'000);
      for (size_t round = 0;; ++round) {
        if (round % 16 == 0) (void)co_await task::sleep_for(milliseconds(1));
        const absl::StatusOr<size_t> got = co_await pair.server.read(buffer);
        if (!got.ok() || *got == 0) co_return all;
        all.append(buffer.data(), *got);
      }
    };
    auto [nothing, received] = co_await task::when_all(write(), read_slowly());
    co_return received == sent;
  };
  EXPECT_TRUE(runtime().block_on(talk()));
}

TEST_P(TcpTest, APlainWriteReportsHowMuchItTook) {
  const auto talk = []() -> Task<void> {
    Pair pair = co_await connected();
    const std::string large(64 << 20, 'x');
    const absl::StatusOr<size_t> written = co_await pair.client.write(large);
    EXPECT_TRUE(written.ok());
    EXPECT_GT(*written, 0u);
    EXPECT_LT(*written, large.size()) << "more than any socket buffer holds";
  };
  runtime().block_on(talk());
}

// Fault 83: after the peer's shutdown reads see the end, and writes still work.
TEST_P(TcpTest, AHalfClosedConnectionStillCarriesTheOtherDirection) {
  const auto talk = []() -> Task<std::string> {
    Pair pair = co_await connected();
    EXPECT_TRUE(pair.client.shutdown(TcpStream::Direction::kWrite).ok());
    char buffer[16];
    const absl::StatusOr<size_t> end = co_await pair.server.read(buffer);
    EXPECT_TRUE(end.ok());
    EXPECT_EQ(*end, 0u);
    const absl::Status sent = co_await pair.server.write_all("answer");
    EXPECT_TRUE(sent.ok());
    EXPECT_TRUE(pair.server.close().ok());
    co_return co_await read_to_end(pair.client);
  };
  EXPECT_EQ(runtime().block_on(talk()), "answer");
}

// Fault 78: a reset reaches the reader as an error, and the writer as an error and not as a signal
// (fault 72).
TEST_P(TcpTest, AResetPeerIsAnErrorAndNoSignal) {
  const auto talk = []() -> Task<void> {
    Pair pair = co_await connected();
    const linger reset{.l_onoff = 1, .l_linger = 0};
    EXPECT_EQ(setsockopt(pair.client.fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
    EXPECT_TRUE(pair.client.close().ok());
    char buffer[16];
    const absl::StatusOr<size_t> got = co_await pair.server.read(buffer);
    EXPECT_EQ(got.status().code(), absl::StatusCode::kUnavailable) << got.status();
    const absl::Status sent = co_await pair.server.write_all("x");
    EXPECT_FALSE(sent.ok());
  };
  runtime().block_on(talk());
}

TEST_P(TcpTest, ARefusedConnectionNamesAddressAndCause) {
  const auto try_it = []() -> Task<absl::Status> {
    absl::StatusOr<TcpListener> listener = TcpListener::bind(SocketAddress::loopback_v4(0));
    const SocketAddress address = *listener->local_address();
    EXPECT_TRUE(listener->close().ok());
    const absl::StatusOr<TcpStream> stream = co_await TcpStream::connect(address);
    co_return stream.status();
  };
  const absl::Status status = runtime().block_on(try_it());
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(status.message().find("ECONNREFUSED"), std::string::npos) << status;
  EXPECT_NE(status.message().find("connect 127.0.0.1:"), std::string::npos) << status;
}

// Fault 55: whatever ends a read, its buffer is in use until it returns. AddressSanitizer watches
// the heap buffer.
TEST_P(TcpTest, ADeadlineEndsAReadInFlight) {
  const auto read_by = [](TcpStream& stream, wait::Deadline deadline) -> Task<absl::Status> {
    const auto buffer = std::make_unique<char[]>(64);
    const absl::StatusOr<size_t> got =
        co_await stream.read(std::span(buffer.get(), 64), Limit(deadline));
    co_return got.status();
  };
  const auto talk = [&]() -> Task<void> {
    Pair pair = co_await connected();
    const absl::Status late = co_await read_by(pair.server, in(milliseconds(5)));
    EXPECT_EQ(late.code(), absl::StatusCode::kDeadlineExceeded) << late;
    const absl::Status past = co_await read_by(pair.server, wait::Deadline());
    EXPECT_EQ(past.code(), absl::StatusCode::kDeadlineExceeded) << past;
    // The connection is as it was.
    const absl::Status sent = co_await pair.client.write_all("x");
    EXPECT_TRUE(sent.ok());
    const absl::Status now = co_await read_by(pair.server, in(hours(1)));
    EXPECT_TRUE(now.ok()) << now;
  };
  runtime().block_on(talk());
}

TEST_P(TcpTest, ADeadlineEndsAWriteThatNobodyReads) {
  const auto talk = []() -> Task<absl::Status> {
    Pair pair = co_await connected();
    const std::string large(64 << 20, 'x');
    co_return co_await pair.client.write_all(large, Limit(in(milliseconds(20))));
  };
  EXPECT_EQ(runtime().block_on(talk()).code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_P(TcpTest, ATokenEndsAReadInFlightFromAnotherThread) {
  const auto talk = [](CancelSource& source) -> Task<absl::Status> {
    Pair pair = co_await connected();
    std::thread canceller([&] {
      std::this_thread::sleep_for(milliseconds(5));
      source.cancel();
    });
    char buffer[16];
    const absl::StatusOr<size_t> got = co_await pair.server.read(buffer, Limit(source.token()));
    canceller.join();
    const absl::StatusOr<size_t> again = co_await pair.server.read(buffer, Limit(source.token()));
    EXPECT_TRUE(absl::IsCancelled(again.status())) << "a cancelled token stays so";
    co_return got.status();
  };
  CancelSource source;
  EXPECT_EQ(runtime().block_on(talk(source)).code(), absl::StatusCode::kCancelled);
}

TEST_P(TcpTest, ATokenAndADeadlineThatMeetEndAReadOnce) {
  const auto read = [](TcpStream& stream, const CancelSource& source,
                       wait::Deadline deadline) -> Task<absl::Status> {
    char buffer[16];
    const absl::StatusOr<size_t> got =
        co_await stream.read(buffer, Limit(deadline, source.token()));
    co_return got.status();
  };
  Pair pair = runtime().block_on(connected());
  for (int round = 0; round < 200; ++round) {
    CancelSource source;
    const auto soon = wait::deadline_after(wait::Clock::now(), std::chrono::microseconds(200));
    std::thread canceller([&] {
      while (wait::Clock::now() < soon) wait::RealSync::pause();
      source.cancel();
    });
    const absl::Status status = runtime().block_on(read(pair.server, source, soon));
    EXPECT_TRUE(absl::IsCancelled(status) || absl::IsDeadlineExceeded(status)) << status;
    canceller.join();
  }
}

// Each worker's reactor knows only what it saw of the socket.
TEST_P(TcpTest, AStreamMayBeUsedOnOneWorkerAfterTheOther) {
  const auto exchange = [](Pair& pair, int round) -> Task<bool> {
    const std::string text = std::to_string(round);
    const absl::Status sent = co_await pair.client.write_all(text);
    char buffer[64];
    const absl::StatusOr<size_t> got = co_await pair.server.read(buffer);
    co_return sent.ok() && got.ok() && std::string(buffer, *got) == text;
  };
  Pair pair = runtime().block_on(connected());
  for (int round = 0; round < 100; ++round) {
    const size_t worker = static_cast<size_t>(round / 3 % 2);
    EXPECT_TRUE(std::move(*runtime().spawn_on(worker, exchange(pair, round))).join());
  }
}

TEST_P(TcpTest, ATaskRunUnderATokenNeedsNoLimits) {
  CancelSource source;
  Pair pair = runtime().block_on(connected());
  const auto wait_for_ever = [&]() -> Task<absl::Status> {
    char buffer[16];
    const absl::StatusOr<size_t> got = co_await pair.server.read(buffer);
    co_return got.status();
  };
  std::thread canceller([&] {
    std::this_thread::sleep_for(milliseconds(10));
    source.cancel();
  });
  EXPECT_TRUE(
      absl::IsCancelled(runtime().block_on(task::with_cancel(source.token(), wait_for_ever()))));
  canceller.join();
}

// Fault 57: what meets a cancel and succeeds is not lost: each byte that was sent is read in the
// end.
TEST_P(TcpTest, CancelsThatMeetArrivingDataLoseNoByte) {
  const auto talk = []() -> Task<size_t> {
    Pair pair = co_await connected();
    constexpr size_t kRounds = 300;
    size_t received = 0;
    const auto write = [&]() -> Task<void> {
      for (size_t i = 0; i < kRounds; ++i) {
        const absl::Status sent = co_await pair.client.write_all("x");
        EXPECT_TRUE(sent.ok());
        (void)co_await task::sleep_for(std::chrono::microseconds(i % 120));
      }
      EXPECT_TRUE(pair.client.shutdown(TcpStream::Direction::kWrite).ok());
    };
    const auto read = [&]() -> Task<void> {
      char buffer[16];
      for (;;) {
        const Limit limit(wait::deadline_after(wait::Clock::now(), std::chrono::microseconds(60)));
        const absl::StatusOr<size_t> got = co_await pair.server.read(buffer, limit);
        if (!got.ok()) {
          EXPECT_EQ(got.status().code(), absl::StatusCode::kDeadlineExceeded) << got.status();
          continue;
        }
        if (*got == 0) co_return;
        received += *got;
      }
    };
    co_await task::when_all(write(), read());
    co_return received;
  };
  EXPECT_EQ(runtime().block_on(talk()), 300u);
}

TEST_P(TcpTest, AnAcceptEndsByDeadlineAndByToken) {
  const auto accept = []() -> Task<void> {
    absl::StatusOr<TcpListener> listener = TcpListener::bind(SocketAddress::loopback_v4(0));
    const absl::StatusOr<TcpStream> late = co_await listener->accept(Limit(in(milliseconds(5))));
    EXPECT_EQ(late.status().code(), absl::StatusCode::kDeadlineExceeded);
    CancelSource source;
    source.cancel();
    const absl::StatusOr<TcpStream> cancelled = co_await listener->accept(Limit(source.token()));
    EXPECT_EQ(cancelled.status().code(), absl::StatusCode::kCancelled);
  };
  runtime().block_on(accept());
}

TEST_P(TcpTest, ShutdownEndsAReadOfAnotherTask) {
  const auto talk = []() -> Task<void> {
    Pair pair = co_await connected();
    const auto read = [&]() -> Task<std::string> { co_return co_await read_to_end(pair.server); };
    const auto end = [&]() -> Task<void> {
      (void)co_await task::sleep_for(milliseconds(2));
      EXPECT_TRUE(pair.server.shutdown(TcpStream::Direction::kBoth).ok());
    };
    co_await task::when_all(read(), end());
  };
  runtime().block_on(talk());
}

TEST_P(TcpTest, AClosedStreamAndOneThatNeverWasOpenAreErrors) {
  const auto try_them = []() -> Task<void> {
    Pair pair = co_await connected();
    EXPECT_TRUE(pair.client.close().ok());
    EXPECT_TRUE(pair.client.close().ok()) << "again";
    TcpStream never;
    char buffer[16];
    const absl::StatusOr<size_t> closed = co_await pair.client.read(buffer);
    const absl::Status unopened = co_await never.write_all("x");
    EXPECT_NE(closed.status().message().find("EBADF"), std::string::npos) << closed.status();
    EXPECT_NE(unopened.message().find("EBADF"), std::string::npos) << unopened;
    EXPECT_FALSE(never.shutdown(TcpStream::Direction::kBoth).ok());
  };
  runtime().block_on(try_them());
}

TEST_P(TcpTest, OneTaskAtATimeReads) {
  const auto try_two = []() -> Task<void> {
    Pair pair = co_await connected();
    const auto read = [&]() -> Task<absl::Status> {
      char buffer[16];
      const absl::StatusOr<size_t> got = co_await pair.server.read(buffer);
      co_return got.status();
    };
    const auto end = [&]() -> Task<void> {
      EXPECT_TRUE(pair.client.close().ok());
      co_return;
    };
    auto [first, second, nothing] = co_await task::when_all(read(), read(), end());
    EXPECT_TRUE(first.ok());
    EXPECT_TRUE(second.ok() || second.message().find("EBUSY") != std::string::npos) << second;
  };
  runtime().block_on(try_two());
}

TEST_P(TcpTest, TwoListenersShareAPortOnlyWhenToldTo) {
  const auto first = TcpListener::bind(SocketAddress::loopback_v4(0), {.reuse_port = true});
  ASSERT_TRUE(first.ok());
  const SocketAddress address = *first->local_address();
  EXPECT_TRUE(TcpListener::bind(address, {.reuse_port = true}).ok());
  const auto refused = TcpListener::bind(address);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.status().message().find("EADDRINUSE"), std::string::npos) << refused.status();
}

TEST_P(TcpTest, IoOutsideOfARuntimeIsRefused) {
  if (GetParam() != io::Backend::kEpoll) GTEST_SKIP() << "the same for both";
  const auto connect = []() -> Task<absl::Status> {
    const absl::StatusOr<TcpStream> stream =
        co_await TcpStream::connect(SocketAddress::loopback_v4(1));
    co_return stream.status();
  };
  EXPECT_EQ(task::block_on(connect()).code(), absl::StatusCode::kFailedPrecondition);
}

// Fault 21: the failure of one connection's task is contained.
TEST_P(TcpTest, AnExceptionInOneConnectionsTaskLeavesTheOthersAlive) {
  const task::UnobservedHandler former =
      task::set_unobserved_handler(+[](const task::UnobservedFailure&) noexcept {});
  const uint64_t failures = task::unobserved_failures();
  TcpListener listener = testing::listen();
  CancelSource stop;
  auto server = runtime().spawn(testing::serve(listener, stop.token()));
  const SocketAddress address = *listener.local_address();
  const auto talk = [&]() -> Task<void> {
    absl::StatusOr<TcpStream> old = co_await TcpStream::connect(address);
    const absl::Status first = co_await old->write_all("a");
    EXPECT_TRUE(first.ok());
    EXPECT_EQ(co_await testing::request(address, "!"), "")
        << "its task failed, so the connection ends";
    EXPECT_EQ(co_await testing::request(address, "new"), "new");
    char buffer[16];
    const absl::StatusOr<size_t> got = co_await old->read(buffer);
    EXPECT_TRUE(got.ok());
  };
  runtime().block_on(talk());
  stop.cancel();
  std::move(*server).join();
  task::set_unobserved_handler(former);
  EXPECT_EQ(task::unobserved_failures() - failures, 1u);
}

TEST_P(TcpTest, ServesManyConnectionsAtOnceFromEveryWorker) {
  constexpr int kConnections = 200;
  TcpListener listener = testing::listen();
  CancelSource stop;
  auto server = runtime().spawn(testing::serve(listener, stop.token()));
  const SocketAddress address = *listener.local_address();
  const auto client = [&](int id) -> Task<int> {
    absl::StatusOr<TcpStream> stream = co_await TcpStream::connect(address);
    if (!stream.ok()) co_return 0;
    int good = 0;
    for (int round = 0; round < 20; ++round) {
      const std::string sent = std::to_string(id) + ":" + std::to_string(round);
      const std::string answer = co_await testing::ask(*stream, sent);
      good += answer == sent ? 1 : 0;
    }
    co_return good;
  };
  std::vector<task::JoinHandle<int>> clients;
  for (int id = 0; id < kConnections; ++id) clients.push_back(*runtime().spawn(client(id)));
  for (auto& handle : clients) EXPECT_EQ(std::move(handle).join(), 20);
  stop.cancel();
  std::move(*server).join();
}

}  // namespace
}  // namespace annulet::runtime
