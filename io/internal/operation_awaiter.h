// What the awaitables of all operations share: beginning one, with its limits, and naming its
// failure.
#ifndef ANNULET_IO_INTERNAL_OPERATION_AWAITER_H_
#define ANNULET_IO_INTERNAL_OPERATION_AWAITER_H_

#include <coroutine>

#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "annulet/io/internal/socket.h"
#include "annulet/io/limit.h"
#include "annulet/io/operation.h"
#include "annulet/io/reactor.h"
#include "annulet/task/task.h"

namespace annulet::io::internal {

class [[nodiscard]] OperationAwaiter : protected Operation {
 public:
  bool await_ready() const noexcept { return false; }

  // False: finished, or failed, without a wait.
  template <task::TaskPromise P>
  bool await_suspend(std::coroutine_handle<P> self) {
    waiter = &self.promise();
    task::internal::CancelState* const cancel = self.promise().cancel();
    if (ABSL_PREDICT_TRUE(limit_ == nullptr && cancel == nullptr)) return Reactor::begin(*this);
    return begin_limited(cancel);
  }

 protected:
  OperationAwaiter(OperationKind what, const Socket& socket, const void* memory, size_t bytes,
                   const Limit* limit)
      : Operation(what, socket.fd(), socket.generation(), memory, bytes), limit_(limit) {}

  // The failure of `call`. For a negative result only.
  absl::Status failure(absl::string_view call) const;

 private:
  bool begin_limited(task::internal::CancelState* inherited);

  const Limit* limit_;  // of the statement that awaits; null for none
};

}  // namespace annulet::io::internal

#endif  // ANNULET_IO_INTERNAL_OPERATION_AWAITER_H_
