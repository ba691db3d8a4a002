// Which mechanism of the kernel I/O goes through, and why that one.
//
// kAuto takes io_uring where it works and epoll elsewhere; what "works" means is tried, by setting
// up a ring and sending a request through it, since containers often let one pass and not the
// other. The environment variable ANNULET_IO_BACKEND (auto, io_uring, epoll) decides where the
// program says kAuto. Asking for io_uring explicitly where it does not work is an error that says
// what stands in the way.
#ifndef ANNULET_IO_BACKEND_H_
#define ANNULET_IO_BACKEND_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace annulet::io {

enum class Backend { kAuto, kIoUring, kEpoll };

absl::string_view backend_name(Backend backend);

// "auto", "io_uring" or "epoll"; else InvalidArgument.
absl::StatusOr<Backend> parse_backend(absl::string_view name);

struct BackendChoice {
  Backend backend;     // kIoUring or kEpoll
  std::string reason;  // one sentence; after a fallback, what stood in the way and the way out
  bool may_fall_back = false;  // io_uring was found and not asked for
};

// Decides between the backends. The first choice of each kind in a process is also written to the
// log. Unavailable: io_uring was asked for and does not work. InvalidArgument: a wrong
// ANNULET_IO_BACKEND.
absl::StatusOr<BackendChoice> choose_backend(Backend wanted);

}  // namespace annulet::io

#endif  // ANNULET_IO_BACKEND_H_
