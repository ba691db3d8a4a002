// One phase of a closed-loop TCP echo load: N connections, each with one request under way.
//
// It is written on plain epoll and POSIX, without a line of Annulet's runtime on purpose: a
// measuring instrument must not be made of what it measures, or a fault of both would stay unseen.
//
// When: from the program `load`, once for each number of connections.
// Cost: one recv, one send and one clock reading a request, and one epoll_wait for each batch of
// ready sockets; no allocation once the connections stand. It can keep one server core busy.
// Threads: one. Lifetime: run_phase() opens and closes everything that it uses.
//
// Each reply is compared with what was sent, byte by byte. Every connection sends bytes of its own,
// shifted by one from request to request, so that crossed connections and stale replies are found.
#ifndef ANNULET_BENCHMARKS_ECHO_LOAD_PHASE_H_
#define ANNULET_BENCHMARKS_ECHO_LOAD_PHASE_H_

#include <sys/socket.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "absl/status/statusor.h"
#include "annulet/benchmarks/echo/cpu_use.h"
#include "annulet/benchmarks/echo/histogram.h"

namespace annulet::bench {

struct ServerAddress {
  sockaddr_storage storage = {};
  socklen_t length = 0;
};

struct PhaseOptions {
  int connections = 1;
  size_t size = 64;        // bytes of one request
  double warmup_s = 0.3;   // not measured; unused when `requests` is set
  double seconds = 3;      // measured
  uint64_t requests = 0;   // when not 0: exactly this many in all, all measured, instead of a time
  double patience_s = 10;  // fail when no reply at all comes for so long, or a connect takes longer
  pid_t server_pid = 0;    // when not 0: read this process's CPU time
};

struct PhaseResult {
  int connections = 0;
  uint64_t requests = 0;
  double seconds = 0;
  Histogram latency_ns;
  std::optional<CpuUse> server;  // when a server_pid was given
  CpuUse own;

  double requests_per_second() const { return static_cast<double>(requests) / seconds; }
};

struct Progress {
  int connections;
  uint64_t requests;  // so far, warm-up included
  double elapsed_s;   // since the first request
  double expected_s;  // 0 when the phase counts requests
};

// Runs one phase. Fails on the first wrong byte, early close, refused or silent connection; the
// message names the connection. `on_progress` is called about five times a second; it may be null.
absl::StatusOr<PhaseResult> run_phase(const ServerAddress& server, const PhaseOptions& options,
                                      const std::function<void(const Progress&)>& on_progress);

}  // namespace annulet::bench

#endif  // ANNULET_BENCHMARKS_ECHO_LOAD_PHASE_H_
