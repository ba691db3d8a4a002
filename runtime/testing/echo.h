// For tests: an echo service on the tasks of a runtime, and a client of it.
#ifndef ANNULET_RUNTIME_TESTING_ECHO_H_
#define ANNULET_RUNTIME_TESTING_ECHO_H_

#include <stdexcept>
#include <string>
#include <utility>

#include "absl/log/check.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "annulet/io/limit.h"
#include "annulet/io/socket_address.h"
#include "annulet/io/tcp_listener.h"
#include "annulet/io/tcp_stream.h"
#include "annulet/task/cancel.h"
#include "annulet/task/spawn.h"
#include "annulet/task/task.h"

namespace annulet::runtime::testing {

// Sends back what comes; a message that begins with '!' makes the task fail.
inline task::Task<void> echo(io::TcpStream stream) {
  char buffer[256];
  for (;;) {
    const absl::StatusOr<size_t> got = co_await stream.read(buffer);
    if (!got.ok() || *got == 0) co_return;
    if (buffer[0] == '!') throw std::runtime_error("a bad request");
    const absl::Status sent = co_await stream.write_all({buffer, *got});
    if (!sent.ok()) co_return;
  }
}

// Accepts until `stop`, an echo task for each connection.
inline task::Task<void> serve(io::TcpListener& listener, task::CancelToken stop) {
  for (;;) {
    absl::StatusOr<io::TcpStream> stream = co_await listener.accept(io::Limit(stop));
    if (!stream.ok()) co_return;
    const absl::Status spawned = task::spawn_here_detached(echo(*std::move(stream)));
    if (!spawned.ok()) co_return;
  }
}

// Sends `text` over `stream`; what came back, or the failure in words.
inline task::Task<std::string> ask(io::TcpStream& stream, std::string text) {
  const absl::Status sent = co_await stream.write_all(text);
  if (!sent.ok()) co_return sent.ToString();
  std::string answer;
  char buffer[256];
  while (answer.size() < text.size()) {
    const absl::StatusOr<size_t> got = co_await stream.read(buffer);
    if (!got.ok()) co_return got.status().ToString();
    if (*got == 0) co_return answer;
    answer.append(buffer, *got);
  }
  co_return answer;
}

// The same over a connection of its own.
inline task::Task<std::string> request(io::SocketAddress address, std::string text) {
  absl::StatusOr<io::TcpStream> stream = co_await io::TcpStream::connect(address);
  if (!stream.ok()) co_return stream.status().ToString();
  co_return co_await ask(*stream, std::move(text));
}

// A listener on a free port of the loopback interface.
inline io::TcpListener listen() {
  absl::StatusOr<io::TcpListener> listener =
      io::TcpListener::bind(io::SocketAddress::loopback_v4(0));
  CHECK_OK(listener.status());
  return *std::move(listener);
}

}  // namespace annulet::runtime::testing

#endif  // ANNULET_RUNTIME_TESTING_ECHO_H_
