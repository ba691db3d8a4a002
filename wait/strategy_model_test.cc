// Model tests of the strategies that block: no change is slept through in any interleaving.
#include <chrono>

#include "annulet/testing/expect.h"
#include "annulet/testing/model_check.h"
#include "annulet/wait/strategy.h"
#include "gtest/gtest.h"

namespace annulet::wait {
namespace {

using model_check::ModelSync;

// Two changes, each of which the waiter must see; the second strikes it at any point of its first
// wait or its second.
template <class Strategy, bool kDeadline = false>
void two_changes() {
  // Far enough that it never comes by the real clock; in the model it may come at any moment.
  const Deadline until = kDeadline ? Clock::now() + std::chrono::hours(24) : kNever;
  BasicBell<ModelSync> bell;
  ModelSync::cell<int> data;
  ModelSync::atomic<int> sequence{0};
  model_check::run_threads({
      {"waiter",
       [&] {
         Strategy strategy;
         for (int wanted = 1; wanted <= 2; ++wanted) {
           const auto ready = [&] { return sequence.load(std::memory_order_acquire) >= wanted; };
           model_check::ensure(strategy.wait(ready, bell, until), "gave up before the deadline");
         }
         model_check::ensure(data.read() == 2, "the change is not visible");
       }},
      {"changer",
       [&] {
         for (int i = 1; i <= 2; ++i) {
           if (i == 2) data.write() = 2;
           sequence.store(i, std::memory_order_release);
           bell.notify_all();
         }
       }},
  });
}

model_check::Suite suite() {
  model_check::Suite suite("WaitStrategy", {"annulet/wait/event_count.h"});
  suite.scenario("blocks", two_changes<BasicBlockWait<ModelSync>>);
  suite.scenario("blocks for a while", two_changes<BasicTimedBlockWait<ModelSync>>);
  suite.scenario("blocks until a deadline", two_changes<BasicBlockWait<ModelSync>, true>);
  suite.scenario("pauses", two_changes<BasicPauseWait<ModelSync>>);
  return suite;
}

TEST(WaitStrategyModel, SleepsThroughNoChangeInAnyInterleaving) {
  model_check::expect_no_failure(suite());
}

TEST(WaitStrategyModel, NeedsEachOrderOfTheBell) {
  const model_check::MutantReport report = suite().mutants();
  EXPECT_TRUE(report.ok()) << report;
}

}  // namespace
}  // namespace annulet::wait
