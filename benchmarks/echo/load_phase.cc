#include "annulet/benchmarks/echo/load_phase.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace annulet::bench {
namespace {

constexpr int kMaxEvents = 512;
constexpr int kTickMs = 100;
constexpr uint64_t kProgressNs = 200'000'000;
constexpr size_t kReceiveSize = 64 * 1024;

// A request is a window of one block of random bytes: connection i's windows begin kWindowStride
// further on than those of i - 1 and move by one byte a request, kWindowShifts times, then again.
// No two connections ever send the same window, and usual ones (64 B) do not even overlap.
constexpr size_t kPatternSpan = size_t{1} << 20;
constexpr size_t kWindowStride = 131;
constexpr uint64_t kWindowShifts = 16;

uint64_t now_ns() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

uint64_t to_ns(double seconds) { return static_cast<uint64_t>(seconds * 1e9); }

std::vector<char> random_block(size_t size) {
  std::mt19937_64 random(20);
  std::vector<char> block(size);
  for (char& byte : block) byte = static_cast<char>(random());
  return block;
}

struct Connection {
  int fd = -1;
  size_t sent = 0;      // bytes of the request under way
  size_t received = 0;  // bytes of its reply
  uint64_t number = 0;  // of the request, for its window
  uint64_t start_ns = 0;
  bool waiting = false;  // a request is under way
};

class Phase {
 public:
  Phase(const ServerAddress& server, const PhaseOptions& options)
      : server_(server),
        options_(options),
        pattern_(random_block(kPatternSpan + options.size)),
        connections_(static_cast<size_t>(options.connections)) {}
  ~Phase() {
    for (const Connection& connection : connections_) {
      if (connection.fd >= 0) close(connection.fd);
    }
    if (epoll_ >= 0) close(epoll_);
  }
  Phase(const Phase&) = delete;
  Phase& operator=(const Phase&) = delete;

  absl::Status run(const std::function<void(const Progress&)>& on_progress);
  PhaseResult take_result() { return std::move(result_); }

 private:
  enum class Stage { kWarmup, kMeasure, kDrain };

  absl::Status connect_all();
  absl::Status connect_one(size_t index);
  absl::Status advance(uint64_t now);  // to the next stage when it is time
  absl::Status begin_measuring(uint64_t now);
  absl::Status end_measuring(uint64_t now);
  absl::Status start_request(size_t index, uint64_t now);
  absl::Status send_rest(size_t index);
  absl::Status receive(size_t index, bool to_the_end);
  absl::Status check_reply(size_t index, const char* bytes, size_t size);
  absl::Status failure(size_t index, std::string_view what) const;
  absl::Status failure(size_t index, std::string_view what, int error) const;

  const char* window(size_t index) const {
    const uint64_t shift = connections_[index].number % kWindowShifts;
    return pattern_.data() + (index * kWindowStride + shift) % kPatternSpan;
  }
  bool by_count() const { return options_.requests > 0; }
  bool may_start() const {
    return by_count() ? started_ < options_.requests : stage_ != Stage::kDrain;
  }

