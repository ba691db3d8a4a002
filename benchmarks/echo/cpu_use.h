// CPU time of another process, and the time its threads waited for a core, from Linux's schedstat.
//
// When: to charge a server's CPU time to the requests it answered, and to know whether something
// else had its core meanwhile. Cost: one small read per thread of that process.
// Threads: any thread. Lifetime: plain values.
// Limits: a thread that ended takes its time with it, and a running thread's time is brought up to
// date by the scheduler's tick (1 to 4 ms): take differences over seconds.
#ifndef ANNULET_BENCHMARKS_ECHO_CPU_USE_H_
#define ANNULET_BENCHMARKS_ECHO_CPU_USE_H_

#include <sys/types.h>

#include <cstdint>

#include "absl/status/statusor.h"

namespace annulet::bench {

struct CpuUse {
  uint64_t run_ns = 0;   // on a core
  uint64_t wait_ns = 0;  // runnable, but another thread had the core
};

inline CpuUse operator-(const CpuUse& after, const CpuUse& before) {
  return {after.run_ns - before.run_ns, after.wait_ns - before.wait_ns};
}

// The sum over all threads of process `pid`; 0 is the caller's own process.
absl::StatusOr<CpuUse> read_cpu_use(pid_t pid);

}  // namespace annulet::bench

#endif  // ANNULET_BENCHMARKS_ECHO_CPU_USE_H_
