#include "annulet/io/internal/reactor_uring.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>

#include "absl/base/optimization.h"
#include "absl/log/check.h"
#include "annulet/io/error.h"
#include "annulet/io/internal/uring_setup.h"

namespace annulet::io::internal {
namespace {

// The kernel takes at most this many bytes in one request.
constexpr size_t kMaxTransfer = size_t{1} << 30;

unsigned transfer_size(size_t bytes) {
  return static_cast<unsigned>(std::min(bytes, kMaxTransfer));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Reactor>> UringReactor::make(const ReactorOptions& options) {
  std::unique_ptr<UringReactor> reactor(new UringReactor());
  absl::Status made = set_up_ring(reactor->ring_, options.ring_entries, /*disabled=*/true);
  if (!made.ok()) {
    reactor->ring_.ring_fd = -1;
    return made;
  }
  reactor->wake_fd_ = eventfd(0, EFD_CLOEXEC);
  if (reactor->wake_fd_ < 0) return io_error("eventfd", errno);
  return reactor;
}

UringReactor::~UringReactor() {
  if (ring_.ring_fd >= 0) io_uring_queue_exit(&ring_);
  if (wake_fd_ >= 0) close(wake_fd_);
}

absl::Status UringReactor::bind_to_thread() {
  const int enabled = io_uring_enable_rings(&ring_);
  if (enabled < 0) return io_uring_error("io_uring_register (enable)", -enabled);
  // Saves the look-up of the ring's file in each enter. Kernels before 5.18 do without, and so do
  // we.
  if (std::getenv("ANNULET_IO_URING_PLAIN_FD") == nullptr) (void)io_uring_register_ring_fd(&ring_);
  prepare_wake();
  return Reactor::bind_to_thread();
}

bool UringReactor::submit(Operation& operation) {
  if (ABSL_PREDICT_FALSE(closed_)) {
    operation.result = -ECANCELED;
    return true;
  }
  ++in_flight_;
  prepare(operation);
  return false;
}

void UringReactor::prepare(Operation& operation) {
  io_uring_sqe* sqe = next_sqe();
  switch (operation.kind) {
    case OperationKind::kReceive:
      io_uring_prep_recv(sqe, operation.fd, operation.buffer, transfer_size(operation.length), 0);
      break;
    case OperationKind::kSend:
      io_uring_prep_send(sqe, operation.fd, operation.buffer, transfer_size(operation.length),
                         MSG_NOSIGNAL);
      break;
    case OperationKind::kSendAll:
      // MSG_WAITALL lets the kernel go on after a short send; continues() does where it could not.
      io_uring_prep_send(
          sqe, operation.fd, static_cast<const char*>(operation.buffer) + operation.done,
          transfer_size(operation.length - operation.done), MSG_NOSIGNAL | MSG_WAITALL);
      break;
    case OperationKind::kAccept:
      io_uring_prep_accept(sqe, operation.fd, nullptr, nullptr, SOCK_CLOEXEC);
      break;
    case OperationKind::kConnect:
      io_uring_prep_connect(sqe, operation.fd, static_cast<const sockaddr*>(operation.buffer),
                            static_cast<socklen_t>(operation.length));
      break;
  }
  io_uring_sqe_set_data(sqe, &operation);
}

void UringReactor::cancel(Operation& operation) {
  io_uring_sqe* sqe = next_sqe();
  io_uring_prep_cancel(sqe, &operation, 0);
  io_uring_sqe_set_data64(sqe, kIgnored);
}

void UringReactor::cancel_all() {
  closed_ = true;
  // Takes the wake-up's read along; its completion arms it anew.
  io_uring_sqe* sqe = next_sqe();
  io_uring_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
  io_uring_sqe_set_data64(sqe, kIgnored);
}

void UringReactor::prepare_wake() {
  io_uring_sqe* sqe = next_sqe();
  io_uring_prep_read(sqe, wake_fd_, &wake_count_, sizeof(wake_count_), 0);
  io_uring_sqe_set_data64(sqe, kWake);
}

// Never null: a full submission queue is handed in, and completions are taken out where the kernel
// insists on it.
io_uring_sqe* UringReactor::next_sqe() {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  while (ABSL_PREDICT_FALSE(sqe == nullptr)) {
    enter(0, wait::kNever);
    harvest();
    sqe = io_uring_get_sqe(&ring_);
  }
  return sqe;
}

void UringReactor::poll() {
  enter(0, wait::kNever);
  harvest();
}

void UringReactor::park(wait::Deadline until) {
  enter(state_.begin_park() ? 1 : 0, until);
  state_.end_park();
  harvest();
}

void UringReactor::unpark() {
  if (!state_.unpark()) return;
  const uint64_t one = 1;
  // Cannot fail: the descriptor is ours, and its count stays far below the limit.
  while (write(wake_fd_, &one, sizeof(one)) < 0 && errno == EINTR) {
  }
}

// Hands in what is prepared; waits for `wait_for` completions, at most until `until`.
void UringReactor::enter(unsigned wait_for, wait::Deadline until) {
  int entered;
  if (wait_for == 0) {
    entered = io_uring_submit_and_get_events(&ring_);
  } else if (until == wait::kNever) {
    entered = io_uring_submit_and_wait(&ring_, wait_for);
  } else {
    const auto left = std::max(until - wait::Clock::now(), wait::Clock::duration::zero());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    __kernel_timespec limit{.tv_sec = seconds.count(), .tv_nsec = (left - seconds).count()};
    io_uring_cqe* first;
    entered = io_uring_submit_and_wait_timeout(&ring_, &first, wait_for, &limit, nullptr);
  }
  // A signal, a time-out, or completions that must be taken out first: the loop comes back, and the
  // ring still holds what was not handed in. Anything else means that the ring itself is broken.
  const bool harmless = entered >= 0 || entered == -EINTR || entered == -ETIME ||
                        entered == -EBUSY || entered == -EAGAIN;
  CHECK(harmless) << io_uring_error("io_uring_enter", -entered);
}

void UringReactor::harvest() {
  // Each entry is given back before it is acted on: that may need the kernel, which may need room
  // in the queue.
  while (io_uring_cq_ready(&ring_) > 0) {
    const io_uring_cqe& cqe = ring_.cq.cqes[*ring_.cq.khead & ring_.cq.ring_mask];
    const uint64_t user_data = cqe.user_data;
    const int32_t result = cqe.res;
    io_uring_cq_advance(&ring_, 1);
    take(user_data, result);
  }
}

void UringReactor::take(uint64_t user_data, int32_t result) {
  if (ABSL_PREDICT_FALSE(user_data == kIgnored)) return;
  if (ABSL_PREDICT_FALSE(user_data == kWake)) return prepare_wake();
  Operation& operation = *reinterpret_cast<Operation*>(user_data);
  if (continues(operation, result)) {
    if (!closed_) return prepare(operation);
    operation.result = -ECANCELED;
  }
  --in_flight_;
  complete(operation);
}

}  // namespace annulet::io::internal
