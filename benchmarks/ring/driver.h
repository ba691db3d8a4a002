// The instrument: runs the threads of a contestant, times them and checks what they saw.
//
// When: in the main() of a contestant, which is then one call of run_contestant(). A contestant
// makes a Plan, the workers of one topology; queue_plans.h makes it from a queue, a ring makes its
// own.
//
//   absl::StatusOr<Plan> plan(const Options& options);  // kUnimplemented: not with these options
//   int main(int argc, char** argv) { return run_contestant(argc, argv, "name", plan); }
//
// Cost: none while a repeat runs, but for the round trips of a pingpong (one look at the clock
// each). Threads: one for each worker, pinned; they live through all repeats, and start each at a
// barrier.
#ifndef ANNULET_BENCHMARKS_RING_DRIVER_H_
#define ANNULET_BENCHMARKS_RING_DRIVER_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "annulet/benchmarks/ring/options.h"

namespace annulet::bench {

// One thread. run() is called once for each repeat, on that thread, and returns the sum of what it
// sent or saw; the driver ends the program when that is not `expected`. What run() leaves behind
// (empty queues, sequences) is where the next call goes on.
struct Worker {
  std::function<uint64_t()> run;
  uint64_t expected = 0;
};

using Latencies = std::vector<uint32_t>;  // nanoseconds

struct Plan {
  std::shared_ptr<void> state;  // what the workers refer to: outlives them
  std::vector<Worker> workers;
  std::shared_ptr<Latencies> latencies;  // in a pingpong: of each round trip of a repeat
};

// One value for each repeat.
struct Measured {
  std::vector<double> ns_per_event;
  std::vector<double> p50_ns;  // of a pingpong only, as p99_ns
  std::vector<double> p99_ns;
  std::vector<double> wait_share;  // of the time, for the thread that waited longest for its cpu
};

using PlanMaker = std::function<absl::StatusOr<Plan>(const Options&)>;

// Runs the plan: one repeat that is not measured, then options.repeats. Time is from all threads
// ready to the last one done.
Measured measure(const Options& options, const Plan& plan);

std::string to_json(std::string_view contestant, const Options& options, const Measured& measured);

// A whole main(): flags, plan, run, one line of JSON. Returns 2 for bad flags and 3 for a
// combination that the contestant does not support, each with one line on stderr.
int run_contestant(int argc, char** argv, std::string_view contestant, const PlanMaker& make_plan);

// The side of a pingpong that asks: round_trip(i) sends i and returns what came back. Each trip is
// timed from the end of the one before.
template <class RoundTrip>
uint64_t time_round_trips(Latencies& latencies, const RoundTrip& round_trip) {
  using Clock = std::chrono::steady_clock;
  uint64_t sum = 0;
  Clock::time_point last = Clock::now();
  for (uint64_t i = 0; i < latencies.size(); ++i) {
    sum += round_trip(i);
    const Clock::time_point now = Clock::now();
    latencies[i] = static_cast<uint32_t>((now - last).count());
    last = now;
  }
  return sum;
}

}  // namespace annulet::bench

#endif  // ANNULET_BENCHMARKS_RING_DRIVER_H_
