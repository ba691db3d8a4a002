#include "annulet/benchmarks/echo/misbehaving_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace annulet::bench {
namespace {

constexpr int kFaultyReply = 20;  // replies before it are right, so that the fault comes late

void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(size));
  }
}

}  // namespace

MisbehavingServer::MisbehavingServer(Fault fault) : fault_(fault) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (listener_ < 0 || bind(listener_, generic, length) != 0 || listen(listener_, 64) != 0 ||
      getsockname(listener_, generic, &length) != 0) {
    std::abort();
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

MisbehavingServer::~MisbehavingServer() {
  shutdown(listener_, SHUT_RDWR);  // ends accept()
  acceptor_.join();
  close(listener_);
  for (const int fd : sockets_) shutdown(fd, SHUT_RDWR);  // ends recv()
  for (std::thread& worker : workers_) worker.join();
  for (const int fd : sockets_) close(fd);
}

std::string MisbehavingServer::address() const { return "127.0.0.1:" + std::to_string(port_); }

void MisbehavingServer::accept_all() {
  for (;;) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const std::lock_guard lock(mutex_);
    const size_t index = sockets_.size();
    sockets_.push_back(fd);
    workers_.emplace_back([this, index, fd] { serve(index, fd); });
  }
}

void MisbehavingServer::serve(size_t index, int fd) {
  std::array<char, 4096> buffer;
  for (int number = 1;; ++number) {
    const ssize_t size = recv(fd, buffer.data(), buffer.size(), 0);
    if (size <= 0) return;
    if (!answer(index, fd, number, std::string(buffer.data(), static_cast<size_t>(size)))) return;
  }
}

int MisbehavingServer::partner_of(size_t index) {
  const std::lock_guard lock(mutex_);
  const size_t partner = index ^ 1;
  return partner < sockets_.size() ? sockets_[partner] : -1;
}

bool MisbehavingServer::answer(size_t index, int fd, int number, std::string reply) {
  thread_local std::string previous;
  const bool faulty = number >= kFaultyReply;
  if (faulty) {
    switch (fault_) {
      case Fault::kNone:
        break;
      case Fault::kCorruptByte:
        reply.back() = static_cast<char>(reply.back() ^ 1);
        break;
      case Fault::kReplayReply:
        std::swap(reply, previous);
        break;
      case Fault::kCrossConnections:
        fd = partner_of(index);
        break;
      case Fault::kExtraByte:
        reply += 'x';
        break;
      case Fault::kCloseEarly:
        send_all(fd, std::string_view(reply).substr(0, reply.size() / 2));
        shutdown(fd, SHUT_RDWR);
        return false;
      case Fault::kReset: {
        const linger at_once = {.l_onoff = 1, .l_linger = 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        const sockaddr unspecified = {.sa_family = AF_UNSPEC, .sa_data = {}};
        connect(fd, &unspecified, sizeof unspecified);  // disconnects: an RST, and fd stays ours
        return false;
      }
      case Fault::kSilence:
        return true;
    }
  }
  send_all(fd, reply);
  previous = std::move(reply);
  return true;
}

}  // namespace annulet::bench
