// The floor of a round trip: two cache lines, each written by one side and watched by the other.
#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "annulet/benchmarks/ring/driver.h"
#include "annulet/benchmarks/ring/event.h"
#include "annulet/benchmarks/ring/idle.h"

namespace annulet::bench {
namespace {

struct Lines {
  alignas(64) std::atomic<uint64_t> there{0};  // one more than the number that was sent last
  alignas(64) std::atomic<uint64_t> back{0};
};

void await_value(const std::atomic<uint64_t>& line, uint64_t value, Wait wait) {
  Idle idle(wait);
  while (line.load(std::memory_order_acquire) != value) idle();  // pairs with the other's store
}

absl::StatusOr<Plan> plan(const Options& options) {
  if (options.topology != Topology::kPingpong || options.event_bytes != 8) {
    return absl::UnimplementedError("pingpong of 8 bytes only");
  }
  if (options.wait == Wait::kBlock) return absl::UnimplementedError("cannot block");

  auto lines = std::make_shared<Lines>();
  auto latencies = std::make_shared<Latencies>(options.events);
  const auto ping = [&lines = *lines, &times = *latencies, options] {
    const uint64_t sum = time_round_trips(times, [&](uint64_t i) {
      lines.there.store(i + 1, std::memory_order_release);
      await_value(lines.back, i + 1, options.wait);
      return i;
    });
    lines.back.store(0, std::memory_order_release);  // for the next repeat; nobody looks now
    return sum;
  };
  const auto pong = [&lines = *lines, options] {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < options.events; ++i) {
      await_value(lines.there, i + 1, options.wait);
      sum += i;
      if (i + 1 == options.events) lines.there.store(0, std::memory_order_release);
      lines.back.store(i + 1, std::memory_order_release);
    }
    return sum;
  };
  const uint64_t expected = sum_of_range<Event<8>>(options.events);
  return Plan{lines, {{ping, expected}, {pong, expected}}, latencies};
}

}  // namespace
}  // namespace annulet::bench

int main(int argc, char** argv) {
  using namespace annulet::bench;
  return run_contestant(argc, argv, "raw_pingpong", plan);
}
