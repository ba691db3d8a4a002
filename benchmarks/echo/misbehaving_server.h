// An echo server that answers wrongly on purpose, so that a test can see the load generator notice.
//
// When: tests of `load` only. Cost: one thread per connection. Threads: one test thread owns it.
// Lifetime: the destructor closes all connections and joins all threads.
#ifndef ANNULET_BENCHMARKS_ECHO_MISBEHAVING_SERVER_H_
#define ANNULET_BENCHMARKS_ECHO_MISBEHAVING_SERVER_H_

#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace annulet::bench {

enum class Fault {
  kNone,              // a right echo: shows that the test's own server is not what fails
  kCorruptByte,       // one bit of one late reply is turned over
  kReplayReply,       // every reply is the one before it
  kCrossConnections,  // replies go to the other connection of a pair
  kExtraByte,         // a reply is one byte too long
  kCloseEarly,        // closed in the middle of a reply
  kReset,             // the same by RST
  kSilence,           // accepted, never answered
};

class MisbehavingServer {
 public:
  explicit MisbehavingServer(Fault fault);
  ~MisbehavingServer();
  MisbehavingServer(const MisbehavingServer&) = delete;
  MisbehavingServer& operator=(const MisbehavingServer&) = delete;

  std::string address() const;  // "127.0.0.1:PORT"

 private:
  void accept_all();
  void serve(size_t index, int fd);
  bool answer(size_t index, int fd, int number,
              std::string reply);  // false: the connection is over
  int partner_of(size_t index);    // the socket of the other connection of a pair; -1 if none yet

  const Fault fault_;
  int listener_ = -1;
  int port_ = 0;
  std::mutex mutex_;  // guards sockets_ and workers_
  std::vector<int> sockets_;
  std::vector<std::thread> workers_;
  std::thread acceptor_;
};

}  // namespace annulet::bench

#endif  // ANNULET_BENCHMARKS_ECHO_MISBEHAVING_SERVER_H_
