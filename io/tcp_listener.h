// A TCP socket that accepts connections.
//
//   absl::StatusOr<TcpListener> listener = TcpListener::bind(SocketAddress::loopback_v4(0));
//   absl::StatusOr<TcpStream> stream = co_await listener->accept();
//
// With reuse_port several listeners share an address and the kernel spreads connections over them:
// one per worker, so that a connection stays on the worker that accepted it. When the process runs
// out of descriptors or memory, accept() waits, longer each time up to a second, and goes on when
// there is room again; connections stay in the backlog meanwhile.
// Threads: one task at a time accepts.
// Lifetime: neither moved nor destroyed while it does.
#ifndef ANNULET_IO_TCP_LISTENER_H_
#define ANNULET_IO_TCP_LISTENER_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "annulet/io/internal/socket.h"
#include "annulet/io/limit.h"
#include "annulet/io/socket_address.h"
#include "annulet/io/tcp_stream.h"
#include "annulet/task/task.h"

namespace annulet::io {

struct ListenOptions {
  int backlog =
      4096;  // connections that may wait to be accepted; the kernel caps it at net.core.somaxconn
  bool reuse_port = false;  // several listeners on one address (SO_REUSEPORT)
};

class TcpListener {
 public:
  // Listens at once. SO_REUSEADDR is set, so that a server can be started again right after it
  // ended; an IPv6 address takes IPv6 connections only.
  static absl::StatusOr<TcpListener> bind(const SocketAddress& address,
                                          const ListenOptions& options = {});

  // The next connection. Cancelled, DeadlineExceeded, or an error that will not pass by itself.
  task::Task<absl::StatusOr<TcpStream>> accept(Limit limit = Limit());

  absl::Status close() { return socket_.close(); }
  int fd() const { return socket_.fd(); }
  // With the port that the system chose.
  absl::StatusOr<SocketAddress> local_address() const {
    return SocketAddress::of_socket(fd(), /*peer=*/false);
  }

 private:
  explicit TcpListener(internal::Socket socket) : socket_(std::move(socket)) {}

  internal::Socket socket_;
};

}  // namespace annulet::io

#endif  // ANNULET_IO_TCP_LISTENER_H_
