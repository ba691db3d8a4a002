#include "annulet/io/socket_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "annulet/io/error.h"

namespace annulet::io {
namespace {

// SimpleAtoi takes signs and spaces too.
bool is_number(absl::string_view text) { return std::ranges::all_of(text, absl::ascii_isdigit); }

}  // namespace

SocketAddress SocketAddress::v4(uint32_t host, uint16_t port) {
  SocketAddress result;
  result.address_.v4 = {};
  result.address_.v4.sin_family = AF_INET;
  result.address_.v4.sin_port = htons(port);
  result.address_.v4.sin_addr.s_addr = htonl(host);
  return result;
}

SocketAddress SocketAddress::v6(const in6_addr& host, uint16_t port) {
  SocketAddress result;
  result.address_.v6 = {};
  result.address_.v6.sin6_family = AF_INET6;
  result.address_.v6.sin6_port = htons(port);
  result.address_.v6.sin6_addr = host;
  return result;
}

absl::StatusOr<SocketAddress> SocketAddress::parse(absl::string_view text) {
  const auto invalid = [&] {
    return absl::InvalidArgumentError(
        absl::StrCat("not an address: '", text, "'; write 127.0.0.1:8080 or [::1]:8080"));
  };
  const size_t colon = text.rfind(':');
  uint32_t port = 0;
  if (colon == absl::string_view::npos || !is_number(text.substr(colon + 1)) ||
      !absl::SimpleAtoi(text.substr(colon + 1), &port) || port > 65535) {
    return invalid();
  }
  absl::string_view host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    in6_addr address;
    if (inet_pton(AF_INET6, std::string(host.substr(1, host.size() - 2)).c_str(), &address) != 1)
      return invalid();
    return v6(address, static_cast<uint16_t>(port));
  }
  in_addr address;
  if (inet_pton(AF_INET, std::string(host).c_str(), &address) != 1) return invalid();
  return v4(ntohl(address.s_addr), static_cast<uint16_t>(port));
}

absl::StatusOr<SocketAddress> SocketAddress::of_socket(int fd, bool peer) {
  SocketAddress result;
  socklen_t size = sizeof(result.address_);
  const int failed = peer ? getpeername(fd, &result.address_.any, &size)
                          : getsockname(fd, &result.address_.any, &size);
  if (failed != 0) return io_error(peer ? "getpeername" : "getsockname", errno);
  return result;
}

SocketAddress SocketAddress::with_port(uint16_t port) const {
  SocketAddress result = *this;
  result.address_.v4.sin_port = htons(port);
  return result;
}

std::string SocketAddress::to_string() const {
  char text[INET6_ADDRSTRLEN] = "?";
  switch (family()) {
    case AF_INET:
      inet_ntop(AF_INET, &address_.v4.sin_addr, text, sizeof(text));
      return absl::StrCat(text, ":", port());
    case AF_INET6:
      inet_ntop(AF_INET6, &address_.v6.sin6_addr, text, sizeof(text));
      return absl::StrCat("[", text, "]:", port());
    default:
      return "(no address)";
  }
}

}  // namespace annulet::io
