// Mutants: which there are, and when one counts as killed.
#include <sstream>
#include <string>
#include <vector>

#include "annulet/testing/model_check.h"
#include "annulet/testing/scenarios_for_tests.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace annulet::model_check {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// With an order that is stronger than needed.
template <class Sync>
class SpinLock {
 public:
  void lock() {
    while (locked_.exchange(true, std::memory_order_acq_rel)) Sync::pause();
  }
  void unlock() { locked_.store(false, std::memory_order_release); }

 private:
  typename Sync::template atomic<bool> locked_{false};
};

Suite spin_lock_suite(std::vector<std::string> files) {
  Suite suite("SpinLock", std::move(files));
  suite.scenario("nobody is disturbed while he holds the lock", [] {
    SpinLock<ModelSync> lock;
    ModelSync::cell<int> data;
    const auto add = [&] {
      lock.lock();
      ++data.write();
      lock.unlock();
    };
    run_threads({{"one", add}, {"other", add}});
    ensure(data.read() == 2, "an addition was lost");
  });
  return suite;
}

TEST(Mutants, AreGeneratedFromTheCodeAndNamedAfterIt) {
  const MutantReport report = spin_lock_suite({"testing/mutants_test.cc"}).mutants();
  EXPECT_THAT(report.names(), testing::ElementsAre("SpinLock::lock exchange: acq_rel -> acquire",
                                                   "SpinLock::lock exchange: acq_rel -> release",
                                                   "SpinLock::unlock store: release -> relaxed"));
}

TEST(Mutants, ThatSurviveFailTheReport) {
  const MutantReport report = spin_lock_suite({"testing/mutants_test.cc"}).mutants();
  EXPECT_FALSE(report.ok());
  ASSERT_EQ(report.mutants.size(), 3);
  EXPECT_EQ(report.mutants[0].killed_by, "");  // the release that no lock needs
  EXPECT_EQ(report.mutants[1].killed_by, "nobody is disturbed while he holds the lock");
  EXPECT_THAT(report.mutants[2].failure, HasSubstr("data race"));
  std::ostringstream printed;
  printed << report;
  EXPECT_THAT(printed.str(),
              AllOf(HasSubstr("SURVIVED  SpinLock::lock exchange: acq_rel -> acquire"),
                    HasSubstr("killed    SpinLock::unlock store: release -> relaxed")));
}

TEST(Mutants, AreReplayedToo) {
  const MutantReport report = spin_lock_suite({"testing/mutants_test.cc"}).mutants();
  ASSERT_EQ(report.mutants.size(), 3);
  const ScopedEnvironment replay("ANNULET_MODEL_REPLAY", report.mutants[2].replay);
  testing::internal::CaptureStderr();
  spin_lock_suite({"testing/mutants_test.cc"}).mutants();
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              AllOf(HasSubstr("store relaxed"), HasSubstr("Ends with: data race")));
}

TEST(Mutants, MustExist) {
  const MutantReport report = spin_lock_suite({"testing/no_such_header.h"}).mutants();
  EXPECT_FALSE(report.ok());
  EXPECT_THAT(report.error, HasSubstr("testing/no_such_header.h"));
}

TEST(Mutants, ThatCouldNotBeExploredAreNotCountedAsKilled) {
  const auto explore = [](uint64_t executions) {
    Suite suite("Harmless", {"testing/mutants_test.cc"}, {.executions = executions});
    suite.scenario("nothing can fail", [] {
      ModelSync::atomic<int> x{0};
      ModelSync::atomic<int> y{0};
      const auto touch = [&] {
        x.store(1, kSeqCst);
        y.load(kSeqCst);
        y.store(1, kSeqCst);
        x.load(kSeqCst);
      };
      run_threads({{"one", touch}, {"other", touch}});
    });
    return suite;
  };
  // Just enough for the code as it is; a mutant has more outcomes.
  const uint64_t enough = explore(1'000'000).check().executions + 1;
  const MutantReport report = explore(enough).mutants();
  EXPECT_FALSE(report.ok());
  ASSERT_FALSE(report.mutants.empty());
  for (const Mutant& mutant : report.mutants) EXPECT_EQ(mutant.killed_by, "");
  EXPECT_THAT(report.mutants.back().failure, HasSubstr("gave up"));
}

TEST(Mutants, OfLocksKnowUniqueLocks) {
  Suite suite("UniqueLock", {"testing/mutants_test.cc"});
  suite.scenario("adds under the lock", [] {
    Event event;
    const auto change = [&] {
      ModelSync::unique_lock lock(event.mutex);
      while (event.done.read()) event.changed.wait(lock);
      event.done.write() = true;
      event.done.write() = false;
    };
    run_threads({{"one", change}, {"other", change}});
  });
  const MutantReport report = suite.mutants();
  EXPECT_TRUE(report.ok()) << report;
  EXPECT_THAT(report.names(), testing::ElementsAre("lambda lock: dropped"));
}

TEST(Mutants, AreNotTriedOnCodeThatFailsAsItIs) {
  Suite suite("Broken", {"testing/mutants_test.cc"});
  suite.scenario("fails", [] { ensure(false, "as it is"); });
  EXPECT_THAT(suite.mutants().error, HasSubstr("as it is"));
}

}  // namespace
}  // namespace annulet::model_check
