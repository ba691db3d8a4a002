#define _GNU_SOURCE
#include "annulet/benchmarks/echo/bare_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

// Nothing needs draining here, so the handler may end the process itself: no flag, no race with the
// wait, and no cost in the loop. _exit still lets valgrind write its report.
static void end_process(int signal_number) {
  (void)signal_number;
  _exit(0);
}

static int parse_port(const char* text) {
  if (text == NULL) return 0;
  char* end = NULL;
  long port = strtol(text, &end, 10);
  if (end == text || *end != '\0' || port < 0 || port > 65535) bare_die("port", EINVAL);
  return (int)port;
}

_Noreturn void bare_die(const char* what, int error) {
  fprintf(stderr, "%s: %s\n", what, strerror(error));
  exit(1);
}

int bare_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) bare_die("getrlimit", errno);
  return (int)limit.rlim_cur;
}

void bare_set_no_delay(int fd) {
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

int bare_start(const char* port, int socket_flags) {
  struct sigaction action = {.sa_handler = end_process};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);

  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    const rlim_t enough = 1 << 20;
    limit.rlim_cur = limit.rlim_max < enough ? limit.rlim_max : enough;
    setrlimit(RLIMIT_NOFILE, &limit);
  }

  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)parse_port(port))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  int one = 1;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | socket_flags, 0);
  if (fd < 0) bare_die("socket", errno);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, (struct sockaddr*)&address, length) != 0) bare_die("bind", errno);
  if (listen(fd, SOMAXCONN) != 0) bare_die("listen", errno);
  if (getsockname(fd, (struct sockaddr*)&address, &length) != 0) bare_die("getsockname", errno);
  printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}
