// An ended task's frame, until its result has been taken.
#ifndef ANNULET_TASK_INTERNAL_ENDED_FRAME_H_
#define ANNULET_TASK_INTERNAL_ENDED_FRAME_H_

#include "annulet/task/internal/promise.h"

namespace annulet::task::internal {

template <class T>
class EndedFrame {
 public:
  explicit EndedFrame(Promise<T>* promise) : promise_(promise) {}
  ~EndedFrame() { promise_->handle().destroy(); }
  EndedFrame(const EndedFrame&) = delete;
  EndedFrame& operator=(const EndedFrame&) = delete;
  T take() { return promise_->take(); }

 private:
  Promise<T>* promise_;
};

}  // namespace annulet::task::internal

#endif  // ANNULET_TASK_INTERNAL_ENDED_FRAME_H_
