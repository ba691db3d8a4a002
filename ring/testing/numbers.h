// Rings of numbers, for tests.
#ifndef ANNULET_RING_TESTING_NUMBERS_H_
#define ANNULET_RING_TESTING_NUMBERS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "annulet/ring/ring.h"
#include "gtest/gtest.h"

namespace annulet::ring {

using Single = Ring<uint64_t>;
using DenseRing = Ring<uint64_t, SingleProducer, Dense>;
using Multi = Ring<uint64_t, MultiProducer>;

template <class R>
void publish(R& ring, uint64_t value) {
  auto claim = ring.claim();
  ASSERT_TRUE(claim) << claim.status();
  *claim = value;
  claim.publish();
}

template <class R>
void publish_range(R& ring, uint64_t first, uint64_t end) {
  for (uint64_t value = first; value < end; ++value) publish(ring, value);
}

// Takes and releases what is there, up to `max` events.
template <class Consumer>
std::vector<uint64_t> read(Consumer& consumer, size_t max = kAll) {
  std::vector<uint64_t> values;
  for (;;) {
    const auto batch = consumer.take(max - values.size());
    if (batch.empty()) return values;
    for (const uint64_t event : batch) values.push_back(event);
    consumer.release();
  }
}

using AllRings = ::testing::Types<Single, DenseRing, Multi>;

}  // namespace annulet::ring

#endif  // ANNULET_RING_TESTING_NUMBERS_H_
