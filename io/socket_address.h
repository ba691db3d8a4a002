// An IPv4 or IPv6 address with a port.
//
//   SocketAddress::parse("127.0.0.1:8080"), SocketAddress::parse("[::1]:8080"),
//   SocketAddress::loopback_v4(0)
//
// Numeric addresses only: there is no name look-up here, which would block.
// Cost: 28 bytes, copied by value.
#ifndef ANNULET_IO_SOCKET_ADDRESS_H_
#define ANNULET_IO_SOCKET_ADDRESS_H_

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace annulet::io {

class SocketAddress {
 public:
  SocketAddress() : address_{} { address_.any.sa_family = AF_UNSPEC; }

  // InvalidArgument, naming the text, when it is neither 1.2.3.4:5 nor [a:b::c]:5.
  static absl::StatusOr<SocketAddress> parse(absl::string_view text);

  // Port 0 lets the system choose a free one.
  static SocketAddress loopback_v4(uint16_t port) { return v4(INADDR_LOOPBACK, port); }
  static SocketAddress loopback_v6(uint16_t port) { return v6(in6addr_loopback, port); }
  static SocketAddress any_v4(uint16_t port) { return v4(INADDR_ANY, port); }
  static SocketAddress any_v6(uint16_t port) { return v6(in6addr_any, port); }

  // The address that `fd` is bound to, or, with `peer`, connected to.
  static absl::StatusOr<SocketAddress> of_socket(int fd, bool peer);

  int family() const { return address_.any.sa_family; }
  // Both families keep it in the same place.
  uint16_t port() const { return ntohs(address_.v4.sin_port); }
  SocketAddress with_port(uint16_t port) const;
  std::string to_string() const;

  // For system calls.
  const sockaddr* data() const { return &address_.any; }
  socklen_t size() const {
    return family() == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  }

 private:
  static SocketAddress v4(uint32_t host, uint16_t port);
  static SocketAddress v6(const in6_addr& host, uint16_t port);

  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  } address_;
};
static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));

}  // namespace annulet::io

#endif  // ANNULET_IO_SOCKET_ADDRESS_H_
