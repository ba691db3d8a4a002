// What a worker has to run, by priority: tasks of its own that nobody else may run, and tasks that
// others may steal.
//
// Of those that may be stolen thieves see what lies in a RunQueue. The younger ones wait for that
// in a plain list: those that have no room there, and with a share_threshold, as many as that;
// beyond it the older half of them is moved on. A worker that is alone keeps all as if they were
// its own.
//
// Each priority has a weight, the number of turns that it gets before the next lower one gets one
// of its own; a round is over when every priority that has something to run has had its turns. So
// the urgent comes first, and yet the oldest task of any priority runs within twice as many turns
// as the weights add up to: those that are left of a round, and the next one. Within a priority it
// is first in, first out for the worker's own tasks and for those that may be stolen; where there
// are both, they take turns, kInARow at a time, and the oldest of either waits for a round more.
// Cost: push and pop a few plain instructions, and what RunQueue says.
// Threads: owner thread, but steal() and stealable() by any.
#ifndef ANNULET_SCHED_INTERNAL_READY_SET_H_
#define ANNULET_SCHED_INTERNAL_READY_SET_H_

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "annulet/sched/options.h"
#include "annulet/sched/run_queue.h"
#include "annulet/task/context.h"
#include "annulet/task/runnable.h"
#include "annulet/task/runnable_queue.h"
#include "annulet/wait/sync.h"

namespace annulet::sched::internal {

// Node has a member `Node* next`. Thieves can see kVisible tasks of one priority; the others wait
// until their worker lets go.
template <class Node, uint64_t kVisible = 256, class Sync = wait::RealSync>
class BasicReadySet {
 public:
  static constexpr uint8_t kInARow = 4;
  static constexpr uint64_t kStealable = kVisible;

  explicit BasicReadySet(const Weights& weights, uint32_t share_threshold = 0)
      : weights_(weights), share_threshold_(share_threshold) {
    begin_round();
  }

  // Whether there is nobody to steal. While it is empty.
  void set_alone(bool alone) { alone_ = alone; }

  // To be run by this worker alone.
  void push_own(task::Priority priority, Node* runnable) {
    const size_t i = index(priority);
    own_[i].push(runnable);
    ++own_pushed_[i];
    occupied_ |= bit(i);
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
    occupied_ |= bit(i);
    maybe_shared_ |= bit(i);
    const uint64_t before = shared_[i].stealable();
    if (keeps(i) || !shared_[i].push(runnable)) [[unlikely]]
      return push_waiting(i, runnable, before);
    return before == 0 || std::has_single_bit(before);
  }

  // The next to be run, or null.
  Node* pop() {
    const uint32_t candidates = occupied_ & funded_;
    const uint32_t most_urgent = candidates & (0 - candidates);
    // The short way of a worker with tasks of its own alone.
    if ((most_urgent & ~maybe_shared_) != 0) {
      const auto i = static_cast<size_t>(__builtin_ctz(most_urgent));
      if (Node* const runnable = pop_own(i)) return charge(i, runnable);
    }
    return pop_any();
  }

  // Whether tasks that had waited for room have come where others can take them, since the last
  // call.
  bool take_refilled() { return refilled_ && std::exchange(refilled_, false); }

  // Whether there may be something for pop(): thieves may have taken it.
  bool maybe_any() const { return occupied_ != 0; }

  // Any thread: whether something waits that another worker could take over.
  bool stealable() const {
    for (const auto& shared : shared_) {
      if (!shared.empty()) return true;
    }
    return false;
  }

  // Thief: the older half of the most urgent that can be stolen. Returns how many.
  size_t steal(std::span<Node*> into) {
    for (auto& shared : shared_) {
      if (const size_t count = shared.steal(into); count > 0) return count;
    }
    return 0;
  }

  // How many are ready: of its own, and of those that others may run.
  uint64_t own_size(task::Priority priority) const {
    return own_pushed_[index(priority)] - own_popped_[index(priority)];
  }
  uint64_t shared_size(task::Priority priority) const {
    return shared_[index(priority)].size() + waiting_count_[index(priority)];
  }

  // Whether another worker could help: there is something that may be stolen, and more than that.
  bool spare() const {
    uint64_t shared = 0;
    for (const auto& queue : shared_) shared += queue.size();
    if (shared != 1) return shared > 1;
    for (size_t i = 0; i < task::kPriorities; ++i) {
      if (!own_[i].empty() || waiting_count_[i] != 0) return true;
    }
    return false;
  }

