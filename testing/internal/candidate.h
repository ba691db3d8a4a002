// A candidate execution of a small program: its events in the order of execution, and whether it
// keeps the axioms of the memory model.
//
// Use it below axioms.h, which says what is assumed.
//
// Cost: a microsecond or so.
// Threads: any.
// Source: C++20 [intro.races], [atomics.order] and [atomics.fences].
#ifndef ANNULET_TESTING_INTERNAL_CANDIDATE_H_
#define ANNULET_TESTING_INTERNAL_CANDIDATE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "annulet/testing/axioms.h"

namespace annulet::model_check::axioms {

inline constexpr int kNobody = -1;

struct Event {
  int thread = kNobody;  // who makes the locations before the threads start
  Kind kind = Kind::kStore;
  std::memory_order order = std::memory_order_relaxed;
  int location = 0;
  bool reads = false;  // an atomic location, as does `writes`
  bool writes = false;
  size_t source = 0;  // the event whose store it reads
  uint32_t read = 0;
  uint32_t written = 0;

  bool is_fence() const { return kind == Kind::kFence; }
  bool is_of_cell() const { return kind == Kind::kCellRead || kind == Kind::kCellWrite; }
  bool is_seq_cst() const { return order == std::memory_order_seq_cst; }
  bool is_acquire() const {
    return (reads || is_fence()) && order != std::memory_order_relaxed &&
           order != std::memory_order_release;
  }
  bool is_release() const {
    return (writes || is_fence()) && order != std::memory_order_relaxed &&
           order != std::memory_order_acquire;
  }
};

using Candidate = std::vector<Event>;  // an event is known by its place

// At most so many events.
inline constexpr size_t kMaxEvents = kLocations + kMaxSteps;

// Whether the standard allows the execution. One that it forbids stays so however it goes on: no
// relation loses a pair by what is executed later.
bool keeps_the_axioms(const Candidate& events);

// Whether two threads access the cell, one of them to write, and nothing orders the two accesses.
bool has_data_race(const Candidate& events);

}  // namespace annulet::model_check::axioms

#endif  // ANNULET_TESTING_INTERNAL_CANDIDATE_H_
