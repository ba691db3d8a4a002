// An open socket: the file descriptor, closed with the object, and a number that no other socket of
// the process had.
#ifndef ANNULET_IO_INTERNAL_SOCKET_H_
#define ANNULET_IO_INTERNAL_SOCKET_H_

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace annulet::io::internal {

class Socket {
 public:
  Socket() {}
  explicit Socket(int fd);  // takes it over
  Socket(Socket&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), generation_(other.generation_) {}
  Socket& operator=(Socket&& other) noexcept {
    Socket former(std::move(*this));  // closed at once, not when `other` goes
    std::swap(fd_, other.fd_);
    std::swap(generation_, other.generation_);
    return *this;
  }
  ~Socket() { (void)close(); }

  // A stream socket of an address family, in blocking mode, closed on exec.
  static absl::StatusOr<Socket> open(int family);

  int fd() const { return fd_; }
  uint32_t generation() const { return generation_; }

  // What the kernel had to say at last; the descriptor is gone in any case. Ok when closed before.
  absl::Status close();

 private:
  int fd_ = -1;
  uint32_t generation_ = 0;
};

}  // namespace annulet::io::internal

#endif  // ANNULET_IO_INTERNAL_SOCKET_H_
