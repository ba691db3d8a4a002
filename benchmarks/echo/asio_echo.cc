// Echo server on standalone Asio with C++20 coroutines, one thread.
//
// When: as the rival of an echo server in benchmarks/echo/peers. Usage: asio_echo [PORT]. Built by
// name only, since it wants Debian's package libasio-dev.
// Cost: Asio's epoll reactor; one recv and one send an echo, and a recv that finds nothing.
// Threads: one, and Asio is told so (concurrency hint 1). Lifetime: SIGINT or SIGTERM ends it.
#include <sys/resource.h>

#include <array>
#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/redirect_error.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <utility>

namespace annulet::bench {
namespace {

using asio::ip::tcp;

constexpr size_t kBufferSize = 4096;
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

asio::awaitable<void> echo(tcp::socket socket) {
  std::array<char, kBufferSize> buffer;
  std::error_code error;
  for (;;) {
    const size_t size = co_await socket.async_read_some(
        asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    co_await asio::async_write(socket, asio::buffer(buffer, size),
                               asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
  }
}

asio::awaitable<void> accept_all(tcp::acceptor acceptor) {
  asio::steady_timer pause(acceptor.get_executor());
  std::error_code error;
  for (;;) {
    tcp::socket socket =
        co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error) {  // out of descriptors, as a rule: wait for some to come back
      pause.expires_after(kAcceptPause);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      continue;
    }
    socket.set_option(tcp::no_delay(true), error);
    asio::co_spawn(acceptor.get_executor(), echo(std::move(socket)), asio::detached);
  }
}

void raise_descriptor_limit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int run(unsigned short port) {
  asio::io_context context(1);
  asio::signal_set signals(context, SIGINT, SIGTERM);
  signals.async_wait([&context](std::error_code, int) { context.stop(); });

  tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), port});
  std::printf("listening on 127.0.0.1:%d\n", acceptor.local_endpoint().port());
  std::fflush(stdout);
  asio::co_spawn(context, accept_all(std::move(acceptor)), asio::detached);
  context.run();
  return 0;
}

}  // namespace
}  // namespace annulet::bench

int main(int argc, char** argv) {
  annulet::bench::raise_descriptor_limit();
  try {
    const int port = argc > 1 ? std::atoi(argv[1]) : 0;
    return annulet::bench::run(static_cast<unsigned short>(port));
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "asio_echo: %s\n", failure.what());
    return 1;
  }
}
