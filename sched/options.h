// How a scheduler divides its time, and how much it takes on.
//
// Threads: plain values, of which a scheduler keeps a copy.
#ifndef ANNULET_SCHED_OPTIONS_H_
#define ANNULET_SCHED_OPTIONS_H_

#include <cstdint>

#include "absl/status/status.h"

namespace annulet::sched {

// How many turns each priority gets in a round while others wait (internal/ready_set.h). A task
// that is the oldest of its priority on its worker runs within 2 * sum() turns of that worker:
// those left of a round, and the next. Within 3 * sum(), if tasks that may be stolen and tasks that
// may not are both ready in that priority, there are several workers, and its weight is at least
// internal::ReadySet::kInARow.
struct Weights {
  uint32_t high = 64;
  uint32_t normal = 16;
  uint32_t low = 4;

  constexpr uint32_t sum() const { return high + normal + low; }
};

struct SchedulerOptions {
  Weights weights;
  // How many tasks a worker runs at most between two looks at timers, I/O, and what came from
  // outside.
  uint32_t poll_interval = 61;
  // How many spawned tasks may live at a time; 0: no bound. A spawn beyond it is refused with
  // ResourceExhausted, as a whole if it is a spawn_all(); what lives is unaffected. Who would
  // rather wait joins earlier tasks first, or holds a permit of a semaphore of seven eighths of
  // that many until each has been joined. There are never more, but for the main tasks of
  // Engine::block_on() and run(), which count and are never refused. A spawn may be refused up to
  // an eighth of the bound early, for room that other workers keep for their next tasks; those that
  // sleep keep none, nor does anybody where the bound is less than 16 for each worker. A task has
  // made room once it has ended, a little before its frame is freed.
  uint64_t max_live = 0;
  // How many shared tasks of each priority a worker keeps out of the others' sight; when there are
  // more, the older half of them comes into it, where many are seen already by 32 at a time. 0: all
  // are seen at once, of those beyond 256 every 32. More makes a task that becomes ready cheaper,
  // and leaves tasks that start few others, which soon wait for them, on one worker. The price: up
  // to so many tasks that lie behind one which computes for long, or blocks its worker, wait for it
  // though others sleep.
  // The second tasks of forks (fork_join_tasks.h) count among them. A scheduler with one worker
  // needs no sharing and keeps all.
  uint32_t share_threshold = 0;
  // Whether workers count how long turns of tasks take (WorkerMetrics::turn_times). Costs a look at
  // the clock for each turn.
  bool turn_histogram = false;
  // Whether names of tasks say where they were spawned: `visit, spawned at crawl.cc:41`, in reports
  // of failures and wherever else names are seen. With it each spawn takes a lock.
  bool spawn_sites = false;
  // Where each worker begins to look for something to steal comes from this.
  uint64_t seed = 1;
};

// InvalidArgument: a weight or the interval is 0, or larger than a million; share_threshold is
// larger than a million; max_live is larger than 2^40.
absl::Status check(const SchedulerOptions& options);

}  // namespace annulet::sched

#endif  // ANNULET_SCHED_OPTIONS_H_
