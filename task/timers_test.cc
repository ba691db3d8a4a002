#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "annulet/task/block_on.h"
#include "annulet/task/this_task.h"
#include "annulet/task/timer_wheel.h"

namespace annulet::task {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// A wheel on a clock that stands until it is moved.
class SteeredTimers final : public TimerWheel {
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

TEST(TimerWheel, FiresEachNodeOnceAndNeverEarly) {
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

TEST(TimerWheel, ADisarmedNodeDoesNotFireAndTheOthersKeepTheirOrder) {
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
TEST(TimerWheel, NeverMeansNeverAndThePastMeansAtOnce) {
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

TEST(TimerWheel, ClosingFiresWhatIsArmedAndRefusesTheRest) {
  SteeredTimers timers;
  Probe first;
  Probe second;
  first.when = second.when = at(100);
  ASSERT_TRUE(timers.arm(&first));
  timers.close();
  EXPECT_EQ(first.closed, 1);
  EXPECT_FALSE(timers.arm(&second));
}

// Notes its deadline and its number when it fires.
struct Noter : TimerNode {
  using Log = std::vector<std::pair<Deadline, int>>;
  Noter() : TimerNode(&note) {}
  static void note(TimerNode* node, TimerEvent) noexcept {
    auto* self = static_cast<Noter*>(node);
    self->log->emplace_back(self->when, self->number);
  }
  Log* log = nullptr;
  int number = 0;
};

// From a nanosecond away to a month, armed and disarmed while time goes on, beside a sorted map.
TEST(TimerWheel, FiresInTheOrderOfTheDeadlinesAtEveryDistance) {
  SteeredTimers timers;
  Noter::Log log;
  std::vector<Noter> nodes(500);
  std::map<std::pair<Deadline, int>, Noter*> expected;  // by deadline, then by when it was armed
  std::mt19937_64 random(3);
  const auto below = [&](int64_t limit) {
    return std::uniform_int_distribution<int64_t>(0, limit - 1)(random);
  };
  timers.time = at(1'000'000'007);
  int number = 0;
  for (int step = 0; step < 20'000; ++step) {
    Noter& node = nodes[static_cast<size_t>(below(500))];
    if (node.next == nullptr) {
      node.log = &log;
      node.number = ++number;
      node.when = timers.time + nanoseconds(1 + below(int64_t{1} << below(52)));
      ASSERT_TRUE(timers.arm(&node));
      expected.emplace(std::pair(node.when, node.number), &node);
    } else if (below(2) == 0) {
      timers.disarm(&node);
      expected.erase({node.when, node.number});
    }
    if (below(4) != 0) continue;
    const Deadline first = expected.empty() ? kNever : expected.begin()->first.first;
    ASSERT_LE(timers.next(), first);
    timers.time =
        below(2) == 0 && first != kNever ? timers.next() : timers.time + nanoseconds(below(5000));
    log.clear();
    timers.expire();
    for (const auto& fired : log) {
      ASSERT_EQ(fired, expected.begin()->first);
      expected.erase(expected.begin());
    }
    ASSERT_TRUE(expected.empty() || expected.begin()->first.first > timers.time);
  }
  timers.close();
  EXPECT_GT(number, 5000);
}

TEST(TimerWheel, EqualDeadlinesFireInTheOrderInWhichTheyWereArmed) {
  SteeredTimers timers;
  Noter::Log log;
  std::vector<Noter> nodes(100);
  for (int i = 0; i < 100; ++i) {
    timers.time = at(i * 997);  // so that they begin on different levels
    timers.expire();
    nodes[static_cast<size_t>(i)].log = &log;
    nodes[static_cast<size_t>(i)].number = i;
    nodes[static_cast<size_t>(i)].when = at(100'000);
    ASSERT_TRUE(timers.arm(&nodes[static_cast<size_t>(i)]));
  }
  timers.time = at(100'000);
  timers.expire();
  ASSERT_EQ(log.size(), nodes.size());
  EXPECT_TRUE(std::is_sorted(log.begin(), log.end()));
}

TEST(TimerWheel, KnowsAFarDeadlineToTheNanosecondSoThatNobodyWakesBefore) {
  SteeredTimers timers;
  Probe far;
  Probe farther;
  timers.time = at(77);
  far.when = at(123'456'789'012'345);
  farther.when = at(123'456'789'012'346);
  ASSERT_TRUE(timers.arm(&farther));
  ASSERT_TRUE(timers.arm(&far));
  EXPECT_EQ(timers.next(), far.when);
  timers.time = far.when;
  timers.expire();
  EXPECT_EQ(far.expired, 1);
  EXPECT_EQ(farther.expired, 0);
  EXPECT_EQ(timers.next(), farther.when);
  timers.disarm(&farther);
}

TEST(TimerWheel, FiresNoMoreThanItsCallerAsksFor) {
  SteeredTimers timers;
  std::vector<Probe> probes(10);
  for (Probe& probe : probes) {
    probe.when = at(5);
    ASSERT_TRUE(timers.arm(&probe));
  }
  timers.time = at(1000);
  for (int fired : {4, 8, 10, 10}) {
    timers.expire(4);
    int sum = 0;
    for (const Probe& probe : probes) sum += probe.expired;
    EXPECT_EQ(sum, fired);
    EXPECT_EQ(timers.next(), fired < 10 ? at(5) : kNever);
  }
}

// Arms `another` when it fires.
struct Chained : TimerNode {
  Chained(SteeredTimers& t, Probe& p) : TimerNode(&go_on), timers(t), another(p) {}
  static void go_on(TimerNode* node, TimerEvent) noexcept {
    auto* self = static_cast<Chained*>(node);
    EXPECT_TRUE(self->timers.arm(&self->another));
  }
  SteeredTimers& timers;
  Probe& another;
};

TEST(TimerWheel, WhatIsArmedWhileTheLastOneFiresDoesNotFireEarly) {
  for (int64_t distance = 1; distance < 200; ++distance) {
    SteeredTimers timers;
    Probe probe;
    Chained chained(timers, probe);
    chained.when = at(100);
    ASSERT_TRUE(timers.arm(&chained));
    timers.time = at(1000);
    probe.when = at(1000 + distance);
    timers.expire();
    ASSERT_EQ(probe.expired, 0) << distance;
    timers.time = timers.next();
    timers.expire();
    ASSERT_EQ(probe.expired, 1) << distance;
    ASSERT_EQ(timers.time, probe.when) << distance;
  }
}

TEST(Sleep, TakesLittleOfAFrame) {
  EXPECT_EQ(sizeof(TimerNode), 32u);
  EXPECT_EQ(sizeof(SleepAwaiter), 40u);
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
