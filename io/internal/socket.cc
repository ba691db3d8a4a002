#include "annulet/io/internal/socket.h"

#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "annulet/io/error.h"

namespace annulet::io::internal {
namespace {

// Relaxed: only that numbers differ matters. One addition per connection on a shared line is
// nothing beside what the kernel does to open one.
std::atomic<uint32_t> g_generation{0};

}  // namespace

Socket::Socket(int fd)
    : fd_(fd), generation_(g_generation.fetch_add(1, std::memory_order_relaxed) + 1) {}

absl::StatusOr<Socket> Socket::open(int family) {
  const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return io_error("socket", errno);
  return Socket(fd);
}

absl::Status Socket::close() {
  if (fd_ < 0) return absl::OkStatus();
  // Linux frees the descriptor whatever close() returns, EINTR included.
  if (::close(std::exchange(fd_, -1)) != 0 && errno != EINTR) return io_error("close", errno);
  return absl::OkStatus();
}

}  // namespace annulet::io::internal
