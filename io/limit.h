// How long one I/O operation may take, and what else ends it.
//
//   stream.read(buffer, Limit(deadline));
//   stream.read(buffer, Limit(token));
//   stream.read(buffer, Limit(deadline, token));
//
// Without a limit an operation obeys the token of its task (task/this_task.h) and else waits for
// ever. An operation that its deadline ends returns DeadlineExceeded, one that a cancel ends
// Cancelled. If it succeeded before the request reached the kernel, the success is returned: no
// byte and no connection is lost. A class with constructors and no aggregate: GCC 12 destroys
// aggregate temporaries twice in co_await expressions.
#ifndef ANNULET_IO_LIMIT_H_
#define ANNULET_IO_LIMIT_H_

#include <utility>

#include "annulet/task/cancel.h"
#include "annulet/wait/deadline.h"

namespace annulet::io {

class Limit {
 public:
  Limit() {}
  explicit Limit(wait::Deadline deadline) : deadline_(deadline) {}
  explicit Limit(task::CancelToken token) : token_(std::move(token)) {}
  Limit(wait::Deadline deadline, task::CancelToken token)
      : deadline_(deadline), token_(std::move(token)) {}

  wait::Deadline deadline() const { return deadline_; }
  const task::CancelToken& token() const { return token_; }

 private:
  wait::Deadline deadline_ = wait::kNever;
  task::CancelToken token_;
};

}  // namespace annulet::io

#endif  // ANNULET_IO_LIMIT_H_
