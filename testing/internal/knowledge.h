// What one model thread knows of the others: the two halves of the memory model.
//
// - The clock says which events happen before the thread's present. Plain memory is judged by it.
// - The view says, for each atomic location, which store is the oldest that the thread may still
//   read. Synchronization carries both; a seq_cst fence carries the view alone.
//
// Source: vector clocks after FastTrack (Flanagan and Freund, 2009); views after the promising
// semantics (Kang et al., 2017), without promises.
#ifndef ANNULET_TESTING_INTERNAL_KNOWLEDGE_H_
#define ANNULET_TESTING_INTERNAL_KNOWLEDGE_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/container/inlined_vector.h"

namespace annulet::model_check::internal {

// The scenario's body is thread 0.
inline constexpr int kMaxThreads = 8;

using LocationId = uint32_t;
using StoreIndex = uint16_t;  // position in the modification order of a location
using Epoch = uint32_t;       // a thread's own time; starts at 1

struct VectorClock {
  std::array<Epoch, kMaxThreads> at{};

  void join(const VectorClock& other) {
    for (int i = 0; i < kMaxThreads; ++i) at[i] = std::max(at[i], other.at[i]);
  }
};

class View {
 public:
  StoreIndex at(LocationId location) const {
    return location < oldest_.size() ? oldest_[location] : StoreIndex{0};
  }

  void raise(LocationId location, StoreIndex index) {
    if (oldest_.size() <= location) oldest_.resize(location + 1, 0);
    oldest_[location] = std::max(oldest_[location], index);
  }

  void join(const View& other) {
    if (oldest_.size() < other.oldest_.size()) oldest_.resize(other.oldest_.size(), 0);
    for (size_t i = 0; i < other.oldest_.size(); ++i) {
      oldest_[i] = std::max(oldest_[i], other.oldest_[i]);
    }
  }

  size_t size() const { return oldest_.size(); }

 private:
  absl::InlinedVector<StoreIndex, 16> oldest_;
};

struct Knowledge {
  VectorClock clock;
  View view;

  void join(const Knowledge& other) {
    clock.join(other.clock);
    view.join(other.view);
  }
};

}  // namespace annulet::model_check::internal

#endif  // ANNULET_TESTING_INTERNAL_KNOWLEDGE_H_
