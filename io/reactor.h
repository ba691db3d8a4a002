// Waits for the kernel on behalf of one worker: the contract of every I/O backend.
//
// A reactor belongs to the thread that calls bind_to_thread(); all I/O of the tasks on that thread
// goes through it. To the worker it is the Parker: with nothing to run the worker sleeps in it, and
// an event, unpark() or a deadline ends the sleep. What a backend must do:
//
// - submit(op) begins `op`. True: it has finished already, its result is set, and complete() is not
//   called. False: complete(op) is called exactly once, at once or later.
// - cancel(op) asks for the end of an operation in flight. It still completes once, with its own
//   outcome: -ECANCELED, or a success that came first. The caller's memory stays in use until then.
// - cancel_all() asks the same of every operation; from then on each new one completes with
//   -ECANCELED, through the queue.
// - poll() hands in what was submitted and takes out what is finished. No task runs inside:
// finished
//   operations are posted to their tasks' homes.
//
// Sockets are in blocking mode; a backend that needs otherwise asks for it call by call.
// Threads: unpark() by any thread, everything else by the owner.
// Lifetime: bound, used and destroyed on its thread, or destroyed elsewhere after that thread has
// ended; no operation is in flight by then.
#ifndef ANNULET_IO_REACTOR_H_
#define ANNULET_IO_REACTOR_H_

#include <cstddef>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "annulet/io/backend.h"
#include "annulet/io/operation.h"
#include "annulet/wait/parker.h"

namespace annulet::io {

struct ReactorOptions {
  // Submissions that fit before the kernel must be entered: 1..32768, rounded up to a power of two.
  // io_uring only.
  unsigned ring_entries = 512;
};

class Reactor : public wait::Parker {
 public:
  // The reactor of the calling thread, or null. Out of line for the reason given at
  // task::current_worker().
  static Reactor* current() noexcept;

  // For awaitables: submits to the reactor of the calling thread. False: finished at once; without
  // a reactor with -ENXIO.
  static bool begin(Operation& operation);

  // Makes the calling thread the owner; unbind_from_thread() undoes it. Each once.
  virtual absl::Status bind_to_thread();
  virtual void unbind_from_thread();

  virtual bool submit(Operation& operation) = 0;
  virtual void cancel(Operation& operation) = 0;
  virtual void cancel_all() = 0;
};

// `backend` is one of those that choose_backend() returns.
absl::StatusOr<std::unique_ptr<Reactor>> make_reactor(Backend backend,
                                                      const ReactorOptions& options);

}  // namespace annulet::io

#endif  // ANNULET_IO_REACTOR_H_
