// A server and a client in one program: the one accepts a connection and writes, the other reads.
//
//   bazel run //examples:hello_tcp
#include <cstdio>

#include "annulet/io/tcp_listener.h"
#include "annulet/runtime/runtime.h"

using namespace annulet;

task::Task<absl::Status> serve_one(io::TcpListener& listener) {
  absl::StatusOr<io::TcpStream> stream = co_await listener.accept();
  if (!stream.ok()) co_return stream.status();
  co_return co_await stream->write_all("hello from a task");
}

task::Task<void> ask(io::SocketAddress address) {
  absl::StatusOr<io::TcpStream> stream = co_await io::TcpStream::connect(address);
  if (!stream.ok()) co_return;
  char text[64];
  absl::StatusOr<size_t> got = co_await stream->read(text);
  if (got.ok()) std::printf("%.*s\n", static_cast<int>(*got), text);
}

int main() {
  auto runtime = runtime::Runtime::create({.engine = {.workers = 2}}).value();
  auto listener = io::TcpListener::bind(io::SocketAddress::loopback_v4(0)).value();
  auto server = runtime->spawn(serve_one(listener)).value();
  runtime->block_on(ask(listener.local_address().value()));
  return std::move(server).join().ok() ? 0 : 1;
}
