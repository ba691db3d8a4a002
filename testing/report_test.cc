// What is said of a failure, and how it is shown again.
#include <sstream>
#include <string>

#include "annulet/testing/model_check.h"
#include "annulet/testing/scenarios_for_tests.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace annulet::model_check {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Report, ShowsEachStepWithItsPlaceThreadValueAndOrder) {
  const Result result = check("scenario", [] {
    ModelSync::cell<int> data;
    ModelSync::atomic<int> flag{0};
    label(flag, "flag");
    run_threads({{"writer",
                  [&] {
                    data.write() = 1;
                    flag.store(1, kRelaxed);
                  }},
                 {"reader", [&] {
                    if (flag.load(kAcquire) == 1) data.read();
                  }}});
  });
  EXPECT_THAT(result.trace,
              AllOf(HasSubstr("writer"), HasSubstr("store relaxed flag = 1"),
                    HasSubstr("load acquire flag -> 1"), HasSubstr("testing/report_test.cc:")));
  std::ostringstream printed;
  printed << result;
  EXPECT_THAT(printed.str(),
              AllOf(HasSubstr("data race"), HasSubstr("ANNULET_MODEL_REPLAY='scenario@")));
}

TEST(Report, CallsThingsByTheirLabelsInFailuresToo) {
  const Result result = check("scenario", [] {
    Node* const node = create<Node>();
    label(*node, "node");
    destroy(node);
    node->value.load();
  });
  EXPECT_THAT(result.failure, HasSubstr("use after free: node is gone"));
  EXPECT_THAT(result.failure, Not(HasSubstr("repeat itself")));
}

TEST(Report, SaysWhichNewerStoreAnOldValueMissed) {
  const Result result = check("scenario", [] {
    ModelSync::atomic<int> data{0};
    ModelSync::atomic<int> flag{0};
    label(data, "data");
    run_threads({{"writer",
                  [&] {
                    data.store(7, kRelaxed);
                    flag.store(1, kRelaxed);
                  }},
                 {"reader", [&] {
                    if (flag.load(kRelaxed) == 1) ensure(data.load(kRelaxed) == 7, "old data");
                  }}});
  });
  EXPECT_THAT(result.trace, HasSubstr("load relaxed data -> 0  (old: step 1 stored 7)"));
}

TEST(Replay, RunsJustTheFailingExecution) {
  const Result first = check("scenario", needs_two_preemptions);
  ASSERT_FALSE(first.ok());
  EXPECT_GT(first.executions, 1);
  const ScopedEnvironment replay("ANNULET_MODEL_REPLAY", first.replay);
  const Result again = check("scenario", needs_two_preemptions);
  EXPECT_EQ(again.failure, first.failure);
  EXPECT_EQ(again.trace, first.trace);
  EXPECT_EQ(again.executions, 1);
  EXPECT_EQ(check("another", needs_two_preemptions).executions, 0);
}

TEST(Replay, KnowsScenariosByAnyName) {
  const std::string name = "he@home doesn't fail@once";
  const Result first = check(name, needs_two_preemptions, {.preemptions = 2});
  std::ostringstream printed;
  printed << first;
  EXPECT_THAT(printed.str(), HasSubstr("he@home doesn'\\''t fail@once@2.1.1@"));
  const ScopedEnvironment replay("ANNULET_MODEL_REPLAY", first.replay);
  EXPECT_EQ(check(name, needs_two_preemptions, {.preemptions = 2}).failure, first.failure);
}

TEST(Replay, SaysWhenItDoesNotFit) {
  const auto replay = [](const std::string& choices) {
    const ScopedEnvironment variable("ANNULET_MODEL_REPLAY", "scenario@2.1.1@" + choices);
    return failure_of(needs_two_preemptions);
  };
  EXPECT_THAT(replay("0:7"), HasSubstr("alternatives"));
  EXPECT_THAT(replay("900:1"), HasSubstr("replay"));
  EXPECT_THAT(replay("nonsense"), HasSubstr("CHOICE:PICK"));
}

}  // namespace
}  // namespace annulet::model_check
