// The memory of a model execution: atomic locations with all their stores, and what each thread may
// read of them.
//
// Per location the stores stand in modification order, which is the order in which they were
// executed. A load may read any store that is not older than what its thread knows of; a
// read-modify-write reads the newest. Knowledge travels with stores: what a release store (or one
// behind a release fence) knew is handed to the acquire load (or one before an acquire fence) that
// reads it, or that reads a read-modify-write continuing its release sequence.
// seq_cst accesses and fences are totally ordered as they were executed; seq_cst_ is the oldest
// store of each location that a later one of them may still read.
// Asymmetric fences order a light and a heavy one: whichever comes second knows what the other
// one's thread knew. A heavy one is a seq_cst fence besides; a light one is nothing else.
//
// Source: C++20 [intro.races] and [atomics.order] in the operational form of "A promising semantics
// for relaxed-memory concurrency" (Kang et al., 2017), without promises.
#ifndef ANNULET_TESTING_INTERNAL_MEMORY_H_
#define ANNULET_TESTING_INTERNAL_MEMORY_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "annulet/testing/internal/knowledge.h"
#include "annulet/testing/internal/plain_access.h"

namespace annulet::model_check::internal {

// Mixes two hashes; order matters.
inline uint64_t mix(uint64_t a, uint64_t b) {
  uint64_t x = (a ^ (b + 0x9E3779B97F4A7C15)) * 0xBF58476D1CE4E5B9;
  x ^= x >> 29;
  x *= 0x94D049BB133111EB;
  return x ^ (x >> 32);
}

struct ThreadMemory {
  int id = 0;
  Knowledge now;
  Knowledge at_release_fence;  // what a relaxed store hands on
  Knowledge pending;           // what an acquire fence will take in
  // Fingerprint of all that the thread has seen. Its code is deterministic, so equal histories mean
  // equal thread states.
  uint64_t history = 0;

  // Begins a new epoch: what was handed on before does not cover what comes after.
  void tick() { ++now.clock.at[id]; }
  void remember(uint64_t what) { history = mix(history, what); }
};

struct Store {
  uint64_t value;
  Knowledge released;
  uint64_t identity;  // a fingerprint that no other store has
  int thread;
  uint32_t step;  // for the trace
};

struct Location {
  std::vector<Store> stores;  // in modification order
  Lifetime lifetime;
  uint64_t key = 0;    // the same however the other threads were interleaved
  uint64_t order = 0;  // fingerprint of the modification order

  StoreIndex newest() const { return static_cast<StoreIndex>(stores.size() - 1); }
};

class Memory {
 public:
  void clear();

  LocationId construct(ThreadMemory& thread, uint64_t value, uint32_t step);
  Location& at(LocationId location) { return locations_[location]; }
  const Location& at(LocationId location) const { return locations_[location]; }
  size_t size() const { return count_; }

  // The oldest store that a load with this order may read.
  StoreIndex oldest_visible(const ThreadMemory& thread, LocationId location,
                            std::memory_order order) const;
  // Reads the chosen one.
  uint64_t read(ThreadMemory& thread, LocationId location, StoreIndex index,
                std::memory_order order);
  void write(ThreadMemory& thread, LocationId location, uint64_t value, std::memory_order order,
             uint32_t step);
  // Reads the newest store, writes `value` right behind it.
  void read_modify_write(ThreadMemory& thread, LocationId location, uint64_t value,
                         std::memory_order order, uint32_t step);
  void fence(ThreadMemory& thread, std::memory_order order);
  void fence_light(ThreadMemory& thread);
  void fence_heavy(ThreadMemory& thread);

  // Of everything here that is not in the threads' histories.
  uint64_t fingerprint() const;

 private:
  void append(ThreadMemory& thread, LocationId location, uint64_t value, std::memory_order order,
              const Knowledge* continued, uint32_t step);
  uint64_t fingerprint_of(const View& view) const;

  std::vector<Location> locations_;  // the first count_ are in use
  size_t count_ = 0;
  View seq_cst_;
  View light_;           // what the light fences so far knew together
  View heavy_;           // and the heavy ones
  uint64_t orders_ = 0;  // the sum over the locations
};

}  // namespace annulet::model_check::internal

#endif  // ANNULET_TESTING_INTERNAL_MEMORY_H_
