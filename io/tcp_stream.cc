#include "annulet/io/tcp_stream.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "annulet/io/error.h"

namespace annulet::io {
namespace {

class [[nodiscard]] ConnectAwaiter : public internal::OperationAwaiter {
 public:
  ConnectAwaiter(const internal::Socket& socket, const SocketAddress& address, const Limit& limit)
      : OperationAwaiter(OperationKind::kConnect, socket, address.data(), address.size(), &limit),
        address_(address) {}

  absl::Status await_resume() const {
    if (result < 0) return failure(absl::StrCat("connect ", address_.to_string()));
    return absl::OkStatus();
  }

 private:
  const SocketAddress& address_;
};

}  // namespace

task::Task<absl::StatusOr<TcpStream>> TcpStream::connect(SocketAddress address, Limit limit) {
  absl::StatusOr<internal::Socket> socket = internal::Socket::open(address.family());
  if (!socket.ok()) co_return socket.status();
  const int on = 1;
  setsockopt(socket->fd(), IPPROTO_TCP, TCP_NODELAY, &on,
             sizeof(on));  // a hint: a failure costs only time
  const absl::Status connected = co_await ConnectAwaiter(*socket, address, limit);
  if (!connected.ok()) co_return connected;
  co_return TcpStream(*std::move(socket));
}

absl::Status TcpStream::shutdown(Direction direction) {
  const int how = direction == Direction::kRead    ? SHUT_RD
                  : direction == Direction::kWrite ? SHUT_WR
                                                   : SHUT_RDWR;
  if (::shutdown(fd(), how) != 0) return io_error("shutdown", errno);
  return absl::OkStatus();
}

}  // namespace annulet::io
