#include "annulet/io/internal/reactor_uring.h"

#include <poll.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "absl/log/check.h"
#include "annulet/io/error.h"
#include "annulet/io/internal/uring_setup.h"

namespace annulet::io::internal {
namespace {

// The kernel takes at most this many bytes in one request.
constexpr size_t kMaxTransfer = size_t{1} << 30;

// What is left of `operation`.
void prepare_transfer(io_uring_sqe& sqe, io_uring_op code, const Operation& operation, int flags) {
  io_uring_prep_rw(
      code, &sqe, operation.fd, static_cast<const char*>(operation.buffer) + operation.done,
      static_cast<unsigned>(std::min(operation.length - operation.done, kMaxTransfer)), 0);
  sqe.msg_flags = static_cast<unsigned>(flags);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Reactor>> UringReactor::make(const ReactorOptions& options) {
  std::unique_ptr<UringReactor> reactor(new UringReactor());
  reactor->never_block_ = std::getenv("ANNULET_IO_URING_NEVER_BLOCK") != nullptr;
  absl::Status made = set_up_ring(reactor->ring_, options.ring_entries);
  if (!made.ok()) {
    reactor->ring_.ring_fd = -1;
    return made;
  }
  absl::Status opened = reactor->wake_.open();
  if (!opened.ok()) return opened;
  return reactor;
}

UringReactor::~UringReactor() {
  if (ring_.ring_fd >= 0) io_uring_queue_exit(&ring_);
}

absl::Status UringReactor::bind_to_thread() {
  const int enabled = io_uring_enable_rings(&ring_);
  if (enabled < 0) return io_uring_error("io_uring_register (enable)", -enabled);
  // Saves the look-up of the ring's file in each enter. Kernels before 5.18 do without, and so do
  // we.
  (void)io_uring_register_ring_fd(&ring_);
  prepare_wake();
  return Reactor::bind_to_thread();
}

void UringReactor::unbind_from_thread() {
  // Registered descriptors belong to the thread, so it and not the destructor gives this one back.
  (void)io_uring_unregister_ring_fd(&ring_);  // an error says that none was registered
  Reactor::unbind_from_thread();
}

bool UringReactor::submit(Operation& operation) {
  if (ABSL_PREDICT_FALSE(closed_)) {
    operation.result = -ECANCELED;
    complete(operation);  // through the queue: a task that retries must let others run
    return false;
  }
  prepare(operation);
  return false;
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline void UringReactor::prepare(Operation& operation) {
  io_uring_sqe* sqe = next_sqe();
  switch (operation.kind) {
    [[likely]] case OperationKind::kReceive:
      prepare_transfer(*sqe, IORING_OP_RECV, operation, 0);
      break;
    [[likely]] case OperationKind::kSendAll:
      // MSG_WAITALL lets the kernel go on after a short send; continues() does where it could not.
      prepare_transfer(*sqe, IORING_OP_SEND, operation, MSG_NOSIGNAL | MSG_WAITALL);
      break;
    case OperationKind::kSend:
      prepare_transfer(*sqe, IORING_OP_SEND, operation, MSG_NOSIGNAL);
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

// Out of line: prepare() is inlined into submit() alone, where it counts.
void UringReactor::prepare_again(Operation& operation) { prepare(operation); }

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
  io_uring_prep_read(sqe, wake_.fd(), &wake_count_, sizeof(wake_count_), 0);
  io_uring_sqe_set_data64(sqe, kWake);
}

// Never null.
inline io_uring_sqe* UringReactor::next_sqe() {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  return ABSL_PREDICT_TRUE(sqe != nullptr) ? sqe : make_room();
}

// Hands a full submission queue in, and takes completions out where the kernel insists on it.
io_uring_sqe* UringReactor::make_room() {
  io_uring_sqe* sqe;
  do {
    enter(0, wait::kNever);
    harvest();
    sqe = io_uring_get_sqe(&ring_);
  } while (sqe == nullptr);
  return sqe;
}

void UringReactor::poll() {
  if (needs_enter()) enter(0, wait::kNever);
  harvest();
}

// Whether the kernel has something to hand in, or completions to make or to catch up on. Relaxed:
// one that is just being announced is seen by the next poll, or by the enter of park().
bool UringReactor::needs_enter() {
  if ((ring_.flags & IORING_SETUP_TASKRUN_FLAG) == 0) return true;  // the kernel does not say
  const unsigned flags =
      std::atomic_ref<unsigned>(*ring_.sq.kflags).load(std::memory_order_relaxed);
  return (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0 ||
         io_uring_sq_ready(&ring_) > 0;
}

void UringReactor::park(wait::Deadline until) {
  enter(wake_.begin_park() ? 1 : 0, until);
  wake_.end_park();
  harvest();
}

void UringReactor::unpark() { wake_.unpark(); }

// Hands in what is prepared; waits for `wait_for` completions, at most until `until`.
void UringReactor::enter(unsigned wait_for, wait::Deadline until) {
  int entered;
  if (wait_for == 0) {
    entered = io_uring_submit_and_get_events(&ring_);
  } else if (ABSL_PREDICT_FALSE(never_block_)) {
    entered = enter_without_blocking();
  } else if (until == wait::kNever) {
    entered = io_uring_submit_and_wait(&ring_, wait_for);
  } else {
    const timespec left = wait::time_left(wait::Clock::now(), until);
    __kernel_timespec limit{.tv_sec = left.tv_sec, .tv_nsec = left.tv_nsec};
    io_uring_cqe* first;
    entered = io_uring_submit_and_wait_timeout(&ring_, &first, wait_for, &limit, nullptr);
  }
  // A signal, a time-out, or completions that must be taken out first: the loop comes back, and the
  // ring still holds what was not handed in. Anything else means that the ring itself is broken.
  const bool harmless = entered >= 0 || entered == -EINTR || entered == -ETIME ||
                        entered == -EBUSY || entered == -EAGAIN;
  CHECK(harmless) << io_uring_error("io_uring_enter", -entered);
}

// A millisecond's sleep in place of the kernel's wait; the loop comes back.
int UringReactor::enter_without_blocking() {
  const int entered = io_uring_submit_and_get_events(&ring_);
  if (entered < 0 || io_uring_cq_ready(&ring_) > 0) return entered;
  ::poll(nullptr, 0, 1);
  return io_uring_get_events(&ring_);
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
  if (ABSL_PREDICT_FALSE(user_data == kWake)) {
    CHECK(result == sizeof(wake_count_) || result == -ECANCELED || result == -EINTR)
        << io_error("read of the wake-up's eventfd", -result);
    return prepare_wake();
  }
  Operation& operation = *reinterpret_cast<Operation*>(user_data);
  if (continues(operation, result)) {
    if (!closed_) return prepare_again(operation);
    operation.result = -ECANCELED;
  }
  complete(operation);
}

}  // namespace annulet::io::internal
