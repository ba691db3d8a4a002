// A TCP echo server: one listener per worker on the same port, one task per connection.
//
//   bazel run --config=release //examples:echo_server -- --port=7777
//
// Prints where it listens and through which backend, and on Ctrl-C lets connections finish before
// it ends.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/log_severity.h"
#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/log/globals.h"
#include "absl/log/initialize.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "annulet/io/backend.h"
#include "annulet/io/tcp_listener.h"
#include "annulet/io/tcp_stream.h"
#include "annulet/runtime/runtime.h"
#include "annulet/task/spawn.h"

ABSL_FLAG(std::string, host, "127.0.0.1", "numeric address to listen on, an IPv6 one in brackets");
ABSL_FLAG(int, port, 7777, "port to listen on; 0: a free one");
ABSL_FLAG(int, threads, 0, "workers; 0: one per core that may be used, at least two");
ABSL_FLAG(bool, pin, false, "keep each worker on a core of its own");
ABSL_FLAG(std::string, backend, "auto", "auto, io_uring or epoll");
ABSL_FLAG(int, drain_ms, 5000, "how long connections may go on after Ctrl-C");

namespace {

using annulet::io::Limit;
using annulet::io::SocketAddress;
using annulet::io::TcpListener;
using annulet::io::TcpStream;
using annulet::runtime::Runtime;
using annulet::task::Task;

constexpr size_t kBufferSize = 4096;

Task<void> echo(TcpStream stream) {
  char buffer[kBufferSize];
  for (;;) {
    const absl::StatusOr<size_t> got = co_await stream.read(buffer);
    if (!got.ok() || *got == 0) co_return;  // the peer is gone or done
    const absl::Status sent = co_await stream.write_all({buffer, *got});
    if (!sent.ok()) co_return;
  }
}

Task<void> serve(TcpListener listener, annulet::task::CancelToken stop) {
  for (;;) {
    absl::StatusOr<TcpStream> stream = co_await listener.accept(Limit(stop));
    if (!stream.ok()) {
      if (!absl::IsCancelled(stream.status()))
        std::fprintf(stderr, "%s\n", stream.status().ToString().c_str());
      co_return;
    }
    const absl::Status spawned = annulet::task::spawn_here_detached(echo(*std::move(stream)));
    if (!spawned.ok()) co_return;  // stopping
  }
}

// One listener per worker. They share the port that the first one got.
absl::Status listen_on_all(Runtime& runtime, SocketAddress& address) {
  for (size_t i = 0; i < runtime.threads(); ++i) {
    absl::StatusOr<TcpListener> listener = TcpListener::bind(address, {.reuse_port = true});
    if (!listener.ok()) return listener.status();
    absl::StatusOr<SocketAddress> bound = listener->local_address();
    if (!bound.ok()) return bound.status();
    address = *bound;
    auto started = runtime.spawn_on(i, serve(*std::move(listener), runtime.stop_token()));
    if (!started.ok()) return started.status();
  }
  return absl::OkStatus();
}

absl::Status run() {
  absl::StatusOr<annulet::io::Backend> backend =
      annulet::io::parse_backend(absl::GetFlag(FLAGS_backend));
  if (!backend.ok()) return backend.status();
  const int port = absl::GetFlag(FLAGS_port);
  absl::StatusOr<SocketAddress> address =
      SocketAddress::parse(absl::StrCat(absl::GetFlag(FLAGS_host), ":", port));
  if (!address.ok()) return address.status();
  const int threads = absl::GetFlag(FLAGS_threads);
  if (threads < 0) return absl::InvalidArgumentError("--threads must not be negative");

  annulet::runtime::block_stop_signals();
  absl::StatusOr<std::unique_ptr<Runtime>> runtime = Runtime::create(
      {.engine = {.workers = static_cast<size_t>(threads), .pin_threads = absl::GetFlag(FLAGS_pin)},
       .backend = *backend});
  if (!runtime.ok()) return runtime.status();
  absl::Status listening = listen_on_all(**runtime, *address);
  if (!listening.ok()) return listening;

  std::printf("listening on %s (backend: %s, %zu worker%s)\n", address->to_string().c_str(),
              std::string(annulet::io::backend_name((*runtime)->backend().backend)).c_str(),
              (*runtime)->threads(), (*runtime)->threads() == 1 ? "" : "s");
  std::fflush(stdout);
  return (*runtime)->run_until_signal(std::chrono::milliseconds(absl::GetFlag(FLAGS_drain_ms)));
}

}  // namespace

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("Sends back what it receives.");
  absl::ParseCommandLine(argc, argv);
  absl::SetStderrThreshold(absl::LogSeverityAtLeast::kWarning);
  absl::InitializeLog();
  const absl::Status outcome = run();
  if (outcome.ok()) return EXIT_SUCCESS;
  std::fprintf(stderr, "echo_server: %s\n", outcome.ToString().c_str());
  return EXIT_FAILURE;
}
