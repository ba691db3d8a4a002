// The token of a Parker: an unpark that comes before the park is not lost, and costs no system
// call.
//
// Use it to write a Parker (ThreadParker and the reactors stand on it). It decides; the Parker
// sleeps and wakes.
// Cost: one atomic read-modify-write a call.
// Threads: begin_park/end_park by the owner, unpark by any thread.
// Source: the parker of Rust's standard library.
//
//   owner:   if (state.begin_park()) { sleep while state.parked(); }  state.end_park();
//   others:  if (state.unpark()) wake the owner;
#ifndef ANNULET_WAIT_PARK_STATE_H_
#define ANNULET_WAIT_PARK_STATE_H_

#include <cstdint>

#include "annulet/wait/sync.h"

namespace annulet::wait {

template <class Sync = RealSync>
class ParkState {
 public:
  // Owner: true when it may sleep; false when a token was there already.
  bool begin_park() {
    uint32_t expected = kEmpty;
    return word_.compare_exchange_strong(expected, kParked,
                                         std::memory_order_relaxed);  // end_park() acquires
  }

  // Owner: after begin_park(), whatever it returned. Consumes the token. True if there was one.
  bool end_park() {
    // Acquire pairs with the release in unpark(): what the waker did before is visible after a
    // consumed token.
    return word_.exchange(kEmpty, std::memory_order_acquire) == kToken;
  }

  // Owner: nobody has called unpark() since begin_park().
  bool parked() const { return word_.load(std::memory_order_relaxed) == kParked; }

  // Any thread: leaves a token. True when the owner is asleep or about to be, so that the caller
  // must wake it.
  // Release pairs with end_park(). Several of them form one release sequence, so that the token
  // stands for them all.
  bool unpark() { return word_.exchange(kToken, std::memory_order_release) == kParked; }

  // For a Parker that sleeps on the word itself.
  typename Sync::template atomic<uint32_t>& word() { return word_; }
  static constexpr uint32_t kEmpty = 0;   // nobody sleeps, no token
  static constexpr uint32_t kToken = 1;   // unpark() was called; the next park returns at once
  static constexpr uint32_t kParked = 2;  // the owner sleeps or is about to

 private:
  typename Sync::template atomic<uint32_t> word_{kEmpty};
};

}  // namespace annulet::wait

#endif  // ANNULET_WAIT_PARK_STATE_H_
