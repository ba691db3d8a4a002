// A work group: consumers that share the events, each going to one of them.
//
//   auto group = ring.add_work_group({.name = "parse", .workers = 3});
//   thread i:  auto& worker = group->worker(i);
//              while (worker.wait(strategy) == Wake::kReady) {
//                for (Event& event : worker.take(16)) use(event);   // empty if another was faster
//                worker.release();
//              }
//
// Use it for stages whose work on an event takes longer than an event may take, say from 200 ns on:
// who takes events contends with the others for one counter. Events are begun in order, but not
// finished in order; who comes after the group sees them in order again.
//
// A worker takes only what is there: one that waits, or has ended, holds nobody back. When a group
// leaves, what its workers took and did not release counts as handled.
//
// Cost: take() one compare-exchange on a line that the workers share, and two stores. A published
// event wakes all workers that sleep.
// Threads: each worker belongs to one thread at a time. Lifetime: within the ring's; workers live
// in the group, which is destroyed after those that come after it.
// Source: the WorkerPool of the LMAX Disruptor, in which a worker claims before there is something.
#ifndef ANNULET_RING_WORK_GROUP_H_
#define ANNULET_RING_WORK_GROUP_H_

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/log/absl_check.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "annulet/ring/batch.h"
#include "annulet/ring/internal/progress.h"
#include "annulet/ring/internal/upstream.h"
#include "annulet/ring/internal/work_share.h"
#include "annulet/ring/sequence.h"
#include "annulet/wait/deadline.h"

namespace annulet::ring {

template <class Ring>
struct WorkGroupOptions {
  std::string name = "group";
  size_t workers = 2;
  // Who handles each event before the group does.
  std::vector<internal::Upstream<Ring>> after;
  // For metrics. Who has none is called by the group's name and a number: "group/0".
  std::vector<std::string> worker_names = {};
};

template <class Ring>
class Worker {
 public:
  using Event = typename Ring::Event;
  using Batch = ring::Batch<Ring>;

  // By WorkGroup.
  Worker(Ring& ring, internal::WorkShare<Ring>& share, size_t index)
      : ring_(&ring), share_(&share), index_(index) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Waits until there are events that no worker has taken, by a strategy that the thread owns.
  template <class Wait>
  Wake wait(Wait& strategy, wait::Deadline until = wait::kNever) {
    if (share_->reader().is_stopped(*ring_, index_)) return Wake::kEnded;
    Sequence next = share_->next();
    uint32_t looks = 0;
    const auto look = [&] {
      ++looks;
      return share_->has_more(next);
    };
    const Wake wake = share_->reader().wait(*ring_, index_, next, look, strategy, until);
    if (wake != Wake::kReady || looks != 1) internal::count(progress().waits);
    return wake;
  }

  // Up to `max` events, for this worker alone. Never waits; may be empty. What was taken before
  // must have been released.
  Batch take(size_t max = 1) {
    ABSL_DCHECK_EQ(first_, end_) << "take() before release()";
    // Before the taking, so that who sees these events taken sees them held. As a release(), for
    // the sake of the events before, and of who waits for a hold that was in vain to be given up.
    const auto hold_from = [this](Sequence first) { progress().release(first); };
    const auto [first, end] = share_->take(max, hold_from);
    first_ = first;
    end_ = end;
    if (first_ == end_) progress().release(idle());
    return Batch(*ring_, first_, end_);
  }

  // Lets go of all that was taken, or of the first `count` events of it.
  void release() { release(end_ - first_); }
  void release(size_t count) {
    ABSL_DCHECK_LE(count, end_ - first_) << "release() of more than was taken";
    first_ += count;
    progress().release(first_ == end_ ? idle() : first_);
    internal::count(progress().batches);
  }

  // The first event that no worker has taken.
  Sequence sequence() const { return share_->next(); }

  // One event at a time, so that the others have something to do, too.
  size_t default_batch() const { return 1; }

  // From any thread: wait() says kEnded from now on.
  void stop() { share_->reader().stop(*ring_, index_); }

 private:
  internal::Progress<typename Ring::SyncPolicy>& progress() const {
    return ring_->sequencer().table()[index_];
  }
  // As far as it takes to hold nobody back.
  Sequence idle() const { return end_ + internal::kFar; }

  Ring* ring_;
  internal::WorkShare<Ring>* share_;
  size_t index_;
  Sequence first_ = 0;  // of what is taken and not yet released
  Sequence end_ = 0;
};

template <class Ring>
class WorkGroup {
 public:
  WorkGroup(WorkGroup&&) = default;
  WorkGroup& operator=(WorkGroup&&) = delete;
  ~WorkGroup() {
    if (share_ != nullptr) share_->leave(workers_mask_);
  }

  size_t size() const { return workers_.size(); }
  Worker<Ring>& worker(size_t index) { return *workers_[index]; }

  // For the `after` of those who come after the group.
  operator internal::Upstream<Ring>() const {
    return {&share_->ring(), share_->reader().mask() | workers_mask_};
  }

 private:
  friend Ring;

  static absl::StatusOr<WorkGroup> join(Ring& ring, const WorkGroupOptions<Ring>& options) {
    if (options.workers == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("ring: the group '", options.name, "' has no workers"));
    }
    auto member = internal::Reader<Ring>::join(ring, options.name, options.after, options.workers);
    if (!member.ok()) return member.status();
    // The last thing that may throw is the making of the group.
    static_assert(std::is_nothrow_move_constructible_v<WorkGroup>);
    try {
      return WorkGroup(ring, *member, options);
    } catch (...) {
      member->reader.leave(ring, member->place, member->workers);
      throw;
    }
  }

  WorkGroup(Ring& ring, const typename internal::Reader<Ring>::Member& member,
            const WorkGroupOptions<Ring>& options)
      : share_(std::make_unique<internal::WorkShare<Ring>>(ring, member)),
        workers_mask_(member.workers) {
    for (uint64_t rest = workers_mask_; rest != 0; rest &= rest - 1) {
      const auto index = static_cast<size_t>(std::countr_zero(rest));
      ring.roster().add(index, worker_name(options, workers_.size()), 0);
      workers_.push_back(std::make_unique<Worker<Ring>>(ring, *share_, index));
    }
  }

  static std::string worker_name(const WorkGroupOptions<Ring>& options, size_t number) {
    const std::vector<std::string>& names = options.worker_names;
    if (number < names.size() && !names[number].empty()) return names[number];
    return absl::StrCat(options.name, "/", number);
  }

  std::unique_ptr<internal::WorkShare<Ring>> share_;
  std::vector<std::unique_ptr<Worker<Ring>>> workers_;
  uint64_t workers_mask_;
};

}  // namespace annulet::ring

#endif  // ANNULET_RING_WORK_GROUP_H_
