#include "annulet/io/internal/wake_event.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "annulet/io/error.h"

namespace annulet::io::internal {

WakeEvent::~WakeEvent() {
  if (fd_ >= 0) close(fd_);
}

absl::Status WakeEvent::open() {
  fd_ = eventfd(0, EFD_CLOEXEC);
  return fd_ >= 0 ? absl::OkStatus() : io_error("eventfd", errno);
}

void WakeEvent::unpark() {
  if (!ParkState::unpark()) return;
  const uint64_t one = 1;
  // Cannot fail or block: the descriptor is ours, and its count stays far below its limit of 2^64.
  while (write(fd_, &one, sizeof(one)) < 0 && errno == EINTR) {
  }
}

}  // namespace annulet::io::internal
