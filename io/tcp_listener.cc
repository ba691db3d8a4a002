#include "annulet/io/tcp_listener.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "annulet/io/error.h"
#include "annulet/task/this_task.h"
#include "annulet/task/worker_context.h"

namespace annulet::io {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstPause{10};
constexpr milliseconds kLongestPause{1000};
constexpr int kPassingErrorsInARow = 16;  // more than these are no bad luck

class [[nodiscard]] AcceptAwaiter : public internal::OperationAwaiter {
 public:
  AcceptAwaiter(const internal::Socket& socket, const Limit& limit)
      : OperationAwaiter(OperationKind::kAccept, socket, nullptr, 0, &limit) {}

  // A descriptor or a negative errno.
  int await_resume() {
    if (result < 0) error_ = failure("accept");
    return result;
  }
  absl::Status error_;
};

// What one connection suffered before it was accepted says nothing about the next (accept(2),
// "Error handling").
bool concerns_one_connection(int error) {
  switch (error) {
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EPERM:  // a firewall's word
      return true;
    default:
      return false;
  }
}

bool is_shortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

task::Task<absl::Status> sleep(wait::Deadline until) {
  co_return co_await task::sleep_until(until);
}

// Sleeps for `pause`, but not beyond what `limit` allows.
task::Task<absl::Status> sleep_within(milliseconds pause, Limit limit) {
  const wait::Deadline now = task::current_worker()->timers->now();
  const wait::Deadline until = std::min(wait::deadline_after(now, pause), limit.deadline());
  if (!limit.token().can_be_cancelled()) co_return co_await sleep(until);
  co_return co_await task::with_cancel(limit.token(), sleep(until));
}

absl::Status set_option(int fd, int level, int name, absl::string_view what) {
  const int on = 1;
  if (setsockopt(fd, level, name, &on, sizeof(on)) != 0)
    return io_error(absl::StrCat("setsockopt ", what), errno);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TcpListener> TcpListener::bind(const SocketAddress& address,
                                              const ListenOptions& options) {
  absl::StatusOr<internal::Socket> socket = internal::Socket::open(address.family());
  if (!socket.ok()) return socket.status();
  const int fd = socket->fd();
  absl::Status set = set_option(fd, SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR");
  if (set.ok() && options.reuse_port)
    set = set_option(fd, SOL_SOCKET, SO_REUSEPORT, "SO_REUSEPORT");
  if (set.ok() && address.family() == AF_INET6)
    set = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY");
  // Accepted connections inherit it, which saves a system call for each.
  if (set.ok()) set = set_option(fd, IPPROTO_TCP, TCP_NODELAY, "TCP_NODELAY");
  if (!set.ok()) return set;
  if (::bind(fd, address.data(), address.size()) != 0) {
    return io_error(absl::StrCat("bind ", address.to_string()), errno);
  }
  if (::listen(fd, options.backlog) != 0)
    return io_error(absl::StrCat("listen ", address.to_string()), errno);
  return TcpListener(*std::move(socket));
}

task::Task<absl::StatusOr<TcpStream>> TcpListener::accept(Limit limit) {
  milliseconds pause = kFirstPause;
  int passing_in_a_row = 0;
  for (;;) {
    AcceptAwaiter accepting(socket_, limit);
    const int accepted = co_await accepting;
    if (accepted >= 0) co_return TcpStream(internal::Socket(accepted));
    const bool passing = concerns_one_connection(-accepted);
    if (!passing && !is_shortage(-accepted)) co_return accepting.error_;
    if (passing && ++passing_in_a_row <= kPassingErrorsInARow) continue;
    // Not a busy loop: at most a hundred tries a second, soon one.
    absl::Status slept = co_await sleep_within(pause, limit);
    if (!slept.ok()) co_return slept;
    pause = std::min(2 * pause, kLongestPause);
  }
}

}  // namespace annulet::io
