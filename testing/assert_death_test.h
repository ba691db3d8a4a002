// For tests of what debug builds check: the base of their suites. They are skipped where assertions
// are compiled out, since what they do is undefined there.
#ifndef ANNULET_TESTING_ASSERT_DEATH_TEST_H_
#define ANNULET_TESTING_ASSERT_DEATH_TEST_H_

#include <gtest/gtest.h>

namespace annulet::faults {

class AssertDeathTest : public ::testing::Test {
 protected:
  void SetUp() override {
#ifdef NDEBUG
    GTEST_SKIP() << "assertions are compiled out";
#endif
    // What dies may have threads.
    GTEST_FLAG_SET(death_test_style, "threadsafe");
  }
};

}  // namespace annulet::faults

#endif  // ANNULET_TESTING_ASSERT_DEATH_TEST_H_
