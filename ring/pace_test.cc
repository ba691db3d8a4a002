#include "annulet/ring/internal/pace.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace annulet::ring::internal {
namespace {

constexpr size_t kCapacity = 1024;  // few: fewer than 128

TEST(Pace, AReaderWhoIsNotInAStreamDoesNotHoldBack) {
  const Pace pace(kCapacity);
  EXPECT_FALSE(pace.in_stream());
  EXPECT_EQ(pace.pauses(), 0u);
}

TEST(Pace, LooksThatFindFewAreHeldBackLongerUpToALimit) {
  Pace pace(kCapacity);
  pace.enter_stream();
  EXPECT_EQ(pace.pauses(), 1u);
  pace.found(127);
  EXPECT_EQ(pace.pauses(), 2u);
  for (int i = 0; i < 10; ++i) pace.found(127);
  EXPECT_EQ(pace.pauses(), Pace::kMost);
}

TEST(Pace, LooksThatFindEnoughAreNotChangedAndThoseThatFindManyComeSooner) {
  Pace pace(kCapacity);
  pace.enter_stream();
  for (int i = 0; i < 3; ++i) pace.found(127);
  EXPECT_EQ(pace.pauses(), 8u);
  pace.found(128);
  pace.found(512);
  EXPECT_EQ(pace.pauses(), 8u);
  for (int i = 0; i < 20; ++i) pace.found(513);
  EXPECT_EQ(pace.pauses(), 1u);
  EXPECT_TRUE(pace.in_stream());
}

TEST(Pace, ALookThatFindsNothingEndsTheStream) {
  Pace pace(kCapacity);
  pace.enter_stream();
  pace.found(1);
  pace.found(0);
  EXPECT_FALSE(pace.in_stream());
}

// So many looks until the reader is held back for longer than `pauses`; at most 10,000.
uint32_t looks_until_held_back(Pace& pace, uint32_t pauses, uint64_t found) {
  uint32_t looks = 0;
  while (pace.pauses() <= pauses && looks < 10'000) {
    pace.found(found);
    ++looks;
  }
  return looks;
}

TEST(Pace, InASparseStreamAReaderHoldsBackForAMomentAndTriesAgainNowAndThen) {
  Pace pace(kCapacity);
  pace.enter_stream();
  EXPECT_EQ(looks_until_held_back(pace, Pace::kMost / 2, 1), 6u);
  pace.found(1);
  EXPECT_EQ(pace.pauses(), Pace::kMostIfSparse);
  EXPECT_EQ(looks_until_held_back(pace, Pace::kMostIfSparse, 1), Pace::kLooksUntilRetry + 1);
}

TEST(Pace, ASparseStreamInASmallRingIsSparseToo) {
  Pace pace(32);
  pace.enter_stream();
  for (int i = 0; i < 10; ++i) pace.found(1);
  EXPECT_EQ(pace.pauses(), Pace::kMostIfSparse);
}

TEST(Pace, ASparseStreamThatEndsAndBeginsAgainIsStillSparse) {
  Pace pace(kCapacity);
  pace.enter_stream();
  for (int i = 0; i < 10; ++i) pace.found(1);
  pace.found(0);
  pace.enter_stream();
  for (int i = 0; i < 10; ++i) pace.found(1);
  EXPECT_EQ(pace.pauses(), Pace::kMostIfSparse);
}

TEST(Pace, AStreamThatBringsMoreThanASparseOneAtTheLimitStaysThere) {
  Pace pace(kCapacity);
  pace.enter_stream();
  for (int i = 0; i < 1'000; ++i) pace.found(17);
  EXPECT_EQ(pace.pauses(), Pace::kMost);
}

TEST(Pace, OfASmallRingAnEighthIsEnough) {
  Pace pace(16);
  pace.enter_stream();
  for (int i = 0; i < 10; ++i) pace.found(2);
  EXPECT_EQ(pace.pauses(), 1u);
  Pace of_one(1);
  of_one.enter_stream();
  for (int i = 0; i < 10; ++i) of_one.found(1);
  EXPECT_EQ(of_one.pauses(), 1u);
}

}  // namespace
}  // namespace annulet::ring::internal
