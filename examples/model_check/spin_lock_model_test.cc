#include <iostream>

#include "annulet/examples/model_check/spin_lock.h"
#include "annulet/testing/model_check.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace annulet::examples {
namespace {

using model_check::ModelSync;

// Two threads add to a number under the lock.
template <std::memory_order kUnlock>
void add_under_the_lock() {
  SpinLock<ModelSync, kUnlock> lock;
  ModelSync::cell<int> number;
  model_check::label(lock, "lock");
  model_check::label(number, "number");
  const auto add = [&] {
    lock.lock();
    ++number.write();
    lock.unlock();
  };
  model_check::run_threads({{"one", add}, {"other", add}});
  model_check::ensure(number.read() == 2, "an addition was lost");
}

model_check::Suite suite() {
  model_check::Suite suite("SpinLock", {"examples/model_check/spin_lock.h"});
  suite.scenario("one thread at a time", add_under_the_lock<std::memory_order_release>);
  return suite;
}

TEST(SpinLockModel, LetsOneThreadInAtATime) {
  const model_check::Result result = suite().check();
  EXPECT_TRUE(result.ok()) << result;
}

TEST(SpinLockModel, EveryOrderIsNeeded) {
  const model_check::MutantReport report = suite().mutants();
  EXPECT_TRUE(report.ok()) << report;
  EXPECT_THAT(report.names(), testing::ElementsAre("SpinLock::lock exchange: acquire -> relaxed",
                                                   "SpinLock::unlock store: release -> relaxed"));
}

TEST(SpinLockModel, AWrongOrderIsFound) {
  const model_check::Result result =
      model_check::check("relaxed unlock", add_under_the_lock<std::memory_order_relaxed>);
  EXPECT_THAT(result.failure, testing::HasSubstr("data race"));
  std::cout << result;  // what a failure looks like
}

}  // namespace
}  // namespace annulet::examples
