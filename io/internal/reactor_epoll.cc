#include "annulet/io/internal/reactor_epoll.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <new>
#include <utility>

#include "absl/base/optimization.h"
#include "absl/log/check.h"
#include "annulet/io/error.h"

namespace annulet::io::internal {
namespace {

constexpr int kEventsPerWait = 256;
// After so many operations that finished at once, the next ones go through the queue, so that a
// task whose sockets are always ready lets others run.
constexpr int kInlinePerTurn = 512;
constexpr uint64_t kWakeTag = UINT64_MAX;

// What is left, as much as the kernel takes in one call.
size_t transfer_size(const Operation& operation) {
  return std::min<size_t>(operation.length - operation.done, INT_MAX);
}

void set_nonblocking(int fd, bool nonblocking) {
  const int flags = fcntl(fd, F_GETFL);
  fcntl(fd, F_SETFL, nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

int32_t connect_step(Operation& operation) {
  if (!operation.started) {
    operation.started = true;
    set_nonblocking(operation.fd, true);
    if (connect(operation.fd, static_cast<const sockaddr*>(operation.buffer),
                static_cast<socklen_t>(operation.length)) == 0) {
      return 0;
    }
    // Interrupted or not: it goes on in the background, and the socket becomes writable when it is
    // over.
    return errno == EINPROGRESS || errno == EINTR ? -EAGAIN : -errno;
  }
  int error = 0;
  socklen_t size = sizeof(error);
  if (getsockopt(operation.fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return -errno;
  return -error;
}

// One try of the system call: its result, a negative errno, -EAGAIN when it would have to wait.
// libc's recv() and send() are cancellation points, which doubles what they cost in user space.
int32_t try_once(Operation& operation) {
  long result = -1;
  switch (operation.kind) {
    case OperationKind::kReceive:
      result = syscall(SYS_recvfrom, operation.fd, operation.buffer, transfer_size(operation),
                       MSG_DONTWAIT, nullptr, nullptr);
      break;
    case OperationKind::kSend:
    case OperationKind::kSendAll:
      result = syscall(SYS_sendto, operation.fd,
                       static_cast<const char*>(operation.buffer) + operation.done,
                       transfer_size(operation), MSG_DONTWAIT | MSG_NOSIGNAL, nullptr, 0);
      break;
    case OperationKind::kAccept:
      // There is no flag for one call: adopt() has made the listener non-blocking.
      result = accept4(operation.fd, nullptr, nullptr, SOCK_CLOEXEC);
      break;
    case OperationKind::kConnect:
      return connect_step(operation);
  }
  return result >= 0 ? static_cast<int32_t>(result) : -errno;
}

// epoll_wait with a deadline, to the nanosecond where the kernel can (5.11), else rounded up.
int wait_until(int epoll_fd, epoll_event* events, wait::Deadline until) {
  const timespec left = wait::time_left(wait::Clock::now(), until);
  const int count = epoll_pwait2(epoll_fd, events, kEventsPerWait, &left, nullptr);
  if (count >= 0 || (errno != ENOSYS && errno != EPERM)) return count;
  const int64_t milliseconds = left.tv_sec * int64_t{1000} + (left.tv_nsec + 999'999) / 1'000'000;
  const auto rounded = std::min<int64_t>(milliseconds, INT_MAX);
  return epoll_wait(epoll_fd, events, kEventsPerWait, static_cast<int>(rounded));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Reactor>> EpollReactor::make() {
  std::unique_ptr<EpollReactor> reactor(new EpollReactor());
  reactor->epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
  if (reactor->epoll_fd_ < 0) return io_error("epoll_create1", errno);
  absl::Status opened = reactor->wake_.open();
  if (!opened.ok()) return opened;
  // Edge-triggered: each write is an event of its own, and nobody needs to read the count.
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.u64 = kWakeTag}};
  if (epoll_ctl(reactor->epoll_fd_, EPOLL_CTL_ADD, reactor->wake_.fd(), &event) != 0) {
    return io_error("epoll_ctl", errno);
  }
  return reactor;
}

EpollReactor::~EpollReactor() {
  if (epoll_fd_ >= 0) close(epoll_fd_);
}

bool EpollReactor::submit(Operation& operation) {
  if (ABSL_PREDICT_FALSE(closed_)) {
    operation.result = -ECANCELED;
    complete(operation);  // through the queue: a task that retries must let others run
    return false;
  }
  const size_t index = static_cast<size_t>(operation.fd);
  if (ABSL_PREDICT_FALSE(index >= sockets_.size()) && !make_room_for(operation)) return true;
  Socket& socket = sockets_[index];
  if (ABSL_PREDICT_FALSE(socket.generation != operation.generation)) adopt(socket, operation);
  Direction& direction = direction_of(socket, operation);
  if (ABSL_PREDICT_FALSE(direction.waiting != nullptr)) {
    operation.result = -EBUSY;
    return true;
  }
  if (direction.ready && attempt(socket, direction, operation)) {
    if (--inline_left_ >= 0) return true;
    complete(operation);
    return false;
  }
  if (!wait_for_readiness(socket, operation)) return true;
  direction.waiting = &operation;
  return false;
}

// False: there is none, and the operation's result says why.
bool EpollReactor::make_room_for(Operation& operation) {
  if (operation.fd < 0) {
    operation.result = -EBADF;
    return false;
  }
  try {
    sockets_.resize(std::max(static_cast<size_t>(operation.fd) + 1, 2 * sockets_.size()));
  } catch (const std::bad_alloc&) {
    operation.result = -ENOMEM;
    return false;
  }
  return true;
}

// A socket that is new here. Whoever still waits for a former one of the same number waits for
// nothing.
void EpollReactor::adopt(Socket& socket, const Operation& operation) {
  abort(socket.in);
  abort(socket.out);
  socket = Socket{.generation = operation.generation};
  if (operation.kind == OperationKind::kAccept) set_nonblocking(operation.fd, true);
}

EpollReactor::Direction& EpollReactor::direction_of(Socket& socket, const Operation& operation) {
  const bool in =
      operation.kind == OperationKind::kReceive || operation.kind == OperationKind::kAccept;
  return in ? socket.in : socket.out;
}

// Tries until it is done (true) or would have to wait (false).
bool EpollReactor::attempt(Socket& socket, Direction& direction, Operation& operation) {
  int32_t result;
  do {
    result = try_once(operation);
    if (result == -EAGAIN) {
      direction.ready = false;
      return false;
    }
  } while (continues(operation, result));
  if (operation.kind == OperationKind::kReceive) {
    const bool emptied = result > 0 && static_cast<size_t>(result) < operation.length;
    direction.ready = !emptied || socket.short_read_proves_nothing;
  } else if (operation.kind == OperationKind::kConnect) {
    set_nonblocking(operation.fd, false);
  }
  return true;
}

// False: the socket cannot be waited for, and the operation's result says why.
bool EpollReactor::wait_for_readiness(Socket& socket, Operation& operation) {
  if (ABSL_PREDICT_TRUE(socket.registered)) return true;
  // What is ready already when it is added is reported as the first edge.
  epoll_event event{
      .events = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET,
      .data = {.u64 = uint64_t{socket.generation} << 32 | static_cast<uint32_t>(operation.fd)}};
  if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, operation.fd, &event) != 0) {
    operation.result = -errno;
    return false;
  }
  socket.registered = true;
  return true;
}

void EpollReactor::abort(Direction& direction) {
  if (Operation* operation = std::exchange(direction.waiting, nullptr)) {
    operation->result = -ECANCELED;
    complete(*operation);
  }
}

void EpollReactor::cancel(Operation& operation) {
  Socket& socket = sockets_[static_cast<size_t>(operation.fd)];
  Direction& direction = direction_of(socket, operation);
  if (direction.waiting == &operation) abort(direction);  // else it has finished already
}

void EpollReactor::cancel_all() {
  closed_ = true;
  for (Socket& socket : sockets_) {
    abort(socket.in);
    abort(socket.out);
  }
}

void EpollReactor::poll() { wait(wait::Deadline(), /*block=*/false); }

void EpollReactor::park(wait::Deadline until) {
  const bool may_sleep = wake_.begin_park();
  wait(until, may_sleep);
  wake_.end_park();
}

void EpollReactor::unpark() { wake_.unpark(); }

void EpollReactor::wait(wait::Deadline until, bool block) {
  epoll_event events[kEventsPerWait];
  int count;
  if (!block || until == wait::kNever) {
    count = epoll_wait(epoll_fd_, events, kEventsPerWait, block ? -1 : 0);
  } else {
    count = wait_until(epoll_fd_, events, until);
  }
  // A signal is no event; the loop comes back.
  PCHECK(count >= 0 || errno == EINTR) << "epoll_wait";
  inline_left_ = kInlinePerTurn;
  for (int i = 0; i < count; ++i) dispatch(events[i]);
}

void EpollReactor::dispatch(const epoll_event& event) {
  if (event.data.u64 == kWakeTag) return;
  const size_t index = static_cast<uint32_t>(event.data.u64);
  Socket& socket = sockets_[index];
  if (socket.generation != event.data.u64 >> 32) return;  // of a socket that was closed meanwhile
  const bool over = (event.events & (EPOLLHUP | EPOLLERR)) != 0;
  const bool finished = over || (event.events & EPOLLRDHUP) != 0;
  socket.short_read_proves_nothing |= finished || (event.events & EPOLLPRI) != 0;
  if (finished || (event.events & (EPOLLIN | EPOLLPRI)) != 0) {
    socket.in.ready = true;
    advance(socket, socket.in);
  }
  if (over || (event.events & EPOLLOUT) != 0) {
    socket.out.ready = true;
    advance(socket, socket.out);
  }
}

void EpollReactor::advance(Socket& socket, Direction& direction) {
  Operation* operation = direction.waiting;
  if (operation == nullptr || !attempt(socket, direction, *operation)) return;
  direction.waiting = nullptr;
  complete(*operation);
}

}  // namespace annulet::io::internal
