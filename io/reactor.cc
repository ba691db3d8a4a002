#include "annulet/io/reactor.h"

#include <cerrno>

#include "absl/base/optimization.h"
#include "annulet/io/internal/reactor_epoll.h"
#include "annulet/io/internal/reactor_uring.h"

namespace annulet::io {
namespace {

constinit thread_local Reactor* t_reactor = nullptr;

}  // namespace

Reactor* Reactor::current() noexcept { return t_reactor; }

bool Reactor::begin(Operation& operation) {
  if (ABSL_PREDICT_TRUE(t_reactor != nullptr)) return !t_reactor->submit(operation);
  operation.result = -ENXIO;
  return false;
}

absl::Status Reactor::bind_to_thread() {
  if (t_reactor != nullptr)
    return absl::FailedPreconditionError("reactor: the thread has one already");
  t_reactor = this;
  return absl::OkStatus();
}

void Reactor::unbind_from_thread() {
  if (t_reactor == this) t_reactor = nullptr;
}

absl::StatusOr<std::unique_ptr<Reactor>> make_reactor(Backend backend,
                                                      const ReactorOptions& options) {
  switch (backend) {
    case Backend::kIoUring:
      return internal::UringReactor::make(options);
    case Backend::kEpoll:
      return internal::EpollReactor::make();
    case Backend::kAuto:
      break;
  }
  return absl::InvalidArgumentError("make_reactor: choose_backend() decides what auto means");
}

}  // namespace annulet::io
