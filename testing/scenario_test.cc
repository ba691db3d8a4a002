// What a scenario may do, and what bounds and the reduction leave out.
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "annulet/testing/model_check.h"
#include "annulet/testing/scenarios_for_tests.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace annulet::model_check {
namespace {

using ::testing::HasSubstr;

TEST(Scenario, MayThrowNothingOutOfAThreadOrItsBody) {
  EXPECT_THAT(
      failure_of([] { run_threads({{"thrower", [] { throw std::runtime_error("too bad"); }}}); }),
      HasSubstr("an exception escaped: too bad"));
  EXPECT_THAT(failure_of([] { throw 5; }), HasSubstr("an exception escaped"));
}

TEST(Scenario, MaySwitchThreadsWhileItHandlesAnException) {
  EXPECT_EQ(failure_of([] {
              ModelSync::atomic<int> x{0};
              const auto thrower = [&](int value) {
                try {
                  throw value;
                } catch (int caught) {
                  x.fetch_add(1, kRelaxed);
                  try {
                    throw;
                  } catch (int again) {
                    ensure(again == value && caught == value, "the other thread's exception");
                  }
                }
              };
              run_threads({{"one", [&] { thrower(1); }}, {"other", [&] { thrower(2); }}});
            }),
            "");
}

TEST(Scenario, MayRunThreadsSeveralTimes) {
  EXPECT_EQ(failure_of([] {
              ModelSync::cell<int> data;
              for (int i = 0; i < 3; ++i) {
                run_threads({{"one", [&] { ++data.write(); }}});
                ++data.write();
              }
              ensure(data.read() == 6, "a thread was lost");
            }),
            "");
}

TEST(Scenario, IsToldWhenItAsksForTooMuch) {
  EXPECT_THAT(failure_of([] { run_threads({}); }), HasSubstr("0 threads"));
  EXPECT_THAT(failure_of([] {
                std::vector<ModelThread> many(8, ModelThread{"one", [] {}});
                run_threads(std::move(many));
              }),
              HasSubstr("8 threads"));
  EXPECT_THAT(failure_of([] { run_threads({{"one", [] { run_threads({{"inner", [] {}}}); }}}); }),
              HasSubstr("only the body"));
  EXPECT_THAT(failure_of([] {}, {.steps = 0}), HasSubstr("steps"));
  EXPECT_THAT(failure_of([] { share_without_order(kRelease, kAcquire); }, {.executions = 2}),
              HasSubstr("gave up after 2 executions"));
}

TEST(Scenario, IsToldWhenItDoesNotRepeatItself) {
  int runs = 0;
  EXPECT_THAT(failure_of([&] {
                ++runs;
                ModelSync::atomic<int> x{0};
                const auto add = [&] {
                  for (int i = 0; i < 1 + runs % 2; ++i) x.fetch_add(1, kRelaxed);
                };
                run_threads({{"one", add}, {"other", add}});
              }),
              HasSubstr("does not repeat itself"));
}

TEST(Scenario, ThatFailsLeavesTheCheckerAsItWas) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_NE(failure_of([] { share_without_order(kRelaxed, kRelaxed); }), "");
    EXPECT_EQ(failure_of([] { share_without_order(kRelease, kAcquire); }), "");
  }
}

TEST(Scenario, MayBeExploredByEachOfSeveralThreads) {
  std::vector<std::thread> threads;
  std::vector<std::string> failures(2);
  for (size_t i = 0; i < failures.size(); ++i) {
    threads.emplace_back(
        [&, i] { failures[i] = failure_of([] { share_without_order(kRelease, kAcquire); }); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures[0] + failures[1], "");
}

TEST(Bound, HidesWhatNeedsMorePreemptions) {
  EXPECT_EQ(failure_of(needs_two_preemptions, {.preemptions = 1}), "");
  EXPECT_NE(failure_of(needs_two_preemptions, {.preemptions = 2}), "");
}

TEST(Bound, ComesFromTheEnvironment) {
  const ScopedEnvironment bound("ANNULET_MODEL_PREEMPTIONS", "1");
  EXPECT_EQ(Options().preemptions, 1);
  EXPECT_EQ(failure_of(needs_two_preemptions), "");
}

TEST(Reduction, SavesExecutionsAndNothingElse) {
  const auto explore = [](bool reduction) {
    return check("scenario",
                 [] {
                   ModelSync::atomic<int> x{0};
                   ModelSync::atomic<int> y{0};
                   run_threads({{"one",
                                 [&] {
                                   x.fetch_add(1, kRelaxed);
                                   y.fetch_add(1, kRelaxed);
                                 }},
                                {"other",
                                 [&] {
                                   y.fetch_add(1, kRelaxed);
                                   x.fetch_add(1, kRelaxed);
                                 }},
                                {"third", [&] { x.load(kRelaxed); }}});
                 },
                 {.preemptions = kUnbounded, .reduction = reduction});
  };
  const Result all = explore(false);
  const Result reduced = explore(true);
  EXPECT_TRUE(all.ok() && reduced.ok());
  EXPECT_LT(reduced.executions * 4, all.executions);
}

}  // namespace
}  // namespace annulet::model_check