  const ServerAddress& server_;
  const PhaseOptions& options_;
  const std::vector<char> pattern_;
  std::vector<Connection> connections_;
  int epoll_ = -1;
  Stage stage_ = Stage::kWarmup;
  uint64_t begin_ns_ = 0;    // of the first request
  uint64_t measure_ns_ = 0;  // when measuring began
  uint64_t last_reply_ns_ = 0;
  uint64_t started_ = 0;
  uint64_t answered_ = 0;  // warm-up included
  size_t under_way_ = 0;
  CpuUse server_before_;
  CpuUse own_before_;
  PhaseResult result_;
  std::array<char, kReceiveSize> buffer_;
};

absl::Status Phase::failure(size_t index, std::string_view what) const {
  const Connection& connection = connections_[index];
  return absl::DataLossError(absl::StrCat(
      "connection ", index + 1, " of ", connections_.size(), ", request ", connection.number + 1,
      ": ", what, " (", connection.received, " of ", options_.size, " bytes had come back)"));
}

absl::Status Phase::failure(size_t index, std::string_view what, int error) const {
  return failure(index, absl::StrCat(what, ": ", std::strerror(error)));
}

absl::Status Phase::connect_one(size_t index) {
  Connection& connection = connections_[index];
  connection.fd = socket(server_.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connection.fd < 0) return absl::ErrnoToStatus(errno, "socket");
  // A blocking connect is bounded by the send timeout (socket(7)).
  const timeval patience = {.tv_sec = static_cast<time_t>(options_.patience_s) + 1, .tv_usec = 0};
  setsockopt(connection.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  int result;
  do {
    result =
        connect(connection.fd, reinterpret_cast<const sockaddr*>(&server_.storage), server_.length);
  } while (result != 0 && errno == EINTR);
  if (result != 0) {
    const int error = errno == EINPROGRESS ? ETIMEDOUT : errno;
    return absl::ErrnoToStatus(
        error, absl::StrCat("connect, connection ", index + 1, " of ", connections_.size()));
  }
  const int one = 1;
  setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  fcntl(connection.fd, F_SETFL, fcntl(connection.fd, F_GETFL) | O_NONBLOCK);
  // Edge-triggered: each round trip costs one recv and one send, and no epoll_ctl.
  epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.u64 = index}};
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event) != 0) {
    return absl::ErrnoToStatus(errno, "epoll_ctl");
  }
  return absl::OkStatus();
}

