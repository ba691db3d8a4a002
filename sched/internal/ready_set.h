// What a worker has to run, by priority: tasks of its own that nobody else may run, and tasks that
// others may steal.
//
// Those that may be stolen lie, from the oldest to the youngest,
//
//   in a RunQueue   the oldest kPlaces; a thief takes half of them
//   in Chains       those for which there is no place; a thief takes a chain of kMostStolen
//   in the tail     a plain list of those that do not fill a chain yet
//
// A push goes to the first of them behind which nothing waits. So of what a worker has spawned
// before it computes for long, fewer than kMostStolen of each priority are out of the others'
// sight, besides what RunQueue says. With a share_threshold all wait in the tail first; once they
// are more than that, the older half is moved on. A worker that is alone keeps all as if they were
// its own.
//
// Each priority has a weight, the number of turns that it gets before the next lower one gets one
// of its own; a round is over when every priority that has something to run has had its turns. So
// the urgent comes first, and yet the oldest task of any priority runs within twice as many turns
// as the weights add up to: those that are left of a round, and the next one. Within a priority it
// is first in, first out for the worker's own tasks and for those that may be stolen; where there
// are both, they take turns, kInARow at a time, and the oldest of either waits for a round more.
// Cost: push and pop a few plain instructions, and what RunQueue says. Beyond kPlaces tasks a push
// costs 1 ns more, and a pop less than it takes to reach their memory one by one.
// Threads: owner thread, but steal() and stealable() by any.
#ifndef ANNULET_SCHED_INTERNAL_READY_SET_H_
#define ANNULET_SCHED_INTERNAL_READY_SET_H_

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "annulet/sched/internal/chains.h"
#include "annulet/sched/options.h"
#include "annulet/sched/run_queue.h"
#include "annulet/task/context.h"
#include "annulet/task/runnable.h"
#include "annulet/task/runnable_queue.h"
#include "annulet/wait/cache_line.h"
#include "annulet/wait/sync.h"

namespace annulet::sched::internal {

// Node has a member `Node* next`. kCapacity and kChain: of the RunQueue of each priority, and of a
// chain, no longer than that.
template <class Node, uint64_t kCapacity = 256, size_t kChain = 32, class Sync = wait::RealSync>
class BasicReadySet {
 public:
  static_assert(kChain <= kCapacity);
  static constexpr uint8_t kInARow = 4;
  static constexpr uint64_t kPlaces = kCapacity;
  // So few that a thief that has only begun to run them does not keep back more than it would take
  // its victim a moment to run itself.
  static constexpr size_t kMostStolen = kChain;

  explicit BasicReadySet(const Weights& weights, uint32_t share_threshold = 0)
      : weights_(weights), share_threshold_(share_threshold), kept_((share_threshold_ + 1) / 2) {
    for (size_t i = 0; i < task::kPriorities; ++i) lanes_[i].funded = funded(i);
    if (share_threshold != 0) behind_ = kAllOccupied;
    begin_round();
  }

  // Whether there is nobody to steal. While it is empty.
  void set_alone(bool alone) { alone_ = alone; }

  // To be run by this worker alone.
  void push_own(task::Priority priority, Node* runnable) {
    const size_t i = index(priority);
    lanes_[i].own.push(runnable);
    ++own_pushed_[i];
    state_ |= occupied(i);
  }

  // To be run by whoever comes first. True: the others are to be told. That is so whenever the
  // number of tasks of this priority that they can take has doubled: where something lay before,
  // they have been told of that, and whoever looks for work finds it, and then the rest. There is
  // no fence between the look and the push, so those that come in the same moment in which a thief
  // takes the last of what lay there may go untold; once they have doubled, they are told of.
  // Inlined, for a call costs as much as the rest.
  [[gnu::always_inline]] bool push_shared(task::Priority priority, Node* runnable) {
    if (alone_) {
      push_own(priority, runnable);
      return false;
    }
    const size_t i = index(priority);
    state_ |= occupied(i) | maybe_shared(i);
    const uint64_t before = shared_[i].stealable();
    if ((behind_ & bit(i)) != 0 || !shared_[i].push(runnable)) [[unlikely]]
      return push_tail(i, runnable, before);
    return to_be_told(before);
  }

  // The next to be run, or null.
  Node* pop() {
    if (state_ == short_way_) {
      Lane& lane = *short_lane_;
      if (Node* const runnable = lane.pop()) {
        if (--lane.turns == 0) state_ &= ~lane.funded;
        return runnable;
      }
    }
    return pop_any();
  }

  // Whether tasks that had waited for room have come where others can take them, since the last
  // call.
  bool take_refilled() { return refilled_ && std::exchange(refilled_, false); }

