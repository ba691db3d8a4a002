#include "annulet/sched/for_each_seed.h"

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "annulet/sched/simulation.h"
#include "annulet/sched/spawn.h"
#include "annulet/task/this_task.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace annulet::sched {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Adds to a number that others add to, with a turn between reading and writing.
Task<void> add_slowly(int& number) {
  const int before = number;
  co_await task::yield();
  number = before + 1;
}

Task<int> two_additions() {
  int number = 0;
  JoinHandle<void> first = *spawn(add_slowly(number));
  JoinHandle<void> second = *spawn(add_slowly(number));
  co_await std::move(first);
  co_await std::move(second);
  co_return number;
}

absl::Status add_twice(uint64_t seed) {
  Simulation simulation({.seed = seed});
  const int sum = simulation.run(two_additions());
  return sum == 2 ? absl::OkStatus() : absl::DataLossError("an addition was lost");
}

Task<void> fail() {
  throw std::runtime_error("on purpose");
  co_return;
}

class ScopedSeed {
 public:
  explicit ScopedSeed(const char* seed) { setenv("ANNULET_SIMULATION_SEED", seed, 1); }
  ~ScopedSeed() { unsetenv("ANNULET_SIMULATION_SEED"); }
};

TEST(ForEachSeed, ALostUpdateIsFoundAndReplayedByItsSeed) {
  std::vector<uint64_t> tried;
  const auto body = [&](uint64_t seed) {
    tried.push_back(seed);
    return add_twice(seed);
  };
  const absl::Status found = for_each_seed(1, 100, body);
  EXPECT_EQ(found.code(), absl::StatusCode::kDataLoss);
  const std::string seed = std::to_string(tried.back());
  EXPECT_THAT(std::string(found.message()),
              AllOf(HasSubstr("seed " + seed + ": an addition was lost"),
                    HasSubstr("ANNULET_SIMULATION_SEED=" + seed)));

  tried.clear();
  const ScopedSeed scoped(seed.c_str());
  EXPECT_EQ(for_each_seed(1, 100, body), found);
  EXPECT_EQ(tried, std::vector<uint64_t>{std::stoull(seed)});
}

TEST(ForEachSeed, PassesWhenEachSeedDoes) {
  uint64_t sum = 0;
  const absl::Status passed = for_each_seed(5, 3, [&](uint64_t seed) {
    sum += seed;
    return absl::OkStatus();
  });
  EXPECT_TRUE(passed.ok()) << passed;
  EXPECT_EQ(sum, 5u + 6u + 7u);
}

TEST(ForEachSeed, WhatIsThrownIsAFailureOfItsSeed) {
  const absl::Status thrown = for_each_seed(3, 1, [](uint64_t seed) {
    Simulation({.seed = seed}).run(fail());
    return absl::OkStatus();
  });
  EXPECT_THAT(std::string(thrown.message()), HasSubstr("seed 3: on purpose"));
}

TEST(ForEachSeedDeathTest, ASeedThatIsNoNumberIsRefused) {
  const ScopedSeed scoped("7 ");
  EXPECT_TRUE(for_each_seed(1, 1, [](uint64_t seed) {
                return seed == 7 ? absl::OkStatus() : absl::InternalError("another seed");
              }).ok());
  const ScopedSeed nonsense("seven");
  EXPECT_DEATH((void)for_each_seed(1, 1, [](uint64_t) { return absl::OkStatus(); }), "is no seed");
}

}  // namespace
}  // namespace annulet::sched
