// Sends the first line of a file over TCP to itself and prints what arrives:
//
//   bazel run //:main -- /etc/hostname
//
// The project's own io/file.h and the library's io module meet in this file without a clash.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "annulet/io/tcp_listener.h"
#include "annulet/io/tcp_stream.h"
#include "annulet/runtime/runtime.h"
#include "annulet/task/task.h"
#include "io/file.h"

namespace {

using annulet::io::SocketAddress;
using annulet::io::TcpListener;
using annulet::io::TcpStream;
using annulet::runtime::Runtime;
using annulet::task::Task;

// The kernel completes the connection before anybody accepts it, so one task can be both ends.
Task<absl::StatusOr<std::string>> through_tcp(std::string text) {
  absl::StatusOr<TcpListener> listener = TcpListener::bind(SocketAddress::loopback_v4(0));
  if (!listener.ok()) co_return listener.status();
  const absl::StatusOr<SocketAddress> address = listener->local_address();
  if (!address.ok()) co_return address.status();
  absl::StatusOr<TcpStream> sender = co_await TcpStream::connect(*address);
  if (!sender.ok()) co_return sender.status();
  absl::StatusOr<TcpStream> receiver = co_await listener->accept();
  if (!receiver.ok()) co_return receiver.status();

  absl::Status status = co_await sender->write_all(text);
  if (status.ok()) status = sender->shutdown(TcpStream::Direction::kWrite);
  if (!status.ok()) co_return status;
  std::string received;
  char buffer[512];
  for (;;) {
    const absl::StatusOr<size_t> got = co_await receiver->read(buffer);
    if (!got.ok()) co_return got.status();
    if (*got == 0) co_return received;
    received.append(buffer, *got);
  }
}

absl::Status run(const std::string& path) {
  absl::StatusOr<std::string> line = io::first_line(path);
  if (!line.ok()) return line.status();
  absl::StatusOr<std::unique_ptr<Runtime>> runtime = Runtime::create({.engine = {.workers = 1}});
  if (!runtime.ok()) return runtime.status();
  const absl::StatusOr<std::string> echoed = (*runtime)->block_on(through_tcp(*std::move(line)));
  if (!echoed.ok()) return echoed.status();
  std::printf("%s\n", echoed->c_str());
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  const absl::Status status = run(argc > 1 ? argv[1] : "/proc/sys/kernel/ostype");
  if (status.ok()) return EXIT_SUCCESS;
  std::fprintf(stderr, "main: %s\n", status.ToString().c_str());
  return EXIT_FAILURE;
}
