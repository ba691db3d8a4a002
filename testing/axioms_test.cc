// The axioms against known litmus tests, so that what the model checker is compared with is right.
#include "annulet/testing/axioms.h"

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace annulet::model_check::axioms {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;
constexpr auto kAcqRel = std::memory_order_acq_rel;
constexpr auto kSeqCst = std::memory_order_seq_cst;

constexpr int kX = 0;
constexpr int kY = 1;

Step load(int location, std::memory_order order) { return {Kind::kLoad, order, location}; }
Step store(int location, uint32_t value, std::memory_order order) {
  return {Kind::kStore, order, location, value};
}
Step fence(std::memory_order order) { return {Kind::kFence, order}; }
Step compare_exchange(int location, uint32_t expected, uint32_t value, std::memory_order order) {
  return {Kind::kCompareExchange, order, location, value, expected};
}
Step if_read(Step step) {
  step.guarded = true;
  return step;
}
constexpr Step kReadCell = {Kind::kCellRead};
constexpr Step kWriteCell = {Kind::kCellWrite};

// What the threads can read.
std::set<Outcome> reads(const Program& program) {
  const Verdict verdict = judge(program);
  EXPECT_FALSE(verdict.data_race);
  std::set<Outcome> result;
  for (Outcome outcome : verdict.outcomes) {
    outcome.resize(outcome.size() - kLocations);
    result.insert(std::move(outcome));
  }
  return result;
}

// Each of so many reads sees 0 or 1, in any way but these.
std::set<Outcome> all_but(size_t reads, const std::set<Outcome>& forbidden) {
  std::set<Outcome> result;
  for (size_t i = 0; i < size_t{1} << reads; ++i) {
    Outcome outcome;
    for (size_t bit = 0; bit < reads; ++bit) outcome.push_back(i >> bit & 1);
    if (!forbidden.contains(outcome)) result.insert(outcome);
  }
  return result;
}

std::set<Outcome> store_buffering(std::memory_order store_order, std::memory_order load_order,
                                  std::memory_order fence_order) {
  return reads({{store(kX, 1, store_order), fence(fence_order), load(kY, load_order)},
                {store(kY, 1, store_order), fence(fence_order), load(kX, load_order)}});
}

TEST(Axioms, ForbidThatBothMissTheOthersStoreBySeqCstAlone) {
  EXPECT_EQ(store_buffering(kRelease, kAcquire, kAcqRel), all_but(2, {}));
  EXPECT_EQ(store_buffering(kSeqCst, kAcquire, kAcqRel), all_but(2, {}));
  EXPECT_EQ(store_buffering(kSeqCst, kSeqCst, kAcqRel), all_but(2, {{0, 0}}));
  EXPECT_EQ(store_buffering(kRelaxed, kRelaxed, kSeqCst), all_but(2, {{0, 0}}));
}

TEST(Axioms, LetASeqCstFenceMeetSeqCstAccesses) {
  EXPECT_EQ(reads({{store(kX, 1, kRelaxed), fence(kSeqCst), load(kY, kRelaxed)},
                   {store(kY, 1, kSeqCst), load(kX, kSeqCst)}}),
            all_but(2, {{0, 0}}));
}

std::set<Outcome> message_passing(std::memory_order store_order, std::memory_order load_order) {
  return reads({{store(kX, 1, kRelaxed), store(kY, 1, store_order)},
                {load(kY, load_order), load(kX, kRelaxed)}});
}

TEST(Axioms, DeliverAMessageByReleaseAndAcquire) {
  EXPECT_EQ(message_passing(kRelaxed, kRelaxed), all_but(2, {}));
  EXPECT_EQ(message_passing(kRelease, kRelaxed), all_but(2, {}));
  EXPECT_EQ(message_passing(kRelaxed, kAcquire), all_but(2, {}));
  EXPECT_EQ(message_passing(kRelease, kAcquire), all_but(2, {{1, 0}}));
}

std::set<Outcome> message_passing_by_fences(std::memory_order before_store,
                                            std::memory_order behind_load) {
  return reads({{store(kX, 1, kRelaxed), fence(before_store), store(kY, 1, kRelaxed)},
                {load(kY, kRelaxed), fence(behind_load), load(kX, kRelaxed)}});
}

TEST(Axioms, DeliverAMessageByFences) {
  EXPECT_EQ(message_passing_by_fences(kRelease, kAcquire), all_but(2, {{1, 0}}));
  EXPECT_EQ(message_passing_by_fences(kAcquire, kRelease), all_but(2, {}));
}

std::set<Outcome> independent_reads(std::memory_order load_order, std::memory_order fence_order) {
  return reads({{store(kX, 1, kRelaxed)},
                {store(kY, 1, kRelaxed)},
                {load(kX, load_order), fence(fence_order), load(kY, load_order)},
                {load(kY, load_order), fence(fence_order), load(kX, load_order)}});
}

TEST(Axioms, LetIndependentReadersDisagreeUnlessSeqCst) {
  EXPECT_EQ(independent_reads(kAcquire, kAcqRel), all_but(4, {}));
  EXPECT_EQ(independent_reads(kSeqCst, kAcqRel), all_but(4, {{1, 0, 1, 0}}));
  EXPECT_EQ(independent_reads(kRelaxed, kSeqCst), all_but(4, {{1, 0, 1, 0}}));
}

TEST(Axioms, LetNoThreadReadBackwards) {
  EXPECT_EQ(reads({{store(kX, 1, kRelaxed), store(kX, 2, kRelaxed)},
                   {load(kX, kRelaxed), load(kX, kRelaxed)}}),
            (std::set<Outcome>{{0, 0}, {0, 1}, {0, 2}, {1, 1}, {1, 2}, {2, 2}}));
}

TEST(Axioms, LetNoTwoReadModifyWritesReadTheSameStore) {
  const Step add = {Kind::kFetchAdd, kRelaxed, kX, 1};
  EXPECT_EQ(judge({{add}, {add}}).outcomes, (std::set<Outcome>{{0, 1, 2, 0}, {1, 0, 2, 0}}));
}

// x is the message and y the flag, with a step between the sender's and the receiver's.
std::set<Outcome> release_sequence(const std::vector<Step>& in_between) {
  return reads({{store(kX, 1, kRelaxed), store(kY, 1, kRelease)},
                in_between,
                {load(kY, kAcquire), load(kX, kRelaxed)}});
}

TEST(Axioms, ContinueAReleaseSequenceByReadModifyWritesAlone) {
  // The second thread reads 1; the third reads its 2, but not the message.
  const Outcome lost = {1, 2, 0};
  EXPECT_FALSE(release_sequence({compare_exchange(kY, 1, 2, kRelaxed)}).contains(lost));
  EXPECT_TRUE(
      release_sequence({load(kY, kRelaxed), if_read(store(kY, 2, kRelaxed))}).contains(lost));
}

TEST(Axioms, SeeADataRaceWhereNothingOrdersTheAccesses) {
  const auto is_race = [](std::memory_order store_order, std::memory_order load_order) {
    return judge({{kWriteCell, store(kX, 1, store_order)},
                  {load(kX, load_order), if_read(kReadCell)}})
        .data_race;
  };
  EXPECT_FALSE(is_race(kRelease, kAcquire));
  EXPECT_TRUE(is_race(kRelaxed, kAcquire));
  EXPECT_TRUE(is_race(kRelease, kRelaxed));
  EXPECT_FALSE(judge({{kReadCell}, {kReadCell}}).data_race);
  EXPECT_TRUE(judge({{kWriteCell}, {kWriteCell}}).data_race);
}

}  // namespace
}  // namespace annulet::model_check::axioms
