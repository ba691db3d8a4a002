// What a ring and its consumers did so far. Counted by each for itself, so that counting is free.
#ifndef ANNULET_RING_METRICS_H_
#define ANNULET_RING_METRICS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "annulet/ring/sequence.h"

namespace annulet::ring {

struct ConsumerMetrics {
  std::string name;
  Sequence released = 0;  // everything before has been handled
  uint64_t lag = 0;       // events published (several producers: claimed) and not yet released
  uint64_t batches = 0;   // releases
  uint64_t waits = 0;     // times that there was nothing to do
  // Times that it woke sleeping consumers after it, or sleeping producers; those of consumers that
  // had its place in the ring before it included.
  uint64_t wake_ups = 0;
};

struct RingMetrics {
  Sequence published = 0;  // with several producers: claimed
  uint64_t wake_ups = 0;   // times that producers woke sleeping consumers
  std::vector<ConsumerMetrics> consumers;
};

}  // namespace annulet::ring

#endif  // ANNULET_RING_METRICS_H_
