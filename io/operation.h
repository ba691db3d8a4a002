// One I/O operation in flight: what the kernel shall do, and which task waits for it.
//
// It lives in the awaiting frame, and so do the memory it names and the task's reference to it:
// nothing of it may go before it has finished, which submit() says at once or complete() later, on
// the thread of its reactor.
// For those who write awaitables or reactors; users await TcpStream and TcpListener.
#ifndef ANNULET_IO_OPERATION_H_
#define ANNULET_IO_OPERATION_H_

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "absl/base/optimization.h"
#include "annulet/io/limit.h"
#include "annulet/task/cancel_guard.h"
#include "annulet/task/executor.h"
#include "annulet/task/internal/frame_cache.h"
#include "annulet/task/timers.h"

namespace annulet::io {

class Reactor;

namespace internal {
class OperationLimits;
}  // namespace internal

enum class OperationKind : uint8_t {
  kReceive,  // some bytes into buffer
  kSend,     // some bytes from buffer
  kSendAll,  // all bytes from buffer
  kAccept,   // a connection; buffer is unused
  kConnect,  // to the sockaddr that buffer points to
};

struct Operation {
  Operation(OperationKind what, int socket, uint32_t socket_generation, const void* memory,
            size_t bytes)
      : kind(what),
        fd(socket),
        generation(socket_generation),
        buffer(const_cast<void*>(memory)),
        length(bytes) {}
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  ~Operation();

  OperationKind kind;
  bool started = false;     // the reactor's own: connect() was called
  bool cancelling = false;  // its end was asked for
  int fd;
  uint32_t generation;  // tells a reused file descriptor from the one meant
  int32_t result = 0;   // a count or file descriptor, or a negative errno
  void* buffer;
  size_t length;
  size_t done = 0;  // bytes of a kSendAll that are sent
  task::Runnable* waiter = nullptr;
  internal::OperationLimits* limits = nullptr;  // owned; null for an operation that nothing limits
};

namespace internal {

// The deadline and the token of one operation, from the same free lists as frames.
class OperationLimits : public task::TimerNode, public task::CancelGuard {
 public:
  OperationLimits(Operation& operation, Reactor& reactor, const Limit& limit)
      : TimerNode(&fired),
        task::CancelGuard(&on_cancel, &on_settled),
        operation_(operation),
        reactor_(reactor),
        limit_(limit) {}

  static void* operator new(size_t bytes) { return task::internal::allocate_frame(bytes); }
  static void operator delete(void* memory, size_t bytes) {
    task::internal::free_frame(memory, bytes);
  }

  // False: a limit is reached already, and nothing is armed.
  [[nodiscard]] bool begin(task::internal::CancelState* inherited);
  // The operation has finished. False: on_settled() will complete it.
  [[nodiscard]] bool end();

  bool deadline_passed() const { return deadline_passed_; }

 private:
  void cancel_operation();
  static void fired(TimerNode* node, task::TimerEvent event) noexcept;
  static void on_cancel(task::CancelGuard* guard) noexcept;
  static void on_settled(task::CancelGuard* guard) noexcept;

  Operation& operation_;
  Reactor& reactor_;
  Limit limit_;
  task::Timers* timers_ = nullptr;
  bool deadline_passed_ = false;
};

}  // namespace internal

// Whether `operation` needs the reactor again after a step that returned `result`; else its result
// is set.
inline bool continues(Operation& operation, int32_t result) {
  bool unfinished = result == -EINTR;
  if (operation.kind == OperationKind::kSendAll && result > 0) {
    operation.done += static_cast<size_t>(result);
    unfinished = operation.done < operation.length;
  }
  operation.result = result;
  if (ABSL_PREDICT_TRUE(!unfinished)) return false;
  if (operation.cancelling) operation.result = -ECANCELED;
  return !operation.cancelling;
}

// Hands a finished operation to its waiter. For reactors: the last they do with it.
inline void complete(Operation& operation) {
  if (operation.limits == nullptr || operation.limits->end()) {
    task::resume_at_home(operation.waiter);
  }
}

inline Operation::~Operation() {
  if (ABSL_PREDICT_FALSE(limits != nullptr)) delete limits;
}

}  // namespace annulet::io

#endif  // ANNULET_IO_OPERATION_H_
