// Known algorithms under the checker: each passes as published, none with a weakened access.
#include <array>
#include <iostream>
#include <string>

#include "annulet/testing/model_check.h"
#include "annulet/testing/reference_algorithms.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace annulet::model_check {
namespace {

// Items 1 and 2, whose payloads must be visible to whoever takes them.
struct Deque {
  ChaseLev<ModelSync> deque;
  std::array<ModelSync::cell<int>, 3> payloads;
  std::array<std::array<int, 3>, 3> taken{};  // by thread

  void push(int item) {
    payloads[item].write() = item;
    deque.push_bottom(item);
  }
  void take(int thread, int item) {
    if (item == 0) return;
    ensure(payloads[item].read() == item, "an item without its payload");
    ++taken[thread][item];
  }
  void check_end() {
    while (const int item = deque.pop_bottom()) ++taken[0][item];
    for (const int item : {1, 2}) {
      const int times = taken[0][item] + taken[1][item] + taken[2][item];
      ensure(times == 1, times == 0 ? "an item was lost" : "an item was taken twice");
    }
  }
};

void one_thief() {
  Deque d;
  run_threads({{"owner",
                [&] {
                  d.push(1);
                  d.push(2);
                  d.take(0, d.deque.pop_bottom());
                  d.take(0, d.deque.pop_bottom());
                }},
               {"thief", [&] {
                  d.take(1, d.deque.steal());
                  d.take(1, d.deque.steal());
                }}});
  d.check_end();
}

void two_thieves() {
  Deque d;
  run_threads({{"owner",
                [&] {
                  d.push(1);
                  d.push(2);
                  d.take(0, d.deque.pop_bottom());
                }},
               {"one", [&] { d.take(1, d.deque.steal()); }},
               {"other", [&] { d.take(2, d.deque.steal()); }}});
  d.check_end();
}

void two_producers() {
  Sequencer<ModelSync> sequencer;
  int sum = 0;
  run_threads({{"one", [&] { sequencer.publish(1); }},
               {"other", [&] { sequencer.publish(2); }},
               {"consumer", [&] { sum = sequencer.take(0) + sequencer.take(1); }}});
  ensure(sum == 3, "an event was lost or repeated");
}

void torn_read() {
  SeqLock<ModelSync> lock;
  run_threads({{"writer",
                [&] {
                  lock.write(1);
                  lock.write(2);
                }},
               {"reader", [&] {
                  int first = 0;
                  int second = 0;
                  if (lock.read(first, second)) ensure(first == second, "a torn read");
                }}});
}

Suite suite(const std::string& name, std::initializer_list<std::function<void()>> scenarios) {
  Suite result(name, {"testing/reference_algorithms.h"});
  int number = 0;
  for (const auto& scenario : scenarios) result.scenario(std::to_string(++number), scenario);
  return result;
}

void expect_all_killed(Suite suite) {
  const Result result = suite.check();
  EXPECT_TRUE(result.ok()) << result;
  std::cout << result << "\n";
  const MutantReport report = suite.mutants();
  EXPECT_TRUE(report.ok());
  std::cout << report;
}

TEST(Reference, ChaseLevLosesAndRepeatsNothing) {
  expect_all_killed(suite("ChaseLev", {one_thief, two_thieves}));
}

TEST(Reference, SequencerDeliversWhatTwoProducersPublish) {
  expect_all_killed(suite("Sequencer", {two_producers}));
}

TEST(Reference, SeqLockShowsNoTornRead) { expect_all_killed(suite("SeqLock", {torn_read})); }

}  // namespace
}  // namespace annulet::model_check
