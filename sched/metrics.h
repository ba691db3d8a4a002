// What a worker has done so far.
//
// Counted by the worker for itself, with plain additions, and read by anybody without stopping it.
#ifndef ANNULET_SCHED_METRICS_H_
#define ANNULET_SCHED_METRICS_H_

#include <atomic>
#include <cstdint>

namespace annulet::sched {

struct WorkerMetrics {
  uint64_t runs = 0;    // tasks and callbacks resumed, each as often as it was
  uint64_t steals = 0;  // times that it took from another worker
  uint64_t stolen = 0;  // tasks that it took from others
  uint64_t parks = 0;   // times that it slept or looked for I/O with nothing else to do
  uint64_t wakes = 0;   // times that it was woken to look for work

  WorkerMetrics& operator+=(const WorkerMetrics& other) {
    runs += other.runs;
    steals += other.steals;
    stolen += other.stolen;
    parks += other.parks;
    wakes += other.wakes;
    return *this;
  }
};

namespace internal {

// Written by one thread, read by any. Relaxed: each count stands for itself.
class WorkerCounter {
 public:
  void add(uint64_t n) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  uint64_t read() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

struct WorkerCounters {
  WorkerMetrics read() const {
    return {runs.read(), steals.read(), stolen.read(), parks.read(), wakes.read()};
  }

  WorkerCounter runs;
  WorkerCounter steals;
  WorkerCounter stolen;
  WorkerCounter parks;
  WorkerCounter wakes;
};

}  // namespace internal
}  // namespace annulet::sched

#endif  // ANNULET_SCHED_METRICS_H_
