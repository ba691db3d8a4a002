// Who reads a ring: names, who comes after whom, and why the ring was halted.
#ifndef ANNULET_RING_INTERNAL_ROSTER_H_
#define ANNULET_RING_INTERNAL_ROSTER_H_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "annulet/ring/internal/progress.h"
#include "annulet/ring/metrics.h"
#include "annulet/ring/sequence.h"

namespace annulet::ring::internal {

// Nothing here is on a hot path. Any thread.
template <class Sync>
class Roster {
 public:
  using Table = ProgressTable<Sync>;
  using Mask = typename Table::Mask;

  explicit Roster(size_t readers) : readers_(readers + 1) {}

  void add(size_t index, std::string name, Mask after) {
    const typename Sync::lock_guard lock(mutex_);
    readers_[index] = {.present = true, .name = std::move(name), .after = after};
  }

  void remove(size_t index) {
    const typename Sync::lock_guard lock(mutex_);
    readers_[index] = {};
  }

  // Whether somebody comes after the reader.
  bool is_awaited(size_t index) const {
    const typename Sync::lock_guard lock(mutex_);
    return std::any_of(readers_.begin(), readers_.end(), [&](const Reader& reader) {
      return (reader.after & Table::bit(index)) != 0;
    });
  }

  void fail(const absl::Status& why) {
    const typename Sync::lock_guard lock(mutex_);
    if (failure_.ok()) failure_ = why;
  }

  absl::Status failure() const {
    const typename Sync::lock_guard lock(mutex_);
    return failure_;
  }

  // For messages: who holds the producers back.
  std::string slowest(const Table& table) const {
    const typename Sync::lock_guard lock(mutex_);
    const Mask members = table.members();
    const Sequence oldest = table.oldest(members, table[std::countr_zero(members)].reach());
    for (size_t index = 0; index < readers_.size(); ++index) {
      if (readers_[index].present && table[index].reach() == oldest) {
        return absl::StrCat("'", readers_[index].name, "' to release event ", oldest);
      }
    }
    return "a consumer to join";
  }

  RingMetrics metrics(Sequence published, uint64_t wake_ups, const Table& table) const {
    const typename Sync::lock_guard lock(mutex_);
    RingMetrics metrics{.published = published, .wake_ups = wake_ups};
    for (size_t index = 0; index < readers_.size(); ++index) {
      if (!readers_[index].present) continue;
      const Progress<Sync>& progress = table[index];
      // A worker that does nothing is far ahead.
      Sequence released = progress.reach();
      if (distance(released, published) < 0) released = published;
      metrics.consumers.push_back({.name = readers_[index].name,
                                   .released = released,
                                   .lag = published - released,
                                   .batches = progress.batches.load(std::memory_order_relaxed),
                                   .waits = progress.waits.load(std::memory_order_relaxed),
                                   .wake_ups = progress.bell.rings()});
    }
    return metrics;
  }

 private:
  struct Reader {
    bool present = false;
    std::string name;
    Mask after = 0;
  };

  mutable typename Sync::mutex mutex_;
  std::vector<Reader> readers_;
  absl::Status failure_;
};

}  // namespace annulet::ring::internal

#endif  // ANNULET_RING_INTERNAL_ROSTER_H_
