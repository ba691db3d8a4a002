// The tests of a model test: that no interleaving fails, that each weakened access is noticed, and
// each step that the protocol is said to need.
//
//   TEST(InboxModel, LosesNoNodeInAnyInterleaving) { model_check::expect_no_failure(suite()); }
//
//   TEST(InboxModel, EveryOrderIsNeeded) {
//     model_check::expect_all_killed(suite(), {"Inbox::push exchange: release -> relaxed"});
//   }
//
// Both print what they did, for GoogleTest's log.
// Cost: that of the suite. Threads: the test's.
#ifndef ANNULET_TESTING_EXPECT_H_
#define ANNULET_TESTING_EXPECT_H_

#include <string>
#include <string_view>
#include <vector>

#include "annulet/testing/model_check.h"

namespace annulet::model_check {

void expect_no_failure(Suite suite);

// The names list the mutants there are, in the order of the source: so that a new access, or one
// that no scenario reaches any more, is seen.
void expect_all_killed(Suite suite, const std::vector<std::string>& names);

// For a suite whose code lacks the step `left_out`: some scenario must fail.
void expect_noticed(Suite suite, std::string_view left_out);

}  // namespace annulet::model_check

#endif  // ANNULET_TESTING_EXPECT_H_
