// What a run of a contestant is asked to do, from the flags that all contestants share.
//
// When: first thing in a contestant's main(). Cost: none worth naming. Threads: the main thread.
#ifndef ANNULET_BENCHMARKS_RING_OPTIONS_H_
#define ANNULET_BENCHMARKS_RING_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace annulet::bench {

enum class Topology {
  kUnicast,    // one producer, one consumer
  kPipeline,   // one producer, three stages in a row
  kMulticast,  // one producer, three consumers that each see every event
  kDiamond,    // one producer, two consumers beside each other, one that joins both
  kProducers,  // three producers, one consumer
  kPingpong,   // one event in flight, there and back
};

// How a thread waits for the other side.
enum class Wait { kSpin, kPause, kYield, kBlock };

inline constexpr size_t kMaxBatch = 128;
inline constexpr uint64_t kProducers = 3;  // of Topology::kProducers

struct Options {
  Topology topology = Topology::kUnicast;
  size_t ring = 1024;  // slots; a power of two
  size_t batch = 1;    // events that a producer publishes at a time
  size_t event_bytes = 8;
  Wait wait = Wait::kSpin;
  uint64_t events = 1'000'000;  // of a repeat; round trips in a pingpong
  int repeats = 5;
  std::vector<int> cpus = {0, 1};  // thread i runs on cpus[i % cpus.size()]
};

// The options that the flags ask for, or what is wrong with them. Without --wait, everyone spins
// where there are as many cpus as threads, and yields where there are not.
absl::StatusOr<Options> options_from_flags();

// What is wrong with the options, if anything.
absl::Status validate(const Options& options);

absl::StatusOr<Topology> parse_topology(std::string_view text);
absl::StatusOr<Wait> parse_wait(std::string_view text);
std::string_view name_of(Topology topology);
size_t threads_of(Topology topology);

// How many of the events each of kProducers producers sends.
uint64_t share_of_producer(uint64_t events, uint64_t producer);

}  // namespace annulet::bench

#endif  // ANNULET_BENCHMARKS_RING_OPTIONS_H_
