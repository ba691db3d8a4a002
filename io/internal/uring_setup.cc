#include "annulet/io/internal/uring_setup.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"

namespace annulet::io::internal {
namespace {

// In the order in which they are given up. The kernel that brought each:
constexpr unsigned kFlagsByAge[] = {
    IORING_SETUP_DEFER_TASKRUN,  // 6.1: completions are made when we ask for them, not by
                                 // interrupting us
    IORING_SETUP_SINGLE_ISSUER,  // 6.0: no locking against other submitters
    IORING_SETUP_TASKRUN_FLAG,   // 5.19: says when there are completions to be made
    IORING_SETUP_COOP_TASKRUN,   // 5.19: no inter-processor interrupt for a completion
    IORING_SETUP_SUBMIT_ALL,     // 5.18: one bad request does not hold up the batch
};
constexpr unsigned kMinEntries = 8;
constexpr unsigned kMaxEntries = 32768;
// Completions may outnumber submissions, as requests stay in flight after they were handed in.
constexpr unsigned kCompletionsPerEntry = 4;
constexpr unsigned kMaxCompletions = 65536;  // the kernel's limit

int sysctl_io_uring_disabled() {
  int value = 0;
  std::ifstream("/proc/sys/kernel/io_uring_disabled") >> value;
  return value;
}

absl::string_view cause_of(int error) {
  switch (error) {
    case EPERM:
    case EACCES:
      if (sysctl_io_uring_disabled() == 2) {
        return "switched off for everybody; set sysctl kernel.io_uring_disabled=0";
      }
      if (sysctl_io_uring_disabled() == 1 && geteuid() != 0) {
        return "switched off for users outside kernel.io_uring_group; set sysctl "
               "kernel.io_uring_disabled=0 or join it";
      }
      return "blocked by seccomp, as containers' default profiles do; allow io_uring_setup, "
             "io_uring_enter and io_uring_register there";
    case ENOSYS:
      return "this kernel has no io_uring (5.19 or later is needed), or a sandbox pretends so";
    case ENOMEM:
      return "not enough locked memory; raise ulimit -l (RLIMIT_MEMLOCK) or ask for fewer ring "
             "entries";
    case EMFILE:
    case ENFILE:
      return "too many open files; raise ulimit -n";
    case EINVAL:
      return "this kernel's io_uring is too old (5.19 or later is needed)";
    default:
      return "unexpected";
  }
}

int try_set_up(io_uring& ring, unsigned entries, unsigned flags) {
  io_uring_params params;
  std::memset(&params, 0, sizeof(params));
  params.flags = flags | IORING_SETUP_CQSIZE;
  params.cq_entries = std::min(entries * kCompletionsPerEntry, kMaxCompletions);
  const int error = io_uring_queue_init_params(entries, &ring, &params);
  if (error != 0) return -error;
  // Lossless completion queues and timed waits came before the flags above; no kernel has the one
  // without the other.
  constexpr unsigned kNeeded = IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG | IORING_FEAT_FAST_POLL;
  if ((params.features & kNeeded) == kNeeded) return 0;
  io_uring_queue_exit(&ring);
  return EINVAL;
}

// Sends one request through `ring` and returns its result, or what entering the kernel returned.
int one_request(io_uring& ring, void (*prepare)(io_uring_sqe*)) {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring);
  prepare(sqe);
  int entered;
  do {
    entered = io_uring_submit_and_wait(&ring, 1);
  } while (entered == -EINTR);
  if (entered < 0) return entered;
  io_uring_cqe* cqe;
  const int peeked = io_uring_peek_cqe(&ring, &cqe);
  if (peeked != 0) return peeked;
  const int result = cqe->res;
  io_uring_cqe_seen(&ring, cqe);
  return result;
}

}  // namespace

absl::Status io_uring_error(absl::string_view call, int error) {
  const char* name = strerrorname_np(error);
  return absl::UnavailableError(absl::StrCat(
      call, ": ", name != nullptr ? name : absl::StrCat(error).c_str(), ": ", cause_of(error)));
}

absl::Status set_up_ring(io_uring& ring, unsigned entries) {
  if (entries == 0 || entries > kMaxEntries) {
    return absl::InvalidArgumentError(
        absl::StrCat("ring_entries: ", entries, " is not in 1..", kMaxEntries));
  }
  unsigned flags = IORING_SETUP_R_DISABLED;
  for (unsigned flag : kFlagsByAge) flags |= flag;
  int error = try_set_up(ring, entries, flags);
  for (unsigned flag : kFlagsByAge) {
    if (error != EINVAL) break;
    flags &= ~flag;
    error = try_set_up(ring, entries, flags);
  }
  while (error == ENOMEM && entries > kMinEntries) {
    entries /= 2;
    error = try_set_up(ring, entries, flags);
  }
  return error == 0 ? absl::OkStatus() : io_uring_error("io_uring_setup", error);
}

absl::Status probe_io_uring() {
  io_uring ring;
  absl::Status made = set_up_ring(ring, kMinEntries);
  if (!made.ok()) return made;
  absl::Cleanup close = [&] { io_uring_queue_exit(&ring); };
  const int enabled = io_uring_enable_rings(&ring);
  if (enabled < 0) return io_uring_error("io_uring_register (set-up worked)", -enabled);
  const int nop = one_request(ring, [](io_uring_sqe* sqe) { io_uring_prep_nop(sqe); });
  if (nop < 0) return io_uring_error("io_uring_enter (set-up worked)", -nop);
  // Cancelling everything is how a shutdown ends what is in flight. It finds nothing here; -EINVAL:
  // not known.
  const int cancel = one_request(ring, [](io_uring_sqe* sqe) {
    io_uring_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
  });
  if (cancel == -EINVAL) return io_uring_error("io_uring cancel of all requests", EINVAL);
  return absl::OkStatus();
}

}  // namespace annulet::io::internal
