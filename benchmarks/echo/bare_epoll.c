// The floor for an epoll backend: one thread, level-triggered epoll, one recv and one send an echo.
//
// When: as the rival of an echo server in benchmarks/echo/peers. Usage: bare_epoll [PORT].
// Cost: two system calls an echo, and one epoll_wait for each batch of ready sockets.
// Threads: one. Lifetime: SIGINT or SIGTERM ends it.
//
// A reply that does not fit into the socket's buffer is kept and the connection is read again only
// when it is sent, so that memory per connection is bounded by kBareBufferSize.
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "annulet/benchmarks/echo/bare_server.h"

enum { kMaxEvents = 512, kAcceptPauseMs = 100 };

// The part of a reply that the socket's buffer had no room for.
struct Unsent {
  size_t begin, end;
  char bytes[kBareBufferSize];
};

static int g_epoll;
static int g_listener;
static bool g_accept_paused;      // out of descriptors: the listener is not watched
static struct Unsent** g_unsent;  // by fd; null nearly always
static char g_buffer[kBareBufferSize];

static void watch(int operation, int fd, uint32_t events) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  if (epoll_ctl(g_epoll, operation, fd, &event) != 0) bare_die("epoll_ctl", errno);
}

static void resume_accept(void) {
  if (!g_accept_paused) return;
  g_accept_paused = false;
  watch(EPOLL_CTL_MOD, g_listener, EPOLLIN);
}

static void close_connection(int fd) {
  free(g_unsent[fd]);
  g_unsent[fd] = NULL;
  close(fd);  // leaves the epoll set with it
  resume_accept();
}

static void accept_one(void) {
  int fd = accept4(g_listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) {
    bare_set_no_delay(fd);
    watch(EPOLL_CTL_ADD, fd, EPOLLIN);
  } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
    // The connection stays in the backlog; watching on would only spin.
    g_accept_paused = true;
    watch(EPOLL_CTL_MOD, g_listener, 0);
  }
}

// Sends as much as fits. Returns the number of bytes sent, or -1 when the connection is lost.
static ssize_t send_some(int fd, const char* bytes, size_t size) {
  size_t sent = 0;
  while (sent < size) {
    ssize_t n = send(fd, bytes + sent, size - sent, MSG_NOSIGNAL);
    if (n < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN ? (ssize_t)sent : -1;
    }
    sent += (size_t)n;
  }
  return (ssize_t)sent;
}

static void keep_unsent(int fd, size_t sent, size_t size) {
  struct Unsent* rest = malloc(sizeof *rest);
  if (rest == NULL) {
    close_connection(fd);
    return;
  }
  rest->begin = 0;
  rest->end = size - sent;
  memcpy(rest->bytes, g_buffer + sent, rest->end);
  g_unsent[fd] = rest;
  watch(EPOLL_CTL_MOD, fd, EPOLLOUT);
}

static void send_unsent(int fd) {
  struct Unsent* rest = g_unsent[fd];
  ssize_t sent = send_some(fd, rest->bytes + rest->begin, rest->end - rest->begin);
  if (sent < 0) {
    close_connection(fd);
    return;
  }
  rest->begin += (size_t)sent;
  if (rest->begin < rest->end) return;
  free(rest);
  g_unsent[fd] = NULL;
  watch(EPOLL_CTL_MOD, fd, EPOLLIN);
}

static void echo(int fd) {
  ssize_t size = recv(fd, g_buffer, sizeof g_buffer, 0);
  if (size <= 0) {
    if (size == 0 || (errno != EAGAIN && errno != EINTR)) close_connection(fd);
    return;
  }
  ssize_t sent = send_some(fd, g_buffer, (size_t)size);
  if (sent < 0) {
    close_connection(fd);
  } else if (sent < size) {
    keep_unsent(fd, (size_t)sent, (size_t)size);
  }
}

int main(int argc, char** argv) {
  g_listener = bare_start(argc > 1 ? argv[1] : NULL, SOCK_NONBLOCK);
  g_unsent = calloc((size_t)bare_descriptor_limit(), sizeof *g_unsent);
  g_epoll = epoll_create1(EPOLL_CLOEXEC);
  if (g_unsent == NULL || g_epoll < 0) bare_die("start", errno);
  watch(EPOLL_CTL_ADD, g_listener, EPOLLIN);

  static struct epoll_event events[kMaxEvents];
  for (;;) {
    int count = epoll_wait(g_epoll, events, kMaxEvents, g_accept_paused ? kAcceptPauseMs : -1);
    if (count < 0 && errno != EINTR) bare_die("epoll_wait", errno);
    if (count == 0) resume_accept();
    for (int i = 0; i < count; ++i) {
      int fd = events[i].data.fd;
      if (fd == g_listener) {
        accept_one();
      } else if (g_unsent[fd] != NULL) {
        send_unsent(fd);
      } else {
        echo(fd);
      }
    }
  }
}
