// The Timers that loops own: a binary heap of nodes on the monotonic clock.
//
// Cost: arm and disarm O(log n) on a plain array of (deadline, node); the next deadline O(1). One
// that stands still allocates nothing.
// Threads: owner thread only.
// Lifetime: outlives its armed nodes.
#ifndef ANNULET_TASK_TIMER_HEAP_H_
#define ANNULET_TASK_TIMER_HEAP_H_

#include <cstddef>
#include <vector>

#include "annulet/task/timers.h"

namespace annulet::task {

class TimerHeap : public Timers {
 public:
  Deadline now() override { return wait::Clock::now(); }
  bool arm(TimerNode* node) override;
  void disarm(TimerNode* node) override;

  // When the earliest node fires, or kNever.
  Deadline next() const { return heap_.empty() ? kNever : heap_.front().when; }

  // Fires every node whose time has come. Reads the clock only when something is armed.
  void expire();

  // Fires every node with kClosed and refuses new ones from now on.
  void close();

 private:
  struct Entry {
    Deadline when;
    TimerNode* node;
  };

  void place(size_t position, Entry entry);
  void sift_up(size_t position, Entry entry);
  void sift_down(size_t position, Entry entry);

  std::vector<Entry> heap_;
  bool closed_ = false;
};

}  // namespace annulet::task

#endif  // ANNULET_TASK_TIMER_HEAP_H_
