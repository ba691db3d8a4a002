// End-to-end tests: the load generator against the bare servers and against servers that misbehave,
// and the bare servers against clients that are slow, many, or gone.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "annulet/benchmarks/echo/child_process.h"
#include "annulet/benchmarks/echo/cpu_use.h"
#include "annulet/benchmarks/echo/misbehaving_server.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace annulet::bench {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kGreeting = "listening on ";

std::string program(const std::string& name) { return "benchmarks/echo/" + name; }

Finished run_load(const std::string& address, std::vector<std::string> options) {
  options.insert(options.begin(), {program("load"), "--address=" + address, "--format=line"});
  return run_command(options);
}

std::string address_of(ChildProcess& server) {
  const std::string line = server.first_line();
  EXPECT_EQ(line.substr(0, kGreeting.size()), kGreeting);
  return line.size() > kGreeting.size() ? line.substr(kGreeting.size()) : "";
}

// A connected, blocking socket whose receives give up after two seconds.
int connect_to(const std::string& address) {
  sockaddr_in target = {};
  target.sin_family = AF_INET;
  target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  target.sin_port =
      htons(static_cast<uint16_t>(std::atoi(address.substr(address.rfind(':') + 1).c_str())));
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience = {.tv_sec = 2, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&target), sizeof target), 0);
  return fd;
}

bool readable_within(int fd, int milliseconds) {
  pollfd entry = {.fd = fd, .events = POLLIN, .revents = 0};
  return poll(&entry, 1, milliseconds) == 1;
}

class BareServer : public testing::TestWithParam<const char*> {
 protected:
  static std::vector<std::string> command() { return {program(GetParam()), "0"}; }
};

TEST_P(BareServer, EchoesEveryByteOfManyConnections) {
  ChildProcess server(command());
  const std::string address = address_of(server);
  for (const char* size : {"--size=1", "--size=64", "--size=16384", "--size=100000"}) {
    const Finished load = run_load(address, {"--requests=2000", "--connections=8", size});
    EXPECT_EQ(load.status, 0) << size << ": " << load.err;
    EXPECT_THAT(load.out, HasSubstr(" requests=2000 ")) << size;
  }
}

TEST_P(BareServer, LoadReportsItsCpuTimeForEachPhase) {
  ChildProcess server(command());
  const std::string address = address_of(server);
  const Finished load = run_load(address, {"--seconds=0.1", "--warmup=0.05", "--connections=1,3",
                                           "--server-pid=" + std::to_string(server.pid())});
  EXPECT_EQ(load.status, 0) << load.err;
  EXPECT_THAT(load.out, HasSubstr("connections=1 "));
  EXPECT_THAT(load.out, HasSubstr("connections=3 "));
  EXPECT_THAT(load.out, HasSubstr(" server_ns_per_request="));
}

TEST_P(BareServer, KeepsWhatASlowReaderHasNotTakenYet) {
  ChildProcess server(command());
  const int fd = connect_to(address_of(server));
  fcntl(fd, F_SETFL, O_NONBLOCK);
  // Without reading: until the server can send no more, and then takes no more either.
  std::string sent;
  std::string chunk(60'000, '\0');
  for (;;) {
    for (size_t i = 0; i < chunk.size(); ++i)
      chunk[i] = static_cast<char>((sent.size() + i) * 2654435761U >> 24);
    const ssize_t size = send(fd, chunk.data(), chunk.size(), MSG_NOSIGNAL);
    pollfd entry = {.fd = fd, .events = POLLOUT, .revents = 0};
    if (size > 0) {
      sent.append(chunk, 0, static_cast<size_t>(size));
    } else if (errno != EAGAIN || poll(&entry, 1, 300) == 0) {
      break;
    }
  }
  EXPECT_GT(sent.size(), 200'000u);
  std::string received;
  std::string buffer(1 << 20, '\0');
  while (received.size() < sent.size() && readable_within(fd, 2000)) {
    const ssize_t size = recv(fd, buffer.data(), buffer.size(), 0);
    if (size <= 0) break;
    received.append(buffer, 0, static_cast<size_t>(size));
  }
  EXPECT_EQ(received.size(), sent.size());
  EXPECT_TRUE(received == sent);
  close(fd);
}

TEST_P(BareServer, SurvivesClientsThatVanishInTheMiddleOfAReply) {
  ChildProcess server(command());
  const std::string address = address_of(server);
  const std::string bytes(4 << 20, 'x');
  for (int i = 0; i < 20; ++i) {
    const int fd = connect_to(address);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0) {
    }
    const linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (i % 2 == 0) setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);  // RST
    close(fd);
  }
  const Finished load = run_load(address, {"--requests=1000", "--connections=4"});
  EXPECT_EQ(load.status, 0) << load.err;
}

