#include "annulet/io/backend.h"

#include <atomic>
#include <cstdlib>

#include "absl/log/log.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "annulet/io/internal/uring_setup.h"

namespace annulet::io {
namespace {

constexpr const char* kEnvironmentVariable = "ANNULET_IO_BACKEND";

absl::StatusOr<Backend> from_environment() {
  const char* name = std::getenv(kEnvironmentVariable);
  if (name == nullptr || *name == '\0') return Backend::kAuto;
  absl::StatusOr<Backend> backend = parse_backend(name);
  if (backend.ok()) return backend;
  return absl::InvalidArgumentError(
      absl::StrCat(kEnvironmentVariable, ": ", backend.status().message()));
}

// Relaxed: there is one winner, and nothing to order.
bool first(std::atomic<bool>& said) { return !said.exchange(true, std::memory_order_relaxed); }

}  // namespace

absl::string_view backend_name(Backend backend) {
  switch (backend) {
    case Backend::kAuto:
      return "auto";
    case Backend::kIoUring:
      return "io_uring";
    case Backend::kEpoll:
      return "epoll";
  }
  return "?";
}

absl::StatusOr<Backend> parse_backend(absl::string_view name) {
  for (Backend backend : {Backend::kAuto, Backend::kIoUring, Backend::kEpoll}) {
    if (name == backend_name(backend)) return backend;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unknown backend '", name, "'; known are auto, io_uring, epoll"));
}

absl::StatusOr<BackendChoice> choose_backend(Backend wanted) {
  static std::atomic<bool> said_io_uring{false};
  static std::atomic<bool> said_fallback{false};
  std::string by = "asked for by the program";
  if (wanted == Backend::kAuto) {
    absl::StatusOr<Backend> environment = from_environment();
    if (!environment.ok()) return environment.status();
    wanted = *environment;
    by = absl::StrCat("asked for by ", kEnvironmentVariable);
  }
  if (wanted == Backend::kEpoll) return BackendChoice{Backend::kEpoll, by};

  const absl::Status probed = internal::probe_io_uring();
  if (probed.ok()) {
    const bool chosen = wanted == Backend::kAuto;
    if (first(said_io_uring)) LOG(INFO) << "annulet: I/O through io_uring";
    return BackendChoice{Backend::kIoUring, chosen ? "io_uring works here" : by, chosen};
  }
  if (wanted == Backend::kIoUring) return probed;
  if (first(said_fallback))
    LOG(WARNING) << "annulet: I/O through epoll, as io_uring does not work: " << probed.message();
  return BackendChoice{Backend::kEpoll, std::string(probed.message())};
}

}  // namespace annulet::io
