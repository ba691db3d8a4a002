// A number that one thread counts for itself, with plain additions, and any may read.
// Cost: a load and a store.
// Threads: add and set by one, read by any.
#ifndef ANNULET_SCHED_INTERNAL_WORKER_COUNTER_H_
#define ANNULET_SCHED_INTERNAL_WORKER_COUNTER_H_

#include <atomic>
#include <cstdint>

namespace annulet::sched::internal {

// Written by one thread, read by any. Relaxed: each number stands for itself.
class WorkerCounter {
 public:
  void add(uint64_t n) { set(read() + n); }
  void set(uint64_t n) { value_.store(n, std::memory_order_relaxed); }
  uint64_t read() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

}  // namespace annulet::sched::internal

#endif  // ANNULET_SCHED_INTERNAL_WORKER_COUNTER_H_
