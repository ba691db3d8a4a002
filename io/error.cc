#include "annulet/io/error.h"

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace annulet::io {
namespace {

absl::string_view likely_cause(int error) {
  switch (error) {
    case ECONNREFUSED:
      return "nothing listens there";
    case ECONNRESET:
      return "the peer died, or closed with data unread";
    case EPIPE:
      return "the peer or this side has closed the connection";
    case EADDRINUSE:
      return "another socket listens there";
    case EADDRNOTAVAIL:
      return "no interface of this machine has the address";
    case EACCES:
      return "ports below 1024 need CAP_NET_BIND_SERVICE";
    case EMFILE:
      return "this process has too many open files; raise ulimit -n";
    case ENFILE:
      return "the machine has too many open files; raise fs.file-max";
    case EAFNOSUPPORT:
      return "the machine has this protocol family switched off";
    case EBADF:
      return "the socket is closed";
    case EBUSY:
      return "another task already does the same on this socket";
    case ENOTCONN:
      return "the socket is not connected";
    default:
      return "";
  }
}

}  // namespace

absl::Status io_error(absl::string_view call, int error) {
  const absl::string_view cause = likely_cause(error);
  return absl::Status(absl::ErrnoToStatusCode(error),
                      absl::StrCat(call, ": ", strerrordesc_np(error), " (", strerrorname_np(error),
                                   ")", cause.empty() ? "" : ": ", cause));
}

}  // namespace annulet::io
