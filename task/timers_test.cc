#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <vector>

#include "annulet/task/block_on.h"
#include "annulet/task/this_task.h"
#include "annulet/task/timer_heap.h"

namespace annulet::task {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// A heap on a clock that stands until it is moved.
class SteeredTimers final : public TimerHeap {
 public:
  Deadline now() override { return time; }
  Deadline time{};
};

struct Probe : TimerNode {
  Probe() : TimerNode(&count) {}
  static void count(TimerNode* node, TimerEvent event) noexcept {
    auto* self = static_cast<Probe*>(node);
    (event == TimerEvent::kExpired ? self->expired : self->closed) += 1;
  }
  int expired = 0;
  int closed = 0;
};

Deadline at(int64_t ns) { return Deadline(nanoseconds(ns)); }

TEST(TimerHeap, FiresEachNodeOnceAndNeverEarly) {
  SteeredTimers timers;
  std::vector<Probe> probes(1000);
  std::mt19937 random(1);
  for (Probe& probe : probes) {
    probe.when = at(std::uniform_int_distribution<int64_t>(1, 500)(random));
    ASSERT_TRUE(timers.arm(&probe));
  }
  for (int64_t now = 0; now <= 500; ++now) {
    timers.time = at(now);
    timers.expire();
    for (const Probe& probe : probes) ASSERT_EQ(probe.expired, probe.when <= timers.time ? 1 : 0);
  }
  EXPECT_EQ(timers.next(), kNever);
}

TEST(TimerHeap, ADisarmedNodeDoesNotFireAndTheOthersKeepTheirOrder) {
  SteeredTimers timers;
  std::vector<Probe> probes(1000);
  std::mt19937 random(2);
  for (Probe& probe : probes) {
    probe.when = at(std::uniform_int_distribution<int64_t>(1, 500)(random));
    ASSERT_TRUE(timers.arm(&probe));
  }
  for (size_t i = 0; i < probes.size(); i += 2) timers.disarm(&probes[i]);
  timers.disarm(&probes[0]);  // no effect a second time
  while (timers.next() != kNever) {
    const Deadline next = timers.next();
    ASSERT_GT(next, timers.time);
    timers.time = next;
    timers.expire();
  }
  for (size_t i = 0; i < probes.size(); ++i) EXPECT_EQ(probes[i].expired, i % 2 == 0 ? 0 : 1);
}

// Fault 44: limits of the clock.
TEST(TimerHeap, NeverMeansNeverAndThePastMeansAtOnce) {
  SteeredTimers timers;
  Probe never;
  Probe past;
  never.when = kNever;
  past.when = Deadline::min();
  ASSERT_TRUE(timers.arm(&never));
  ASSERT_TRUE(timers.arm(&past));
  timers.time = Deadline::max();
  timers.expire();
  EXPECT_EQ(never.expired, 0);
  EXPECT_EQ(past.expired, 1);
  timers.disarm(&never);
}

TEST(TimerHeap, ClosingFiresWhatIsArmedAndRefusesTheRest) {
  SteeredTimers timers;
  Probe first;
  Probe second;
  first.when = second.when = at(100);
  ASSERT_TRUE(timers.arm(&first));
  timers.close();
  EXPECT_EQ(first.closed, 1);
  EXPECT_FALSE(timers.arm(&second));
}

TEST(Sleep, ComesBackInTheOrderOfTheDeadlinesAndNeverEarly) {
  std::vector<int> order;
  const auto sleeper = [&](int ms) -> Task<void> {
    const auto until = wait::Clock::now() + milliseconds(ms);
    const absl::Status slept = co_await sleep_until(until);
    EXPECT_TRUE(slept.ok());
    EXPECT_GE(wait::Clock::now(), until);
    order.push_back(ms);
  };
  const auto outer = [&]() -> Task<void> {
    for (int ms : {15, 5, 10}) EXPECT_TRUE(spawn_here_detached(sleeper(ms)).ok());
    co_return;
  };
  block_on(outer());
  EXPECT_EQ(order, (std::vector<int>{5, 10, 15}));
}

}  // namespace
}  // namespace annulet::task