absl::Status Phase::connect_all() {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return absl::ErrnoToStatus(errno, "epoll_create1");
  for (size_t i = 0; i < connections_.size(); ++i) {
    if (absl::Status status = connect_one(i); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Phase::begin_measuring(uint64_t now) {
  stage_ = Stage::kMeasure;
  measure_ns_ = now;
  result_.latency_ns.reset();
  if (options_.server_pid != 0) {
    const absl::StatusOr<CpuUse> use = read_cpu_use(options_.server_pid);
    if (!use.ok()) return use.status();
    server_before_ = *use;
  }
  const absl::StatusOr<CpuUse> own = read_cpu_use(0);
  if (own.ok()) own_before_ = *own;
  return absl::OkStatus();
}

absl::Status Phase::end_measuring(uint64_t now) {
  stage_ = Stage::kDrain;
  result_.connections = options_.connections;
  result_.requests = result_.latency_ns.count();
  result_.seconds = static_cast<double>(now - measure_ns_) / 1e9;
  if (options_.server_pid != 0) {
    const absl::StatusOr<CpuUse> use = read_cpu_use(options_.server_pid);
    if (!use.ok()) return use.status();
    result_.server = *use - server_before_;
  }
  const absl::StatusOr<CpuUse> own = read_cpu_use(0);
  if (own.ok()) result_.own = *own - own_before_;
  return absl::OkStatus();
}

absl::Status Phase::advance(uint64_t now) {
  if (under_way_ > 0 && now - last_reply_ns_ > to_ns(options_.patience_s)) {
    return absl::DeadlineExceededError(absl::StrCat("no reply on any of ", connections_.size(),
                                                    " connections for ", options_.patience_s,
                                                    " s"));
  }
  if (by_count()) return absl::OkStatus();
  if (stage_ == Stage::kWarmup && now - begin_ns_ >= to_ns(options_.warmup_s)) {
    return begin_measuring(now);
  }
  if (stage_ == Stage::kMeasure && now - measure_ns_ >= to_ns(options_.seconds)) {
    return end_measuring(now);
  }
  return absl::OkStatus();
}

absl::Status Phase::start_request(size_t index, uint64_t now) {
  Connection& connection = connections_[index];
  connection.sent = connection.received = 0;
  connection.start_ns = now;
  if (!connection.waiting) ++under_way_;
  connection.waiting = true;
  ++started_;
  return send_rest(index);
}

absl::Status Phase::send_rest(size_t index) {
  Connection& connection = connections_[index];
  while (connection.waiting && connection.sent < options_.size) {
    const ssize_t size = send(connection.fd, window(index) + connection.sent,
                              options_.size - connection.sent, MSG_NOSIGNAL);
    if (size >= 0) {
      connection.sent += static_cast<size_t>(size);
    } else if (errno == EAGAIN) {
      return absl::OkStatus();  // an edge (EPOLLOUT) will tell
    } else if (errno != EINTR) {
      return failure(index, "send", errno);
    }
  }
  return absl::OkStatus();
}

absl::Status Phase::check_reply(size_t index, const char* bytes, size_t size) {
  Connection& connection = connections_[index];
  const size_t expected = connection.waiting ? connection.sent - connection.received : 0;
  if (size > expected) return failure(index, "the server sent more than it was sent");
  const char* want = window(index) + connection.received;
  if (std::memcmp(bytes, want, size) != 0) {
    const auto wrong = static_cast<size_t>(std::mismatch(bytes, bytes + size, want).first - bytes);
    return failure(index,
                   absl::StrCat("byte ", connection.received + wrong + 1, " of the reply differs"));
  }
  connection.received += size;
  return absl::OkStatus();
}

// `to_the_end`: until the socket has no more, not only until a recv falls short.
absl::Status Phase::receive(size_t index, bool to_the_end) {
  Connection& connection = connections_[index];
  for (;;) {
    const ssize_t size = recv(connection.fd, buffer_.data(), buffer_.size(), 0);
    if (size < 0) {
      if (errno == EAGAIN) return absl::OkStatus();
      if (errno == EINTR) continue;
      return failure(index, "recv", errno);
    }
    if (size == 0) return failure(index, "the server closed the connection");
    const auto length = static_cast<size_t>(size);
    if (absl::Status status = check_reply(index, buffer_.data(), length); !status.ok())
      return status;
    if (connection.received == options_.size) {
      const uint64_t now = now_ns();
      last_reply_ns_ = now;
      ++answered_;
      if (stage_ == Stage::kMeasure) result_.latency_ns.record(now - connection.start_ns);
      connection.waiting = false;
      --under_way_;
      ++connection.number;
      if (!may_start()) return absl::OkStatus();
      if (absl::Status status = start_request(index, now); !status.ok()) return status;
    }
    // What comes after a short recv raises an edge, except an end that had come with it.
    if (length < buffer_.size() && !to_the_end) return absl::OkStatus();
  }
}

absl::Status Phase::run(const std::function<void(const Progress&)>& on_progress) {
  if (absl::Status status = connect_all(); !status.ok()) return status;
  begin_ns_ = last_reply_ns_ = now_ns();
  if (by_count()) {
    if (absl::Status status = begin_measuring(begin_ns_); !status.ok()) return status;
  }
  for (size_t i = 0; i < connections_.size() && may_start(); ++i) {
    if (absl::Status status = start_request(i, now_ns()); !status.ok()) return status;
  }
  uint64_t next_progress_ns = begin_ns_ + kProgressNs;
  std::vector<epoll_event> events(kMaxEvents);
  while (under_way_ > 0) {
    const int count = epoll_wait(epoll_, events.data(), kMaxEvents, kTickMs);
    if (count < 0 && errno != EINTR) return absl::ErrnoToStatus(errno, "epoll_wait");
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<size_t>(i)];
      const auto index = static_cast<size_t>(event.data.u64);
      const bool ending = (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
      if (absl::Status status = send_rest(index); !status.ok()) return status;
      if (absl::Status status = receive(index, ending); !status.ok()) return status;
    }
    const uint64_t now = now_ns();
    if (absl::Status status = advance(now); !status.ok()) return status;
    if (on_progress && now >= next_progress_ns) {
      next_progress_ns = now + kProgressNs;
      on_progress({.connections = options_.connections,
                   .requests = answered_,
                   .elapsed_s = static_cast<double>(now - begin_ns_) / 1e9,
                   .expected_s = by_count() ? 0 : options_.warmup_s + options_.seconds});
    }
  }
  return by_count() ? end_measuring(now_ns()) : absl::OkStatus();
}

}  // namespace

absl::StatusOr<PhaseResult> run_phase(const ServerAddress& server, const PhaseOptions& options,
                                      const std::function<void(const Progress&)>& on_progress) {
  Phase phase(server, options);
  if (absl::Status status = phase.run(on_progress); !status.ok()) return status;
  return phase.take_result();
}

}  // namespace annulet::bench