TEST_P(BareServer, OutOfDescriptorsItNeitherSpinsNorForgetsTheBacklog) {
  std::vector<std::string> limited = {"/bin/sh", "-c", "ulimit -n 32 && exec \"$@\"", "sh"};
  const std::vector<std::string> server_command = command();
  limited.insert(limited.end(), server_command.begin(), server_command.end());
  ChildProcess server(limited);
  const std::string address = address_of(server);
  std::vector<int> sockets;
  for (int i = 0; i < 40; ++i) sockets.push_back(connect_to(address));
  ASSERT_EQ(send(sockets.back(), "x", 1, MSG_NOSIGNAL), 1);
  const auto before = read_cpu_use(server.pid());
  EXPECT_FALSE(readable_within(sockets.back(), 500));
  const auto after = read_cpu_use(server.pid());
  ASSERT_TRUE(before.ok() && after.ok());
  EXPECT_LT((*after - *before).run_ns, 50'000'000u) << "spins while it cannot accept";
  for (int i = 0; i < 20; ++i) close(sockets[static_cast<size_t>(i)]);
  EXPECT_TRUE(readable_within(sockets.back(), 2000)) << "a connection in the backlog was forgotten";
  for (size_t i = 20; i < sockets.size(); ++i) close(sockets[i]);
}

TEST_P(BareServer, EndsWithStatusZeroOnASignal) {
  for (const int signal_number : {SIGINT, SIGTERM}) {
    ChildProcess server(command());
    const int fd = connect_to(address_of(server));
    server.send_signal(signal_number);
    EXPECT_EQ(server.wait().status, 0);
    close(fd);
  }
}

INSTANTIATE_TEST_SUITE_P(All, BareServer, testing::Values("bare_epoll", "bare_uring"),
                         [](const auto& server) { return std::string(server.param); });

Finished load_against(Fault fault) {
  const MisbehavingServer server(fault);
  return run_load(server.address(), {"--requests=2000", "--connections=8", "--patience=0.5"});
}

TEST(Load, AcceptsARightEcho) {
  const Finished load = load_against(Fault::kNone);
  EXPECT_EQ(load.status, 0) << load.err;
}

TEST(Load, FailsOnOneTurnedBit) {
  const Finished load = load_against(Fault::kCorruptByte);
  EXPECT_EQ(load.status, 1);
  EXPECT_THAT(load.err, HasSubstr("byte 64 of the reply differs"));
}

TEST(Load, FailsOnAReplyThatBelongsToTheRequestBefore) {
  const Finished load = load_against(Fault::kReplayReply);
  EXPECT_EQ(load.status, 1);
  EXPECT_THAT(load.err, HasSubstr("of the reply differs"));
}

TEST(Load, FailsOnCrossedConnections) {
  const Finished load = load_against(Fault::kCrossConnections);
  EXPECT_EQ(load.status, 1);
  EXPECT_THAT(load.err, testing::AnyOf(HasSubstr("of the reply differs"),
                                       HasSubstr("more than it was sent")));
}

TEST(Load, FailsOnAByteTooMany) {
  const Finished load = load_against(Fault::kExtraByte);
  EXPECT_EQ(load.status, 1);
  EXPECT_THAT(load.err, HasSubstr("more than it was sent"));
}

TEST(Load, FailsOnAnEarlyClose) {
  const Finished load = load_against(Fault::kCloseEarly);
  EXPECT_EQ(load.status, 1);
  EXPECT_THAT(load.err, HasSubstr("the server closed the connection"));
}

TEST(Load, FailsOnAReset) {
  const Finished load = load_against(Fault::kReset);
  EXPECT_EQ(load.status, 1);
  EXPECT_THAT(load.err, HasSubstr("Connection reset by peer"));
}

TEST(Load, FailsWhenNoReplyComesAnyMore) {
  const Finished load = load_against(Fault::kSilence);
  EXPECT_EQ(load.status, 1);
  EXPECT_THAT(load.err, HasSubstr("no reply on any of 8 connections for 0.5 s"));
}

TEST(Load, FailsWhenNobodyListens) {
  std::string address;
  {
    const MisbehavingServer server(Fault::kNone);
    address = server.address();
  }
  const Finished load = run_load(address, {"--requests=10"});
  EXPECT_EQ(load.status, 1);
  EXPECT_THAT(load.err, HasSubstr("Connection refused"));
}

TEST(Load, FailsWhenTheServerProcessIsUnknown) {
  const MisbehavingServer server(Fault::kNone);
  const Finished load = run_load(server.address(), {"--requests=10", "--server-pid=99999999"});
  EXPECT_EQ(load.status, 1);
  EXPECT_THAT(load.err, HasSubstr("no process 99999999"));
}

TEST(Load, RefusesWrongFlagsWithStatusTwo) {
  for (const char* flag : {"--connections=0", "--connections=a", "--size=0", "--seconds=-1",
                           "--format=xml", "--address=nowhere"}) {
    const Finished load = run_load("127.0.0.1:1", {flag});
    EXPECT_EQ(load.status, 2) << flag;
    EXPECT_THAT(load.err, HasSubstr("want ")) << flag;
  }
}

}  // namespace
}  // namespace annulet::bench
