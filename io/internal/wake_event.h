// How other threads wake a reactor out of the kernel: a token, and an eventfd that is written to
// only when the owner sleeps. Threads: unpark() by any, the rest by the owner, as with
// wait::ParkState.
#ifndef ANNULET_IO_INTERNAL_WAKE_EVENT_H_
#define ANNULET_IO_INTERNAL_WAKE_EVENT_H_

#include "absl/status/status.h"
#include "annulet/wait/park_state.h"

namespace annulet::io::internal {

class WakeEvent : private wait::ParkState<> {
 public:
  WakeEvent() = default;
  ~WakeEvent();
  WakeEvent(const WakeEvent&) = delete;
  WakeEvent& operator=(const WakeEvent&) = delete;

  // Makes the eventfd, in blocking mode. Once, before anything else.
  absl::Status open();

  // Readable once the owner was woken. An edge for each wake-up, whether its count is read or not.
  int fd() const { return fd_; }

  using ParkState::begin_park;
  using ParkState::end_park;
  void unpark();

 private:
  int fd_ = -1;
};

}  // namespace annulet::io::internal

#endif  // ANNULET_IO_INTERNAL_WAKE_EVENT_H_