  // Whether there may be something for pop(): thieves may have taken it.
  bool maybe_any() const { return (state_ & kAllOccupied) != 0; }

  // Any thread: whether something waits that another worker could take over.
  bool stealable() const {
    for (size_t i = 0; i < task::kPriorities; ++i) {
      if (!shared_[i].empty() || !chains_[i].empty()) return true;
    }
    return false;
  }

  // Thief: of the most urgent that can be stolen the older half of what the RunQueue holds, at most
  // kMostStolen; where it is empty a chain. Returns how many.
  size_t steal(std::span<Node*, kMostStolen> into) {
    for (size_t i = 0; i < task::kPriorities; ++i) {
      if (const size_t count = shared_[i].steal(into); count > 0) return count;
      if (const size_t count = chains_[i].steal(into); count > 0) return count;
    }
    return 0;
  }

  // How many are ready: of its own, and of those that others may run.
  uint64_t own_size(task::Priority priority) const {
    return own_pushed_[index(priority)] - lanes_[index(priority)].popped;
  }
  uint64_t shared_size(task::Priority priority) const {
    return seen(index(priority)) + tail_size_[index(priority)];
  }

  // Whether another worker could help: there is something that may be stolen, and more than that.
  bool spare() const {
    uint64_t shared = 0;
    for (size_t i = 0; i < task::kPriorities; ++i) shared += seen(i);
    if (shared != 1) return shared > 1;
    for (size_t i = 0; i < task::kPriorities; ++i) {
      if (!lanes_[i].own.empty() || tail_size_[i] != 0) return true;
    }
    return false;
  }

 private:
  using Queue = task::BasicRunnableQueue<Node>;

  // The bits of state_: whether a priority may have something, whether that may be something that
  // others may run, and whether it has turns left in this round.
  static constexpr uint32_t occupied(size_t i) { return bit(i); }
  static constexpr uint32_t maybe_shared(size_t i) { return bit(kSharedShift + i); }
  static constexpr uint32_t funded(size_t i) { return bit(kFundedShift + i); }
  static constexpr size_t kSharedShift = 8;
  static constexpr size_t kFundedShift = 16;
  static constexpr uint32_t kAllOccupied = (1u << task::kPriorities) - 1;
  static constexpr uint32_t kAllFunded = kAllOccupied << kFundedShift;
  static constexpr uint32_t kNoState = ~0u;

  // A priority's tasks of its own.
  struct Lane {
    Node* pop() {
      Node* const runnable = own.pop();
      if (runnable != nullptr) ++popped;
      return runnable;
    }

    Queue own;
    uint64_t popped = 0;
    uint32_t turns = 0;   // left in this round
    uint32_t funded = 0;  // its bit of state_
  };

  static size_t index(task::Priority priority) { return static_cast<size_t>(priority); }
  static constexpr uint32_t bit(size_t i) { return 1u << i; }
  // Whether one more doubles them, or is the first.
  static bool to_be_told(uint64_t before) { return (before & (before - 1)) == 0; }

  void begin_round() {
    const std::array<uint32_t, task::kPriorities> turns{weights_.high, weights_.normal,
                                                        weights_.low};
    for (size_t i = 0; i < task::kPriorities; ++i) lanes_[i].turns = turns[i];
    state_ |= kAllFunded;
  }

  // Out of line, so that the short way saves no registers for it.
  [[gnu::noinline]] Node* pop_any() {
    while ((state_ & kAllOccupied) != 0) {
      const uint32_t candidates = state_ & (state_ >> kFundedShift) & kAllOccupied;
      if (candidates == 0) {
        begin_round();
        continue;
      }
      const auto most_urgent = static_cast<size_t>(std::countr_zero(candidates));
      if (Node* const runnable = pop_from(most_urgent)) {
        if (--lanes_[most_urgent].turns == 0) state_ &= ~funded(most_urgent);
        find_short_way(most_urgent);
        return runnable;
      }
      state_ &= ~occupied(most_urgent);
    }
    return nullptr;
  }

  // The short way of a worker with tasks of its own alone: as long as state_ stays what it is, the
  // next one is again of this priority.
  void find_short_way(size_t i) {
    const uint32_t flags = state_ & (occupied(i) | maybe_shared(i) | funded(i));
    short_way_ = flags == (occupied(i) | funded(i)) ? state_ : kNoState;
    short_lane_ = &lanes_[i];
  }

