// The Reactor on io_uring: one ring per worker, one system call per turn of its loop.
//
// Submissions gather in the ring and go in with the enter that also waits, so a turn that serves
// many connections costs one system call; a look in between, with nothing to hand in and nothing
// finished, costs none. The ring is made where errors can be reported and enabled on its worker's
// thread (SINGLE_ISSUER).
#ifndef ANNULET_IO_INTERNAL_REACTOR_URING_H_
#define ANNULET_IO_INTERNAL_REACTOR_URING_H_

#include <liburing.h>

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "annulet/io/internal/wake_event.h"
#include "annulet/io/reactor.h"

namespace annulet::io::internal {

class UringReactor final : public Reactor {
 public:
  static absl::StatusOr<std::unique_ptr<Reactor>> make(const ReactorOptions& options);
  ~UringReactor() override;

  absl::Status bind_to_thread() override;
  void unbind_from_thread() override;
  bool submit(Operation& operation) override;
  void cancel(Operation& operation) override;
  void cancel_all() override;

  void poll() override;
  void park(wait::Deadline until) override;
  void unpark() override;

 private:
  // What a completion that belongs to no Operation carries; no Operation lies at these addresses.
  enum Tag : uint64_t { kIgnored = 1, kWake = 2 };

  UringReactor() { ring_.ring_fd = -1; }

  io_uring_sqe* next_sqe();
  io_uring_sqe* make_room();
  void prepare(Operation& operation);
  void prepare_again(Operation& operation);
  void prepare_wake();
  bool needs_enter();
  void enter(unsigned wait_for, wait::Deadline until);
  int enter_without_blocking();
  void harvest();
  void take(uint64_t user_data, int32_t result);

  io_uring ring_{};
  WakeEvent wake_;
  uint64_t wake_count_ = 0;  // where the kernel puts the eventfd's value
  bool closed_ = false;
  bool never_block_ = false;  // valgrind lets no other thread run during an enter that waits
};

}  // namespace annulet::io::internal

#endif  // ANNULET_IO_INTERNAL_REACTOR_URING_H_
