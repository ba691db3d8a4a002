// Making an io_uring instance on whatever the kernel offers, and telling why it cannot be had.
#ifndef ANNULET_IO_INTERNAL_URING_SETUP_H_
#define ANNULET_IO_INTERNAL_URING_SETUP_H_

#include <liburing.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace annulet::io::internal {

// Whether a ring can be made and serves requests: a no-op and a cancel-all go through it. Else
// Unavailable, and the message tells system call, errno, the likely cause and the way out.
absl::Status probe_io_uring();

// Makes `ring` with the best flags that the kernel takes, stepping down one by one, and with fewer
// entries if locked memory is short. It starts disabled: the thread that enables it becomes its
// owner.
absl::Status set_up_ring(io_uring& ring, unsigned entries);

// The likely cause of `error` (a positive errno) from io_uring_setup or io_uring_enter, and the way
// out.
absl::Status io_uring_error(absl::string_view call, int error);

}  // namespace annulet::io::internal

#endif  // ANNULET_IO_INTERNAL_URING_SETUP_H_