  Node* pop_from(size_t i) {
    if ((state_ & maybe_shared(i)) == 0) return lanes_[i].pop();
    if ((in_a_row_[i]++ / kInARow) % 2 == 0) {
      if (Node* const runnable = lanes_[i].pop()) return runnable;
    }
    Node* runnable = shared_[i].pop();
    // Again, for thieves may have taken all that was moved on.
    while (runnable == nullptr && may_refill(i)) {
      if (refill(i)) refilled_ = true;
      runnable = shared_[i].pop();
    }
    if (runnable != nullptr) return runnable;
    if (tail_size_[i] != 0) return pop_tail(i);  // it is to be kept
    state_ &= ~maybe_shared(i);
    nothing_waits(i);
    return lanes_[i].pop();
  }

  // How many others can see, and those that are claimed.
  uint64_t seen(size_t i) const { return shared_[i].size() + kChain * chains_[i].size(); }

  // As push_shared(), where thieves could take `before` so far.
  [[gnu::noinline]] bool push_tail(size_t i, Node* runnable, uint64_t before) {
    behind_ |= bit(i);
    tail_[i].push(runnable);
    if (++tail_size_[i] <= share_threshold_) return false;
    if ((before == 0 || share_threshold_ != 0) && refill(i)) return true;
    return tail_size_[i] >= kept_ + kChain && make_chains(i);
  }

  Node* pop_tail(size_t i) {
    --tail_size_[i];
    return tail_[i].pop();
  }

  // Whether something waits that is not to be kept; or thieves take it in this moment.
  bool may_refill(size_t i) const {
    return tail_size_[i] > share_threshold_ || !chains_[i].empty();
  }

  // Moves on to the RunQueue what waits, but for what is to be kept, oldest first, as far as there
  // is room. False: there was none.
  [[gnu::noinline]] bool refill(size_t i) {
    bool moved = refill_from_chains(i);
    if (!chains_[i].empty()) return moved;
    const uint64_t left = tail_size_[i] > share_threshold_ ? kept_ : tail_size_[i];
    for (; tail_size_[i] > left && shared_[i].has_room(); moved = true) {
      (void)shared_[i].push(pop_tail(i));
    }
    if (tail_size_[i] == 0) nothing_waits(i);
    return moved;
  }

  bool refill_from_chains(size_t i) {
    if (chains_[i].empty()) return false;
    std::array<std::array<Node*, kChain>, kPlaces / kChain> taken;
    const size_t count = chains_[i].take(taken, shared_[i].room() / kChain);
    for (const auto& chain : std::span(taken).first(count)) {
      for (Node* const runnable : chain) (void)shared_[i].push(runnable);
    }
    return count > 0;
  }

  // Nothing is there that a push to the RunQueue could pass.
  void nothing_waits(size_t i) {
    if (share_threshold_ == 0) behind_ &= ~bit(i);
  }

  // Of what is in the tail but for what is to be kept. True: the others are to be told, as
  // push_shared() says. What there is no memory for stays in the tail, to be tried with the next.
  [[gnu::noinline]] bool make_chains(size_t i) {
    bool tell = false;
    while (tail_size_[i] >= kept_ + kChain && chains_[i].make_room()) {
      tell |= to_be_told(chains_[i].size());
      chains_[i].push(cut_chain(i));
    }
    return tell;
  }

  // The oldest of the tail.
  Node* cut_chain(size_t i) {
    if (tail_size_[i] == kChain) [[likely]] {
      tail_size_[i] = 0;
      return tail_[i].take_all();
    }
    Node* const oldest = pop_tail(i);
    for (size_t k = 1; k < kChain; ++k) pop_tail(i);
    return oldest;
  }

  const Weights weights_;
  const uint64_t share_threshold_;
  const uint64_t kept_;  // of more than share_threshold_, out of the others' sight
  bool alone_ = false;
  uint32_t state_ = 0;             // of all priorities, in one word, for pop() to compare
  uint32_t short_way_ = kNoState;  // the state in which pop() looks to short_lane_ first
  Lane* short_lane_ = nullptr;
  uint32_t behind_ = 0;  // a bit for each priority: what is pushed goes to the tail
  bool refilled_ = false;
  std::array<uint8_t, task::kPriorities>
      in_a_row_{};  // says whose turn it is, the own or the others
  std::array<Lane, task::kPriorities> lanes_;
  // Not in the lanes: the same word written twice in a turn would be what a yield waits for.
  std::array<uint64_t, task::kPriorities> own_pushed_{};
  std::array<Queue, task::kPriorities> tail_;
  std::array<uint64_t, task::kPriorities> tail_size_{};
  std::array<RunQueue<Node*, kPlaces, Sync>, task::kPriorities> shared_;
  // Where thieves look and the owner writes only once.
  alignas(wait::kCacheLine) std::array<Chains<Node, kChain, Sync>, task::kPriorities> chains_;
};

using ReadySet = BasicReadySet<task::Runnable>;

}  // namespace annulet::sched::internal

#endif  // ANNULET_SCHED_INTERNAL_READY_SET_H_
