// What the sequencers of one and of several producers share: room, waiting for it, and closing.
#ifndef ANNULET_RING_INTERNAL_SEQUENCER_H_
#define ANNULET_RING_INTERNAL_SEQUENCER_H_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "annulet/ring/internal/progress.h"
#include "annulet/ring/sequence.h"
#include "annulet/wait/deadline.h"
#include "annulet/wait/strategy.h"

namespace annulet::ring::internal {

enum class Outcome : uint8_t { kClaimed, kFull, kTimeout, kClosed, kTooMany };

// What a sequencer says to a claim; by value, so that it stays in registers.
struct Grant {
  Sequence first;
  Outcome outcome;
};

// A state is never left for an earlier one.
enum class State : uint8_t {
  kOpen,
  kClosed,  // nothing more is claimed; readers end when they have handled everything
  kHalted,  // readers end at once
};

// How a claim waits for room: by a strategy of its own, made only if it has to wait; by one of the
// caller's; or not at all.
template <class Wait>
struct OwnWait {
  Wait operator()() const { return Wait(); }
};
template <class Wait>
struct GivenWait {
  Wait& operator()() const { return *strategy; }
  Wait* strategy;
};
struct NoWait {};

template <class Sync>
class Sequencer {
 public:
  using Table = ProgressTable<Sync>;

  Sequencer(size_t capacity, size_t readers, Sequence first)
      : capacity_(capacity), table_(readers, first) {}
  Sequencer(const Sequencer&) = delete;
  Sequencer& operator=(const Sequencer&) = delete;

  size_t capacity() const { return capacity_; }
  Table& table() { return table_; }
  const Table& table() const { return table_; }
  // Acquire pairs with the release in close_by(): who sees the ring closed sees all claims.
  State state() const { return state_.load(std::memory_order_acquire); }
  wait::BasicBell<Sync>& published_bell() { return published_bell_; }
  const wait::BasicBell<Sync>& published_bell() const { return published_bell_; }

  void ring_all_bells() {
    published_bell_.notify_all();
    table_.ring_all_bells();
  }

 protected:
  // Lets at most one thread close at a time; the rest is the derived class's business.
  template <class Shut>
  void close_by(State how, const Shut& shut) {
    const typename Sync::lock_guard lock(mutex_);
    const State now = state_.load(std::memory_order_relaxed);  // written under the lock
    if (now >= how) return;
    if (now == State::kOpen) shut();
    // Release pairs with the acquire in state().
    state_.store(how, std::memory_order_release);
    ring_all_bells();
  }

  // One past the last sequence that may be claimed, from the readers' progress. Acquires what they
  // let go.
  Sequence room_end(Sequence near) const {
    Sync::fence_light();  // pairs with the heavy fence of ProgressTable::join()
    return table_.oldest(table_.members(), near) + capacity_;
  }

  // As room_end(). Where there is just room for what ends at `end`, it waits a moment for more of
  // it: else a producer on the heels of a reader would fetch his progress for every event.
  Sequence ample_room_end(Sequence end) const {
    Sequence room = room_end(end);
    const int64_t ample = std::min<int64_t>(kAmpleRoom, static_cast<int64_t>(capacity_ / 4));
    for (int looks = 0; looks < kLooksForMore; ++looks) {
      const int64_t left = distance(end, room);
      if (left < 0 || left >= ample) break;
      Sync::pause();
      room = room_end(end);
    }
    return room;
  }

  // Waits until the readers have let go everything before `target`, or have left, or stop() says
  // so; the caller looks for himself. False if it took until `until`.
  template <class Wait, class Stop>
  bool wait_for_readers(Sequence target, Wait& strategy, wait::Deadline until, const Stop& stop) {
    using Mask = typename Table::Mask;
    for (Mask rest = table_.members(); rest != 0; rest &= rest - 1) {
      const auto index = static_cast<size_t>(std::countr_zero(rest));
      const auto may_go_on = [&] {
        return distance(target, table_[index].reach()) >= 0 ||
               (table_.members() & Table::bit(index)) == 0 || stop();
      };
      if (!strategy.wait(may_go_on, table_[index].bell, until)) return false;
    }
    return true;
  }

 private:
  static constexpr int64_t kAmpleRoom = 64;
  static constexpr int kLooksForMore = 8;

  const size_t capacity_;
  Table table_;
  typename Sync::template atomic<State> state_{State::kOpen};
  typename Sync::mutex mutex_;
  wait::BasicBell<Sync> published_bell_;
};

}  // namespace annulet::ring::internal

#endif  // ANNULET_RING_INTERNAL_SEQUENCER_H_
