// A burst that is larger than the ring: the ring grows, the producer hardly waits, and when the
// consumer has caught up the memory is given back.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <thread>

#include "absl/status/status.h"
#include "annulet/ring/growing_ring.h"
#include "annulet/ring/handler.h"
#include "annulet/wait/strategy.h"

namespace ring = annulet::ring;

int main() {
  ring::GrowingRing<uint64_t> samples({.capacity = 64, .max_capacity = 4096});
  auto consumer = samples.add_consumer({.name = "store"});
  if (!consumer.ok()) return 1;

  // The burst comes while the consumer is busy with something else.
  absl::Status status;
  for (uint64_t sample = 0; sample < 1000 && status.ok(); ++sample) {
    status = samples.publish([&](uint64_t& event) { event = sample; });
  }
  std::printf("grew from 64 to %zu, ", samples.capacity());

  uint64_t stored = 0;
  std::thread store([&] {
    status =
        ring::run(samples, **consumer, [&](uint64_t) { ++stored; }, annulet::wait::BlockWait());
  });
  // Only the producer may shrink the ring, and it does when little is left in it.
  while (!samples.shrink()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  samples.close();
  store.join();
  if (!status.ok()) {
    std::fprintf(stderr, "burst: %s\n", status.ToString().c_str());
    return 1;
  }
  std::printf("stored %llu, back to %zu\n", static_cast<unsigned long long>(stored),
              samples.allocated());
}