 private:
  using Queue = task::BasicRunnableQueue<Node>;

  static size_t index(task::Priority priority) { return static_cast<size_t>(priority); }
  static uint32_t bit(size_t i) { return 1u << i; }

  void begin_round() {
    turns_ = {weights_.high, weights_.normal, weights_.low};
    funded_ = bit(task::kPriorities) - 1;
  }

  // Out of line, so that the short way saves no registers for it.
  [[gnu::noinline]] Node* pop_any() {
    while (occupied_ != 0) {
      const uint32_t candidates = occupied_ & funded_;
      if (candidates == 0) {
        begin_round();
        continue;
      }
      const auto most_urgent = static_cast<size_t>(std::countr_zero(candidates));
      if (Node* const runnable = pop_from(most_urgent)) return charge(most_urgent, runnable);
      occupied_ &= ~bit(most_urgent);
    }
    return nullptr;
  }

  // One turn of what comes from there.
  Node* charge(size_t i, Node* runnable) {
    if (--turns_[i] == 0) funded_ &= ~bit(i);
    return runnable;
  }

  Node* pop_from(size_t i) {
    if ((maybe_shared_ & bit(i)) == 0) return pop_own(i);
    if ((in_a_row_[i]++ / kInARow) % 2 == 0) {
      if (Node* const runnable = pop_own(i)) return runnable;
    }
    Node* runnable = shared_[i].pop();
    // Again, for thieves may have taken all that was moved on.
    while (runnable == nullptr && waiting_count_[i] != 0) {
      if (waiting_count_[i] <= share_threshold_) return pop_waiting(i);
      refill(i);
      refilled_ = true;
      runnable = shared_[i].pop();
    }
    if (runnable != nullptr) return runnable;
    maybe_shared_ &= ~bit(i);
    return pop_own(i);
  }

  Node* pop_own(size_t i) {
    Node* const runnable = own_[i].pop();
    if (runnable != nullptr) ++own_popped_[i];
    return runnable;
  }

  // Whether what is pushed waits, because others do before it, or for the threshold.
  bool keeps(size_t i) const { return (waiting_count_[i] | share_threshold_) != 0; }

  // As push_shared(), where thieves could take `before` so far.
  [[gnu::noinline]] bool push_waiting(size_t i, Node* runnable, uint64_t before) {
    waiting_[i].push(runnable);
    ++waiting_count_[i];
    if (share_threshold_ != 0) return waiting_count_[i] > share_threshold_ && refill(i);
    return before == 0 ? refill(i) : std::has_single_bit(before);
  }

  Node* pop_waiting(size_t i) {
    --waiting_count_[i];
    return waiting_[i].pop();
  }

  // Moves on all that wait, or with a threshold the older half of them, as far as there is room.
  // False: there was none.
  [[gnu::noinline]] bool refill(size_t i) {
    const uint64_t most = share_threshold_ == 0 ? waiting_count_[i] : (waiting_count_[i] + 1) / 2;
    uint64_t moved = 0;
    for (; moved < most && shared_[i].has_room(); ++moved) {
      (void)shared_[i].push(waiting_[i].pop());
    }
    waiting_count_[i] -= moved;
    return moved > 0;
  }

  const Weights weights_;
  const uint64_t share_threshold_;
  bool alone_ = false;
  // A bit for each priority:
  uint32_t occupied_ = 0;      // it may have something
  uint32_t maybe_shared_ = 0;  // it may have something that others may run
  uint32_t funded_ = 0;        // it has turns left in this round
  bool refilled_ = false;
  std::array<uint32_t, task::kPriorities> turns_;
  std::array<uint8_t, task::kPriorities>
      in_a_row_{};  // says whose turn it is, the own or the others
  std::array<Queue, task::kPriorities> own_;
  // Two counts, for the same word written twice in a turn would be what a yield waits for.
  std::array<uint64_t, task::kPriorities> own_pushed_{};
  std::array<uint64_t, task::kPriorities> own_popped_{};
  // To come into shared_; younger than what lies there.
  std::array<Queue, task::kPriorities> waiting_;
  std::array<uint64_t, task::kPriorities> waiting_count_{};
  std::array<RunQueue<Node*, kStealable, Sync>, task::kPriorities> shared_;
};

using ReadySet = BasicReadySet<task::Runnable>;

}  // namespace annulet::sched::internal

#endif  // ANNULET_SCHED_INTERNAL_READY_SET_H_
