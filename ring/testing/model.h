// Rings under the policy of the model checker, for model tests.
#ifndef ANNULET_RING_TESTING_MODEL_H_
#define ANNULET_RING_TESTING_MODEL_H_

#include <cstddef>

#include "annulet/ring/ring.h"
#include "annulet/testing/model_check.h"
#include "annulet/wait/strategy.h"

namespace annulet::ring {

using model_check::ensure;
using model_check::ModelSync;
using PauseModel = wait::BasicPauseWait<ModelSync>;
using BlockModel = wait::BasicBlockWait<ModelSync>;

// Plain memory: whoever reads it must come after whoever wrote it, and the other way round.
struct Event {
  ModelSync::cell<int> value;
};

template <class Producers, class Layout = Slots>
using ModelRing = Ring<Event, Producers, Layout, ModelSync>;

// Publishes `value` and the numbers behind it. False if nothing was claimed.
template <class Claim>
bool fill(Claim claim, int value) {
  if (!claim) return false;
  for (Event& event : claim) event.value.write() = value++;
  claim.publish();
  return true;
}

// Claims one event and waits for room.
template <class Wait = PauseModel, class Ring>
bool put(Ring& ring, int value) {
  return fill(ring.template claim<Wait>(), value);
}

// Takes and releases what is there. Appends the values to `digits`; returns how many.
template <class Consumer>
size_t read_some(Consumer& consumer, int& digits, size_t max = kAll) {
  const auto batch = consumer.take(max);
  for (const Event& event : batch) digits = digits * 10 + event.value.read();
  if (!batch.empty()) consumer.release();
  return batch.size();
}

// Reads `count` events, waiting for them. Returns their values as digits.
template <class Wait = PauseModel, class Consumer>
int read_events(Consumer& consumer, size_t count) {
  Wait strategy;
  int digits = 0;
  while (count > 0) {
    ensure(consumer.wait(strategy) == Wake::kReady, "the ring ended too early");
    count -= read_some(consumer, digits, count);
  }
  return digits;
}

// Reads until the ring ends.
template <class Wait = PauseModel, class Consumer>
int read_to_end(Consumer& consumer) {
  Wait strategy;
  int digits = 0;
  while (consumer.wait(strategy) == Wake::kReady) read_some(consumer, digits);
  return digits;
}

}  // namespace annulet::ring

#endif  // ANNULET_RING_TESTING_MODEL_H_
