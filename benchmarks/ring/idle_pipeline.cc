// A pipeline of three consumers that block, with nothing to do: what benchmarks/ring/idle measures.
//
// Passes on some events, so that every thread has come by all its code; prints "idle", and stays so
// until its standard input ends.
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <thread>
#include <vector>

#include "absl/log/check.h"
#include "annulet/ring/ring.h"
#include "annulet/wait/strategy.h"

namespace annulet::bench {
namespace {

using Ring = ring::Ring<uint64_t>;

constexpr uint64_t kEvents = 100'000;

void consume(Ring::Consumer& consumer) {
  wait::BlockWait strategy;
  while (consumer.wait(strategy) == ring::Wake::kReady) {
    for (uint64_t& event : consumer.take()) ++event;
    consumer.release();
  }
}

void await_end_of_input() {
  std::array<char, 64> ignored;
  while (read(STDIN_FILENO, ignored.data(), ignored.size()) > 0) {
  }
}

void run() {
  Ring ring({.capacity = 1024});
  auto first = ring.add_consumer();
  CHECK_OK(first);
  auto second = ring.add_consumer({.after = {*first}});
  CHECK_OK(second);
  auto third = ring.add_consumer({.after = {*second}});
  CHECK_OK(third);
  std::vector<std::thread> threads;
  for (auto* consumer : {&first, &second, &third}) {
    threads.emplace_back([consumer] { consume(**consumer); });
  }
  for (uint64_t i = 0; i < kEvents; ++i) {
    CHECK_OK(ring.publish([i](uint64_t& event) { event = i; }));
  }
  std::puts("idle");
  std::fflush(stdout);
  await_end_of_input();
  ring.close();
  for (std::thread& thread : threads) thread.join();
  CHECK_EQ(third->sequence(), kEvents);
}

}  // namespace
}  // namespace annulet::bench

int main() {
  annulet::bench::run();
  return 0;
}
