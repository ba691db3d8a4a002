// The floor for an io_uring backend: one thread, one ring, a buffer for each connection.
//
// When: as the rival of an echo server in benchmarks/echo/peers. Usage: bare_uring [PORT].
// Cost: no system call an echo; one io_uring_enter submits and harvests a batch of them.
// Threads: one. Lifetime: SIGINT or SIGTERM ends it.
//
// A reply and the connection's next recv are submitted together, linked, and the send leaves no
// completion when it succeeds. This is right for partial sends too: MSG_WAITALL makes the kernel go
// on until all is sent, the linked recv starts only after that, and a send that falls short counts
// as failed. Then the send alone completes and the recv is dropped without a completion. So each
// pair completes exactly once, either way, and a connection is closed with nothing in flight.
#define _GNU_SOURCE
#include <errno.h>
#include <liburing.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "annulet/benchmarks/echo/bare_server.h"

enum { kSubmissions = 1024, kCompletions = 8192, kAcceptPauseMs = 100 };

// What a completion is about: the low 32 bits of user_data are the connection's fd.
enum Operation { kAccept, kAcceptPause, kReceive, kSend };

static struct io_uring g_ring;
static int g_listener;
static char** g_buffers;  // by fd; one lives from accept to close

static uint64_t tag(enum Operation operation, int fd) {
  return (uint64_t)operation << 32 | (uint32_t)fd;
}

// Makes room for `count` entries: a link must not be cut in two by a submission.
static void reserve(unsigned count) {
  while (io_uring_sq_space_left(&g_ring) < count) {
    int result = io_uring_submit(&g_ring);
    if (result < 0 && result != -EINTR && result != -EAGAIN && result != -EBUSY) {
      bare_die("io_uring_submit", -result);
    }
  }
}

static void start_accept(void) {
  reserve(1);
  struct io_uring_sqe* entry = io_uring_get_sqe(&g_ring);
  io_uring_prep_multishot_accept(entry, g_listener, NULL, NULL, SOCK_CLOEXEC);
  io_uring_sqe_set_data64(entry, tag(kAccept, g_listener));
}

static void pause_accept(void) {
  static struct __kernel_timespec delay = {.tv_nsec = kAcceptPauseMs * 1000000LL};
  reserve(1);
  struct io_uring_sqe* entry = io_uring_get_sqe(&g_ring);
  io_uring_prep_timeout(entry, &delay, 0, 0);
  io_uring_sqe_set_data64(entry, tag(kAcceptPause, g_listener));
}

static void start_receive(int fd) {
  reserve(1);
  struct io_uring_sqe* entry = io_uring_get_sqe(&g_ring);
  io_uring_prep_recv(entry, fd, g_buffers[fd], kBareBufferSize, 0);
  io_uring_sqe_set_data64(entry, tag(kReceive, fd));
}

static void send_then_receive(int fd, size_t size) {
  reserve(2);
  struct io_uring_sqe* entry = io_uring_get_sqe(&g_ring);
  io_uring_prep_send(entry, fd, g_buffers[fd], size, MSG_NOSIGNAL | MSG_WAITALL);
  io_uring_sqe_set_flags(entry, IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS);
  io_uring_sqe_set_data64(entry, tag(kSend, fd));
  start_receive(fd);
}

static void close_connection(int fd) {
  free(g_buffers[fd]);
  g_buffers[fd] = NULL;
  close(fd);
}

static void on_accept(int result, unsigned flags) {
  if (result >= 0) {
    bare_set_no_delay(result);
    g_buffers[result] = malloc(kBareBufferSize);
    if (g_buffers[result] == NULL) {
      close(result);
    } else {
      start_receive(result);
    }
  }
  if ((flags & IORING_CQE_F_MORE) != 0) return;
  if (result >= 0 || result == -ECONNABORTED || result == -EINTR) {
    start_accept();
  } else if (result == -EINVAL) {
    bare_die("multishot accept (Linux 5.19 or later is needed)", EINVAL);
  } else {
    pause_accept();  // out of descriptors, as a rule: the connection stays in the backlog
  }
}

static void on_completion(const struct io_uring_cqe* completion) {
  int fd = (int)(uint32_t)completion->user_data;
  switch ((enum Operation)(completion->user_data >> 32)) {
    case kAccept:
      on_accept(completion->res, completion->flags);
      break;
    case kAcceptPause:
      start_accept();
      break;
    case kReceive:
      if (completion->res > 0) {
        send_then_receive(fd, (size_t)completion->res);
      } else if (completion->res == -EINTR || completion->res == -EAGAIN) {
        start_receive(fd);
      } else {
        close_connection(fd);
      }
      break;
    case kSend:  // only a failed one completes
      close_connection(fd);
      break;
  }
}

// The cheapest ring that this kernel knows: deferred task work since 6.1, cooperative since 5.19.
static void open_ring(void) {
  const unsigned steps[] = {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
                            IORING_SETUP_COOP_TASKRUN, 0};
  int result = -EINVAL;
  for (size_t i = 0; i < sizeof steps / sizeof *steps && result == -EINVAL; ++i) {
    struct io_uring_params params = {.flags = steps[i] | IORING_SETUP_CQSIZE,
                                     .cq_entries = kCompletions};
    result = io_uring_queue_init_params(kSubmissions, &g_ring, &params);
  }
  if (result < 0) bare_die("io_uring_setup", -result);
  io_uring_register_ring_fd(&g_ring);  // saves a little; does without when refused
}

int main(int argc, char** argv) {
  open_ring();  // first, so that a server that cannot work never says it is listening
  g_listener = bare_start(argc > 1 ? argv[1] : NULL, 0);
  g_buffers = calloc((size_t)bare_descriptor_limit(), sizeof *g_buffers);
  if (g_buffers == NULL) bare_die("start", errno);
  start_accept();
  for (;;) {
    int result = io_uring_submit_and_wait(&g_ring, 1);
    if (result < 0 && result != -EINTR && result != -EAGAIN && result != -EBUSY) {
      bare_die("io_uring_enter", -result);
    }
    struct io_uring_cqe* completion;
    unsigned head;
    unsigned count = 0;
    io_uring_for_each_cqe(&g_ring, head, completion) {
      on_completion(completion);
      ++count;
    }
    io_uring_cq_advance(&g_ring, count);
  }
}
