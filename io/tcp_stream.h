// A TCP connection that tasks read and write.
//
//   absl::StatusOr<TcpStream> stream = co_await TcpStream::connect(address);
//   absl::Status sent = co_await stream->write_all("ping");
//   absl::StatusOr<size_t> got = co_await stream->read(buffer);      // 0: the peer has finished
//
// An operation waits without blocking the thread; its buffer stays in use until its co_await
// returns, whatever ends it. TCP_NODELAY is set: batch small writes yourself.
// Cost: an operation without a Limit allocates nothing, and with io_uring makes no system call of
// its own.
// Threads: one task at a time reads and one writes; they may be different ones on the same worker.
// Lifetime: neither moved nor destroyed while an operation is in flight; call shutdown() to make
// those of other tasks end first.
// Errors: Unavailable (reset, refused), FailedPrecondition (not connected), Cancelled,
// DeadlineExceeded; each names the call, the errno and its likely cause. A peer that is gone never
// raises SIGPIPE.
#ifndef ANNULET_IO_TCP_STREAM_H_
#define ANNULET_IO_TCP_STREAM_H_

#include <cstddef>
#include <span>
#include <utility>

#include "absl/base/attributes.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "annulet/io/internal/operation_awaiter.h"
#include "annulet/io/internal/socket.h"
#include "annulet/io/limit.h"
#include "annulet/io/socket_address.h"
#include "annulet/task/task.h"

namespace annulet::io {

class [[nodiscard]] ReadAwaiter : public internal::OperationAwaiter {
 public:
  ReadAwaiter(const internal::Socket& socket, std::span<char> into, const Limit* limit)
      : OperationAwaiter(OperationKind::kReceive, socket, into.data(), into.size(), limit) {}

  absl::StatusOr<size_t> await_resume() const {
    if (result < 0) return failure("read");
    return static_cast<size_t>(result);
  }
};

class [[nodiscard]] WriteAwaiter : public internal::OperationAwaiter {
 public:
  WriteAwaiter(const internal::Socket& socket, absl::string_view data, const Limit* limit)
      : OperationAwaiter(OperationKind::kSend, socket, data.data(), data.size(), limit) {}

  absl::StatusOr<size_t> await_resume() const {
    if (result < 0) return failure("write");
    return static_cast<size_t>(result);
  }
};

class [[nodiscard]] WriteAllAwaiter : public internal::OperationAwaiter {
 public:
  WriteAllAwaiter(const internal::Socket& socket, absl::string_view data, const Limit* limit)
      : OperationAwaiter(OperationKind::kSendAll, socket, data.data(), data.size(), limit) {}

  absl::Status await_resume() const {
    if (result < 0) return failure("write_all");
    return absl::OkStatus();
  }
};

class TcpStream {
 public:
  enum class Direction { kRead, kWrite, kBoth };

  TcpStream() {}  // not connected
  explicit TcpStream(internal::Socket socket) : socket_(std::move(socket)) {}

  static task::Task<absl::StatusOr<TcpStream>> connect(SocketAddress address,
                                                       Limit limit = Limit());

  // Up to buffer.size() bytes, which is not 0, as soon as there are any. 0: the peer has shut down
  // its side.
  ReadAwaiter read(std::span<char> buffer) { return ReadAwaiter(socket_, buffer, nullptr); }
  ReadAwaiter read(std::span<char> buffer, const Limit& limit ABSL_ATTRIBUTE_LIFETIME_BOUND) {
    return ReadAwaiter(socket_, buffer, &limit);
  }

  // Up to data.size() bytes, as soon as there is room for any. How many, at least 1 unless `data`
  // is empty.
  WriteAwaiter write(absl::string_view data) { return WriteAwaiter(socket_, data, nullptr); }
  WriteAwaiter write(absl::string_view data, const Limit& limit ABSL_ATTRIBUTE_LIFETIME_BOUND) {
    return WriteAwaiter(socket_, data, &limit);
  }

  // All of `data`. After an error an unknown part of it has been sent.
  WriteAllAwaiter write_all(absl::string_view data) {
    return WriteAllAwaiter(socket_, data, nullptr);
  }
  WriteAllAwaiter write_all(absl::string_view data,
                            const Limit& limit ABSL_ATTRIBUTE_LIFETIME_BOUND) {
    return WriteAllAwaiter(socket_, data, &limit);
  }

  // Ends one or both directions: the peer reads to the end, then 0; waiting operations of this side
  // return.
  absl::Status shutdown(Direction direction);

  // Gives the descriptor back, as the destructor does. What was written is still sent.
  absl::Status close() { return socket_.close(); }

  bool is_open() const { return socket_.fd() >= 0; }
  int fd() const { return socket_.fd(); }
  absl::StatusOr<SocketAddress> local_address() const {
    return SocketAddress::of_socket(fd(), /*peer=*/false);
  }
  absl::StatusOr<SocketAddress> peer_address() const {
    return SocketAddress::of_socket(fd(), /*peer=*/true);
  }

 private:
  internal::Socket socket_;
};

}  // namespace annulet::io

#endif  // ANNULET_IO_TCP_STREAM_H_
