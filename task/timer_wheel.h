// The Timers that loops own: a hierarchical timing wheel (Varghese and Lauck, 1987) on the
// monotonic clock.
//
// The lowest level has a slot for each nanosecond, so deadlines stay exact; a level above has slots
// 64 times as wide. A node lies on the level of the highest digit, to base 64, in which its
// deadline differs from the wheel's origin; when the origin enters a slot, its nodes move to lower
// levels.
//
//   level 2   [    4096 ns each ]     level 1   [ 64 ns each ]     level 0   [ 1 ns each ]
//                                                origin ------------------------^
//
// Nodes fire in the order of their deadlines, equal ones in the order in which they were armed. One
// whose time had come before it was armed fires first among those that are left.
//
// Cost: arm and disarm O(1), of links in the nodes alone; a node moves at most ten times before it
// fires, once if its slot has one deadline only; the next deadline O(1). 11 KiB, of which a page is
// touched when a slot in it is first used; allocates nothing.
// Threads: owner thread only.
// Lifetime: outlives its armed nodes.
// Source: G. Varghese, A. Lauck, "Hashed and hierarchical timing wheels", SOSP 1987, scheme 7.
#ifndef ANNULET_TASK_TIMER_WHEEL_H_
#define ANNULET_TASK_TIMER_WHEEL_H_

#include <bit>
#include <cstddef>
#include <cstdint>

#include "annulet/task/timers.h"

namespace annulet::task {

class TimerWheel : public Timers {
 public:
  TimerWheel() {}  // leaves the slots as they are: a bit says which ones are in use
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  Deadline now() override { return wait::Clock::now(); }
  bool arm(TimerNode* node) override;
  void disarm(TimerNode* node) override;

  // When the earliest node fires, or kNever. Too early, but never again for the same nodes, where
  // the earliest node of a slot was disarmed: expire() then fires nothing and learns better.
  Deadline next() const;

  // Fires every node whose time has come, but no more than `most`; next() then lies in the past. A
  // loop that soon runs what they wake finds it in the processor's cache still. Reads the clock
  // only when something is armed.
  void expire(size_t most = SIZE_MAX);

  // For loops: as many as make little of the time that is spent outside of tasks.
  static constexpr size_t kBatch = 64;

  // Fires every node with kClosed and refuses new ones from now on.
  void close();

 private:
  using Time = uint64_t;  // nanoseconds; what lies before the clock's zero counts as zero

  static constexpr int kSlotBits = 6;
  static constexpr size_t kSlots = size_t{1} << kSlotBits;
  static constexpr size_t kLevels = (63 + kSlotBits - 1) / kSlotBits;  // a Deadline has 63 bits

  // A ring of nodes.
  struct Slot {
    TimerNode* first;  // the oldest one
    Time earliest;     // no deadline in here is earlier
  };

  struct Place {
    size_t level;
    size_t index;
  };

  Time time_of(const TimerNode& node) const;
  Place place_of(Time time) const;
  Place first_place() const;
  Time start_of(Place place) const;
  Slot& slot(Place place) { return slots_[place.level][place.index]; }
  bool in_use(Place place) const { return (used_[place.level] >> place.index & 1) != 0; }

  void insert(TimerNode* node);
  void release(Place place);
  void cascade(Place place, Time now);
  size_t fire(Place place, TimerEvent event, size_t most);

  Time origin_ = 0;           // everything earlier has fired
  uint32_t used_levels_ = 0;  // bit l: a slot of level l is in use
  bool closed_ = false;
  TimerNode* never_ = nullptr;    // a ring, of those with kNever
  uint64_t used_[kLevels] = {};   // bit i: slot i of the level has a node
  uint64_t mixed_[kLevels] = {};  // bit i: and may have several deadlines
  Slot slots_[kLevels][kSlots];
};

}  // namespace annulet::task

#endif  // ANNULET_TASK_TIMER_WHEEL_H_
