// Model tests of the bound on live tasks: every interleaving, and every access weakened.
#include "annulet/sched/internal/live_bound.h"
#include "annulet/testing/expect.h"
#include "annulet/testing/model_check.h"
#include "gtest/gtest.h"

namespace annulet::sched::internal {
namespace {

using model_check::ModelSync;
using Bound = BasicLiveBound<ModelSync>;
using WorkersAllowance = BasicAllowance<ModelSync>;

// Two workers, and room for one task: it has the cell for itself, so that two at a time, or one
// that does not see what the former did, is a data race.
void one_task_at_a_time() {
  Bound bound(1);
  bound.share_among(2);
  ModelSync::cell<int> place;
  const auto worker = [&] {
    WorkersAllowance allowance;
    if (!allowance.take(bound, 1)) return;
    ++place.write();
    allowance.put(bound);
  };
  model_check::run_threads({{"one", worker}, {"other", worker}});
  model_check::ensure(place.read() >= 1, "both were refused");
  model_check::ensure(bound.take(1, 2) == 1, "a permit was lost or made");
}

// With batches of one: what the first keeps the second may miss, and none is lost.
void batches() {
  Bound bound(16);
  bound.share_among(1);
  model_check::ensure(bound.batch() == 1, "the scenario is for batches of one");
  model_check::run_threads({
      {"few",
       [&] {
         WorkersAllowance allowance;
         if (!allowance.take(bound, 3)) return;
         for (int i = 0; i < 3; ++i) allowance.put(bound);
         allowance.give_all_back(bound);
       }},
      {"many",
       [&] {
         WorkersAllowance allowance;
         if (allowance.take(bound, 14)) bound.give_back(14);
         allowance.give_all_back(bound);
       }},
  });
  model_check::ensure(bound.take(16, 20) == 16, "a permit was lost or made");
}

void one_that_is_overdrawn() {
  Bound bound(1);
  bound.share_among(1);
  model_check::run_threads({
      {"outside",
       [&] {
         bound.overdraw();
         bound.give_back(1);
       }},
      {"worker",
       [&] {
         WorkersAllowance allowance;
         if (allowance.take(bound, 1)) allowance.put(bound);
       }},
  });
  model_check::ensure(bound.take(1, 2) == 1, "a permit was lost or made");
}

model_check::Suite suite() {
  model_check::Suite suite("LiveBound", {"annulet/sched/internal/live_bound.h"});
  suite.scenario("room for one task", one_task_at_a_time);
  suite.scenario("batches", batches);
  suite.scenario("one that may not be refused", one_that_is_overdrawn);
  return suite;
}

TEST(LiveBoundModel, NeverLetsMoreBeginThanMayLiveInAnyInterleaving) {
  model_check::expect_no_failure(suite());
}

TEST(LiveBoundModel, EveryOrderIsNeeded) {
  model_check::expect_all_killed(
      suite(), {"BasicLiveBound::take compare_exchange success: acquire -> relaxed",
                "BasicLiveBound::give_back fetch_add: release -> relaxed"});
}

}  // namespace
}  // namespace annulet::sched::internal
