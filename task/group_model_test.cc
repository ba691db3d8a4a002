// Model tests of the group behind when_all: every interleaving, and every access weakened.
#include <array>
#include <coroutine>

#include "annulet/task/internal/group.h"
#include "annulet/testing/expect.h"
#include "annulet/testing/model_check.h"
#include "gtest/gtest.h"

namespace annulet::task::internal {
namespace {

using model_check::ModelSync;

// The frame of the parent, which the last child ends.
struct Parent {
  BasicGroup<ModelSync> group;
  std::array<ModelSync::cell<int>, 3> results;
};

model_check::Suite suite() {
  model_check::Suite suite("Group", {"annulet/task/internal/group.h"});
  suite.scenario("the last of three children resumes the parent, which sees all results", [] {
    Parent* const parent = model_check::create<Parent>();
    parent->group.begin(std::noop_coroutine(), 3);
    ModelSync::atomic<int> resumed{0};
    const auto child = [&](int id) {
      parent->results[id].write() = id + 1;
      if (!parent->group.leave()) return;
      int sum = 0;
      for (auto& result : parent->results) sum += result.read();
      model_check::ensure(sum == 6, "a result is missing");
      model_check::destroy(parent);
      resumed.fetch_add(1, std::memory_order_relaxed);
    };
    model_check::run_threads({{"first", [&] { child(0); }},
                              {"second", [&] { child(1); }},
                              {"third", [&] { child(2); }}});
    model_check::ensure(resumed.load(std::memory_order_relaxed) == 1, "never resumed, or twice");
  });
  return suite;
}

TEST(GroupModel, ResumesTheParentOnceInAnyInterleaving) { model_check::expect_no_failure(suite()); }

TEST(GroupModel, EveryOrderIsNeeded) {
  model_check::expect_all_killed(suite(), {"BasicGroup::leave fetch_sub: acq_rel -> acquire",
                                           "BasicGroup::leave fetch_sub: acq_rel -> release"});
}

}  // namespace
}  // namespace annulet::task::internal
