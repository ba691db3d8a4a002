// The Reactor on epoll, for where io_uring is blocked or absent.
//
// Every operation is first tried, unless the socket is known not to be ready; then it waits. A
// socket is registered once, edge-triggered for both directions, so that a request costs the calls
// it must (recv, send) and one epoll_wait for all that is ready. A read that fills less than its
// buffer has emptied the socket, which saves the call that would say so.
#ifndef ANNULET_IO_INTERNAL_REACTOR_EPOLL_H_
#define ANNULET_IO_INTERNAL_REACTOR_EPOLL_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "annulet/io/internal/wake_event.h"
#include "annulet/io/reactor.h"
#include "annulet/wait/cache_line.h"

struct epoll_event;

namespace annulet::io::internal {

class EpollReactor final : public Reactor {
 public:
  static absl::StatusOr<std::unique_ptr<Reactor>> make();
  ~EpollReactor() override;

  bool submit(Operation& operation) override;
  void cancel(Operation& operation) override;
  void cancel_all() override;

  void poll() override;
  void park(wait::Deadline until) override;
  void unpark() override;

 private:
  // One direction of a socket. At most one operation waits in each.
  struct Direction {
    Operation* waiting = nullptr;
    bool ready = true;  // as far as we know; a try tells
  };

  // What we know of a file descriptor; `generation` tells whether it still is the socket that we
  // know.
  struct alignas(wait::kCacheLine) Socket {
    uint32_t generation = 0;
    bool registered = false;
    bool hung_up =
        false;  // the peer sends no more: a short read may be followed by the end at once
    // The peer has finished or sent urgent data: a short read may have left something behind.
    bool short_read_proves_nothing = false;
    Direction in;
    Direction out;
  };

  EpollReactor() = default;

  bool make_room_for(Operation& operation);
  void adopt(Socket& socket, const Operation& operation);
  static Direction& direction_of(Socket& socket, const Operation& operation);
  bool attempt(Socket& socket, Direction& direction, Operation& operation);
  bool wait_for_readiness(Socket& socket, Operation& operation);
  void advance(Socket& socket, Direction& direction);
  void abort(Direction& direction);
  void wait(wait::Deadline until, bool block);
  void dispatch(const epoll_event& event);

  int epoll_fd_ = -1;
  WakeEvent wake_;
  bool closed_ = false;
  int inline_left_ = 0;  // how many operations may still finish without going through the queue
  std::vector<Socket> sockets_;  // by file descriptor
};

}  // namespace annulet::io::internal

#endif  // ANNULET_IO_INTERNAL_REACTOR_EPOLL_H_
