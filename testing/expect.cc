#include "annulet/testing/expect.h"

#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "annulet/testing/model_check.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace annulet::model_check {

void expect_no_failure(Suite suite) {
  const Result result = suite.check();
  EXPECT_TRUE(result.ok()) << result;
  std::cout << result << "\n";
}

void expect_all_killed(Suite suite, const std::vector<std::string>& names) {
  const MutantReport report = suite.mutants();
  std::cout << report;
  EXPECT_TRUE(report.ok());
  EXPECT_THAT(report.names(), testing::ElementsAreArray(names));
}

void expect_noticed(Suite suite, std::string_view left_out) {
  const Result result = suite.check();
  EXPECT_TRUE(!result.ok() && !result.undecided) << left_out << " is left out: " << result;
  std::cout << left_out << " is left out: " << result.failure << "\n";
}

}  // namespace annulet::model_check
