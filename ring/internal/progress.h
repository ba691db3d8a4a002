// How far each reader of a ring is, and who may therefore go on.
#ifndef ANNULET_RING_INTERNAL_PROGRESS_H_
#define ANNULET_RING_INTERNAL_PROGRESS_H_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>

#include "annulet/ring/sequence.h"
#include "annulet/wait/cache_line.h"
#include "annulet/wait/strategy.h"
#include "annulet/wait/sync.h"

namespace annulet::ring::internal {

// One more in a count with one writer.
template <class Counter>
void count(Counter& counter, uint64_t more = 1) {
  counter.store(counter.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
}

// Where one reader is. On lines of its own, and those in pairs, as the processor fetches them.
template <class Sync>
struct alignas(2 * wait::kCacheLine) Progress {
  // Everything before has been let go by the reader, who alone writes it.
  typename Sync::template atomic<Sequence> released{0};
  // Rung after each change. On the same line, which the reader has at hand when it rings.
  wait::BasicBell<Sync> bell;
  // Set by whoever wants the reader to end. Seen by it before or after a bell.
  typename Sync::template atomic<bool> stopped{false};
  // Metrics: written by the reader alone.
  typename Sync::template atomic<uint64_t> batches{0};
  typename Sync::template atomic<uint64_t> waits{0};

  void release(Sequence end) {
    // Release pairs with the acquire in reach(): whoever goes on from here finds the events read.
    released.store(end, std::memory_order_release);
    bell.notify_all();
  }

  Sequence reach() const { return released.load(std::memory_order_acquire); }
};

// Where a reader begins.
struct Place {
  Sequence next;   // the first event it has not let go
  Sequence known;  // up to here they are known to be published; a publication begins here
};

// The progress of up to 63 readers. Any of them holds the producers back while it is a member.
template <class Sync>
class ProgressTable {
 public:
  using Mask = uint64_t;
  static constexpr size_t kMaxReaders = 63;

  // `bit(index)` names an entry in a Mask.
  static constexpr Mask bit(size_t index) { return Mask{1} << index; }

  ProgressTable(size_t readers, Sequence first)
      : size_(readers + 1),
        entries_(std::make_unique<Progress<Sync>[]>(size_)),
        vacant_(Place{.next = first, .known = first}) {
    entries_[kVacant].released.store(first, std::memory_order_relaxed);
  }

  Progress<Sync>& operator[](size_t index) const { return entries_[index]; }

  // Acquire pairs with the release of join(): who sees a member sees where it stands.
  Mask members() const { return members_.load(std::memory_order_acquire); }

  // Whether anybody is a member.
  bool is_read() const { return members() != bit(kVacant); }

  // The least progress of the entries in `mask`. All are within reach of `near`. In the order of
  // their indices: a group's own entry comes before those of its workers.
  Sequence oldest(Mask mask, Sequence near) const {
    int64_t least = std::numeric_limits<int64_t>::max();
    for (; mask != 0; mask &= mask - 1) {
      least = std::min(least, distance(near, entries_[std::countr_zero(mask)].reach()));
    }
    return near + static_cast<Sequence>(least);
  }

  struct Joined {
    size_t index;
    Mask workers;
    Place place;
  };

  // Takes an entry for a reader, and entries behind it for the workers of a group, who hold nobody
  // back until they work; or nothing if there are too few. newest() gives the end of what was
  // claimed, or published, so far. The first to join goes on where the last one left; every other
  // one begins with what is claimed from now on.
  //
  // No producer runs over a reader that joins. Either it sees the new members, all at once, when it
  // looks for room the next time; or its look came before the fence, and so did all that it had
  // published by then. This is before newest(), so the room that it found ends less than a lap
  // behind it.
  //
  // A producer may still look at an entry for the sake of somebody who has left it. So whatever
  // changes there is released, as by a reader, and rung.
  template <class Newest>
  std::optional<Joined> join(const Newest& newest, size_t workers = 0) {
    const typename Sync::lock_guard lock(mutex_);
    const Mask members = members_.load(std::memory_order_relaxed);  // written under the lock
    const Mask taken = vacancies(members, 1 + workers);
    if (taken == 0) return std::nullopt;
    const auto index = static_cast<size_t>(std::countr_zero(taken));
    Joined joined{.index = index, .workers = taken & ~bit(index), .place = vacant_.read()};
    Progress<Sync>& entry = entries_[index];
    renew(entry);
    if (members == bit(kVacant)) {
      idle(joined.workers, joined.place.next);
      entry.release(joined.place.next);
      members_.store(taken, std::memory_order_release);  // pairs with members()
      entries_[kVacant].bell.notify_all();
      return joined;
    }
    const Sequence provisional = newest();
    idle(joined.workers, provisional);
    entry.released.store(provisional, std::memory_order_release);  // pairs with reach(); rung below
    members_.store(members | taken, std::memory_order_release);    // pairs with members()
    Sync::fence_heavy();  // pairs with the light fence before a producer's look at members()
    const Sequence start = newest();
    entry.release(start);
    joined.place = {.next = start, .known = start};
    return joined;
  }

  // Gives an entry back. If nobody is left, the events from `place` on are kept for the next one.
  void leave(size_t index, Place place) {
    const typename Sync::lock_guard lock(mutex_);
    Mask members = members_.load(std::memory_order_relaxed) & ~bit(index);  // written under it
    if (members == 0) {
      vacant_.write() = place;
      entries_[kVacant].release(place.next);
      members = bit(kVacant);
    }
    members_.store(members, std::memory_order_release);  // pairs with members()
    entries_[index].bell.notify_all();
  }

  void ring_all_bells() {
    for (size_t index = 0; index < size_; ++index) entries_[index].bell.notify_all();
  }

 private:
  // The entry that is a member when no reader is.
  static constexpr size_t kVacant = 0;

  // The first `count` free entries, or none if there are fewer.
  Mask vacancies(Mask members, size_t count) const {
    Mask found = 0;
    for (size_t index = kVacant + 1; index < size_ && count > 0; ++index) {
      if ((members & bit(index)) != 0) continue;
      found |= bit(index);
      --count;
    }
    return count == 0 ? found : 0;
  }

  // For another reader.
  static void renew(Progress<Sync>& entry) {
    entry.stopped.store(false, std::memory_order_relaxed);
    entry.batches.store(0, std::memory_order_relaxed);
    entry.waits.store(0, std::memory_order_relaxed);
  }

  // Lets workers hold nobody back.
  void idle(Mask workers, Sequence near) {
    for (; workers != 0; workers &= workers - 1) {
      Progress<Sync>& entry = entries_[std::countr_zero(workers)];
      renew(entry);
      entry.release(near + kFar);
    }
  }

  const size_t size_;
  const std::unique_ptr<Progress<Sync>[]> entries_;
  typename Sync::template atomic<Mask> members_{bit(kVacant)};
  typename Sync::mutex mutex_;
  typename Sync::template cell<Place> vacant_;  // under mutex_
};

}  // namespace annulet::ring::internal

#endif  // ANNULET_RING_INTERNAL_PROGRESS_H_
