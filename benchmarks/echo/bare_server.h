// What both bare echo servers do before their loop: signals, descriptor limit, listening socket.
//
// When: only for bare_epoll.c and bare_uring.c, so that these two show nothing but their loop.
// Cost: start-up only. Threads: one. Lifetime: what is set here stays until the process ends.
#ifndef ANNULET_BENCHMARKS_ECHO_BARE_SERVER_H_
#define ANNULET_BENCHMARKS_ECHO_BARE_SERVER_H_

// Bytes that one recv takes at most, as in examples/echo_server.cc.
enum { kBareBufferSize = 4096 };

// Makes SIGINT and SIGTERM end the process with status 0, raises the descriptor limit, and opens a
// listening socket on 127.0.0.1:`port` ("0" or null: a free port). Prints "listening on
// 127.0.0.1:PORT" and returns the socket; on failure says why on stderr and exits with status 1.
int bare_start(const char* port, int socket_flags);

// The number of descriptors that this process may hold: every fd is below it.
int bare_descriptor_limit(void);

// Turns Nagle's delay off, so that an echo leaves at once.
void bare_set_no_delay(int fd);

// Says on stderr that `what` failed with the errno value `error`, and exits with status 1.
_Noreturn void bare_die(const char* what, int error);

#endif  // ANNULET_BENCHMARKS_ECHO_BARE_SERVER_H_
