// Errors of the operating system as absl::Status: the errno's canonical code, the call, and the
// likely cause.
#ifndef ANNULET_IO_ERROR_H_
#define ANNULET_IO_ERROR_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace annulet::io {

// `error` is a positive errno, `call` what failed, as in "bind 127.0.0.1:80".
absl::Status io_error(absl::string_view call, int error);

}  // namespace annulet::io

#endif  // ANNULET_IO_ERROR_H_
