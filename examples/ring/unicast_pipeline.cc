// One publisher and two stages of consumers in threads of their own, waiting by the strategy that
// is named on the command line:
//
//   bazel run //examples/ring:unicast_pipeline -- spin|yield|block
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <thread>

#include "absl/status/status.h"
#include "annulet/ring/handler.h"
#include "annulet/ring/ring.h"
#include "annulet/wait/strategy.h"

namespace ring = annulet::ring;
namespace wait = annulet::wait;

constexpr uint64_t kEvents = 100'000;

template <class Wait>
absl::Status run_pipeline() {
  ring::Ring<uint64_t> numbers({.capacity = 1024});
  auto squarer = numbers.add_consumer({.name = "square"});
  if (!squarer.ok()) return squarer.status();
  auto adder = numbers.add_consumer({.name = "add", .after = {*squarer}});
  if (!adder.ok()) return adder.status();

  uint64_t sum = 0;
  absl::Status squared;
  absl::Status added;
  std::thread square([&] {
    squared = ring::run(numbers, *squarer, [](uint64_t& number) { number *= number; }, Wait());
  });
  std::thread add(
      [&] { added = ring::run(numbers, *adder, [&](uint64_t number) { sum += number; }, Wait()); });
  absl::Status published;
  for (uint64_t number = 1; number <= kEvents && published.ok(); ++number) {
    published = numbers.publish([&](uint64_t& event) { event = number; });
  }
  numbers.close();
  square.join();
  add.join();
  for (const absl::Status& status : {published, squared, added}) {
    if (!status.ok()) return status;
  }
  std::printf("sum of squares %llu\n", static_cast<unsigned long long>(sum));
  return absl::OkStatus();
}

int main(int argc, char** argv) {
  const char* const strategy = argc > 1 ? argv[1] : "block";
  absl::Status status;
  if (std::strcmp(strategy, "spin") == 0) {
    status = run_pipeline<wait::BusySpinWait>();
  } else if (std::strcmp(strategy, "yield") == 0) {
    status = run_pipeline<wait::YieldWait>();
  } else if (std::strcmp(strategy, "block") == 0) {
    status = run_pipeline<wait::BlockWait>();
  } else {
    std::fprintf(stderr, "unknown strategy '%s'; usage: unicast_pipeline spin|yield|block\n",
                 strategy);
    return 2;
  }
  if (!status.ok()) {
    std::fprintf(stderr, "unicast_pipeline: %s\n", status.ToString().c_str());
    return 1;
  }
}
