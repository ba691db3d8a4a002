#include "annulet/benchmarks/ring/ring_plans.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <string>
#include <tuple>
#include <vector>

#include "annulet/benchmarks/ring/driver.h"
#include "annulet/benchmarks/ring/options.h"
#include "annulet/ring/layout.h"

namespace annulet::bench {
namespace {

constexpr const char* kWaitNames[] = {"Spin", "Pause", "Yield", "Block"};

std::vector<int> cpus_at_hand() {
  cpu_set_t set;
  EXPECT_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(static_cast<size_t>(cpu), &set)) cpus.push_back(cpu);
  }
  return cpus;
}

class EveryTopologyAndWait : public ::testing::TestWithParam<std::tuple<Topology, Wait>> {
 protected:
  // A wrong sum ends the program.
  static void run(const PlanMaker& make_plan, size_t batch, size_t event_bytes) {
    const auto [topology, wait] = GetParam();
    const bool spins = wait == Wait::kSpin || wait == Wait::kPause;
    const Options options{.topology = topology,
                          .ring = spins ? 64u : 16u,  // it takes a time slice to be passed on
                          .batch = batch,
                          .event_bytes = event_bytes,
                          .wait = wait,
                          .events = 101,
                          .repeats = 1,
                          .cpus = cpus_at_hand()};
    const absl::StatusOr<Plan> plan = make_plan(options);
    ASSERT_TRUE(plan.ok());
    EXPECT_EQ(plan->workers.size(), threads_of(topology));
    measure(options, *plan);
  }
};

TEST_P(EveryTopologyAndWait, SumsWhatWasSentWithASlotForEachEvent) {
  for (const size_t batch : {1, 7, 16}) run(ring_plan<ring::Slots>, batch, 8);
  run(ring_plan<ring::Slots>, 7, 64);
}

TEST_P(EveryTopologyAndWait, SumsWhatWasSentInTheDenseLayout) {
  if (std::get<Topology>(GetParam()) == Topology::kProducers) GTEST_SKIP() << "one producer only";
  for (const size_t batch : {1, 7, 16}) run(ring_plan<ring::Dense>, batch, 8);
  run(ring_plan<ring::Dense>, 7, 64);
}

std::string name_of_case(const ::testing::TestParamInfo<std::tuple<Topology, Wait>>& info) {
  const auto [topology, wait] = info.param;
  return std::string(name_of(topology)) + kWaitNames[static_cast<size_t>(wait)];
}

INSTANTIATE_TEST_SUITE_P(
    RingPlans, EveryTopologyAndWait,
    ::testing::Combine(::testing::Values(Topology::kUnicast, Topology::kPipeline,
                                         Topology::kMulticast, Topology::kDiamond,
                                         Topology::kProducers, Topology::kPingpong),
                       ::testing::Values(Wait::kSpin, Wait::kPause, Wait::kYield, Wait::kBlock)),
    name_of_case);

TEST(RingPlans, ARingOfTwoStillMoves) {
  const Options options{.topology = Topology::kPipeline,
                        .ring = 2,
                        .wait = Wait::kYield,
                        .events = 100,
                        .repeats = 1,
                        .cpus = cpus_at_hand()};
  measure(options, *ring_plan<ring::Slots>(options));
  measure(options, *ring_plan<ring::Dense>(options));
}

TEST(RingPlans, TheDenseLayoutDeclinesSeveralProducers) {
  const Options options{.topology = Topology::kProducers};
  EXPECT_TRUE(absl::IsUnimplemented(ring_plan<ring::Dense>(options).status()));
}

}  // namespace
}  // namespace annulet::bench
