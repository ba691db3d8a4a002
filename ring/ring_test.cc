#include "annulet/ring/ring.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "annulet/ring/testing/numbers.h"
#include "annulet/wait/strategy.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace annulet::ring {
namespace {

using std::chrono::microseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

template <class R>
class RingTest : public ::testing::Test {};
TYPED_TEST_SUITE(RingTest, AllRings);

TYPED_TEST(RingTest, HandsEventsFromAProducerToAConsumerInOrder) {
  TypeParam ring({.capacity = 64});
  auto consumer = *ring.add_consumer();
  std::thread producer([&] {
    publish_range(ring, 0, 20'000);
    ring.close();
  });
  wait::BlockWait strategy;
  uint64_t expected = 0;
  while (consumer.wait(strategy) == Wake::kReady) {
    for (const uint64_t event : consumer.take()) EXPECT_EQ(event, expected++);
    consumer.release();
  }
  EXPECT_EQ(expected, 20'000u);
  producer.join();
}

TYPED_TEST(RingTest, AnEventIsSeenWhenItIsPublishedAndNotBefore) {
  TypeParam ring({.capacity = 4});
  auto consumer = *ring.add_consumer();
  auto claim = ring.claim();
  *claim = 7;
  EXPECT_TRUE(consumer.take().empty());
  claim.publish();
  EXPECT_THAT(read(consumer), ElementsAre(7));
  EXPECT_TRUE(consumer.take().empty());
}

TYPED_TEST(RingTest, AFullRingGivesNothingAndSaysWhoHoldsItUp) {
  TypeParam ring({.capacity = 2});
  auto consumer = *ring.add_consumer({.name = "slow"});
  publish_range(ring, 0, 2);
  const absl::Status full = ring.try_claim().status();
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(full.message()), HasSubstr("'slow' to release event 0"));
  const absl::Status late = ring.claim_for(microseconds(100)).status();
  EXPECT_EQ(late.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(read(consumer), ElementsAre(0, 1));
  EXPECT_TRUE(ring.try_claim(2));
}

TYPED_TEST(RingTest, AProducerThatWaitsGoesOnWhenThereIsRoom) {
  TypeParam ring({.capacity = 2});
  auto consumer = *ring.add_consumer();
  publish_range(ring, 0, 2);
  std::thread producer([&] {
    auto claim = ring.claim_until(wait::kNever, 2);
    EXPECT_TRUE(claim) << claim.status();
    claim[0] = 2;
    claim[1] = 3;
    claim.publish();
  });
  EXPECT_THAT(read(consumer, 1), ElementsAre(0));
  EXPECT_THAT(read(consumer, 1), ElementsAre(1));
  wait::BlockWait strategy;
  EXPECT_EQ(consumer.wait(strategy), Wake::kReady);
  EXPECT_THAT(read(consumer), ElementsAre(2, 3));
  producer.join();
}

TYPED_TEST(RingTest, ABatchIsClaimedAndPublishedAtOnce) {
  TypeParam ring({.capacity = 8});
  auto consumer = *ring.add_consumer();
  for (uint64_t first = 0; first < 60; first += 5) {
    auto claim = ring.claim(5);
    EXPECT_EQ(claim.sequence(), first);
    uint64_t value = first;
    for (uint64_t& event : claim) event = value++;
    EXPECT_THAT(consumer.take(), IsEmpty());
    claim.publish();
    EXPECT_THAT(read(consumer), ElementsAre(first, first + 1, first + 2, first + 3, first + 4));
  }
}

TYPED_TEST(RingTest, AClaimOfNothingOrOfMoreThanTheRingHoldsIsRefused) {
  TypeParam ring({.capacity = 4});
  for (const size_t count : {size_t{0}, size_t{5}, ~size_t{0}}) {
    const absl::Status status = ring.claim(count).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("1 to 4 events"));
    EXPECT_FALSE(ring.try_claim(count));
    EXPECT_FALSE(ring.claim_for(microseconds(1), count));
  }
  EXPECT_TRUE(ring.claim(4));
}

TYPED_TEST(RingTest, AnExceptionBetweenClaimAndPublishLeavesNothingBehind) {
  TypeParam ring({.capacity = 4});
  auto consumer = *ring.add_consumer();
  auto next = *ring.add_consumer({.after = {consumer}});
  for (uint64_t value = 0; value < 50; value += 2) {
    publish(ring, value);
    const auto fail = [](uint64_t& event) {
      event = 666;
      throw std::runtime_error("half-way");
    };
    EXPECT_THROW(ring.publish(fail).IgnoreError(), std::runtime_error);
    publish(ring, value + 1);
    EXPECT_THAT(read(next), IsEmpty());
    EXPECT_THAT(read(consumer), ElementsAre(value, value + 1));
    EXPECT_THAT(read(next), ElementsAre(value, value + 1));
  }
}

TYPED_TEST(RingTest, WhatIsTakenAndNotReleasedIsTakenAgain) {
  TypeParam ring({.capacity = 8});
  auto consumer = *ring.add_consumer();
  publish_range(ring, 0, 4);
  EXPECT_EQ(consumer.take(3).size(), 3u);
  EXPECT_EQ(consumer.take(3)[0], 0u);
  consumer.release(2);
  EXPECT_EQ(consumer.take()[0], 2u);
  EXPECT_EQ(consumer.sequence(), 2u);
}

TYPED_TEST(RingTest, AnEarlyReleaseLetsTheNextStageGoOn) {
  TypeParam ring({.capacity = 8});
  auto first = *ring.add_consumer();
  auto second = *ring.add_consumer({.after = {first}});
  publish_range(ring, 0, 4);
  ASSERT_EQ(first.take().size(), 4u);
  EXPECT_TRUE(second.take().empty());
  first.release(1);
  EXPECT_THAT(read(second), ElementsAre(0));
  first.release(2);
  EXPECT_THAT(read(second), ElementsAre(1, 2));
}

TYPED_TEST(RingTest, EveryConsumerSeesEveryEventAndAJoinWaitsForAll) {
  TypeParam ring({.capacity = 4});
  auto left = *ring.add_consumer();
  auto right = *ring.add_consumer();
  auto join = *ring.add_consumer({.after = {left, right}});
  publish_range(ring, 0, 2);
  EXPECT_THAT(read(left), ElementsAre(0, 1));
  EXPECT_THAT(read(join), IsEmpty());
  EXPECT_THAT(read(right, 1), ElementsAre(0));
  EXPECT_THAT(read(join), ElementsAre(0));
  publish_range(ring, 2, 4);
  EXPECT_FALSE(ring.try_claim(2));  // `right` and `join` hold event 1
}

TYPED_TEST(RingTest, SequencesPassTheLimitsOfSignedAndUnsignedNumbers) {
  for (const Sequence limit : {Sequence{1} << 63, Sequence{0}}) {
    TypeParam ring({.capacity = 4, .first_sequence = limit - 10});
    auto consumer = *ring.add_consumer();
    auto next = *ring.add_consumer({.after = {consumer}});
    for (Sequence sequence = limit - 10; sequence != limit + 10; ++sequence) {
      publish(ring, sequence);
      EXPECT_EQ(consumer.sequence(), sequence);
      EXPECT_THAT(read(consumer), ElementsAre(sequence));
      EXPECT_THAT(read(next), ElementsAre(sequence));
    }
  }
}

template <class R>
concept ShowsItsParts =
    requires(R& ring) { ring.sequencer(); } || requires(R& ring) { ring.publish_claim(0, 1); };

TYPED_TEST(RingTest, KeepsToItselfWhatOnlyItsClaimsAndConsumersNeed) {
  static_assert(!ShowsItsParts<TypeParam>);
}

TYPED_TEST(RingTest, MetricsTellWhoLagsAndWhoWaited) {
  TypeParam ring({.capacity = 8});
  auto fast = *ring.add_consumer({.name = "fast"});
  auto slow = *ring.add_consumer({.name = "slow", .after = {fast}});
  wait::BlockWait strategy;
  EXPECT_EQ(fast.wait(strategy, wait::Clock::now()), Wake::kTimeout);
  publish_range(ring, 0, 5);
  EXPECT_EQ(read(fast).size(), 5u);
  EXPECT_EQ(read(slow, 2).size(), 2u);
  const RingMetrics metrics = ring.metrics();
  EXPECT_EQ(metrics.published, 5u);
  ASSERT_EQ(metrics.consumers.size(), 2u);
  EXPECT_EQ(metrics.consumers[0].name, "fast");
  EXPECT_EQ(metrics.consumers[0].lag, 0u);
  EXPECT_EQ(metrics.consumers[0].waits, 1u);
  EXPECT_EQ(metrics.consumers[1].released, 2u);
  EXPECT_EQ(metrics.consumers[1].lag, 3u);
  EXPECT_EQ(metrics.consumers[1].batches, 1u);
}

TEST(Ring, TheCapacityIsAPowerOfTwoAndConsumersAreLimited) {
  EXPECT_THAT(std::string(Single::create({.capacity = 1000}).status().message()),
              HasSubstr("capacity is 1000; it must be a power of two"));
  EXPECT_FALSE(Single::create({.capacity = 0}).ok());
  EXPECT_FALSE(Single::create({.capacity = 1}).ok());
  EXPECT_FALSE(Single::create({.max_consumers = 0}).ok());
  EXPECT_FALSE(Single::create({.max_consumers = 64}).ok());
  EXPECT_TRUE(Single::create({.capacity = 2, .max_consumers = 63}).ok());
  EXPECT_DEATH(Single({.capacity = 3}), "capacity is 3");
}

TEST(Ring, OneProducerHasOneClaimAtATime) {
  EXPECT_DEATH(
      {
        Single ring({.capacity = 4});
        auto first = ring.claim();
        auto second = ring.claim();
      },
      "an earlier claim is neither published nor cancelled");
}

TEST(Ring, SeveralProducersPublishInAnyOrderAndEventsComeInTheOrderOfTheirClaims) {
  Multi ring({.capacity = 8});
  auto consumer = *ring.add_consumer();
  auto first = ring.claim(2);
  auto second = ring.claim();
  auto third = ring.claim(2);
  first[0] = 0;
  first[1] = 1;
  *second = 2;
  third[0] = 3;
  third[1] = 4;
  third.publish();
  second.publish();
  EXPECT_TRUE(consumer.take().empty());
  first.publish();
  EXPECT_THAT(read(consumer), ElementsAre(0, 1, 2, 3, 4));
}

TEST(Ring, SeveralProducersLoseAndRepeatNothing) {
  Multi ring({.capacity = 16});
  auto consumer = *ring.add_consumer();
  constexpr uint64_t kProducers = 3;
  constexpr uint64_t kEach = 10'000;
  std::vector<std::thread> producers;
  for (uint64_t number = 0; number < kProducers; ++number) {
    producers.emplace_back([&ring, number] {
      for (uint64_t value = 0; value < kEach; ++value) {
        if (value % 7 == 0) ring.claim(1 + value % 3).cancel();
        auto claim = value % 5 == 0 ? ring.claim_for(std::chrono::hours(1)) : ring.claim();
        *claim = number * kEach + value;
        claim.publish();
      }
    });
  }
  std::vector<uint64_t> next(kProducers);
  wait::YieldWait strategy;
  for (uint64_t seen = 0; seen < kProducers * kEach;) {
    ASSERT_EQ(consumer.wait(strategy), Wake::kReady);
    for (const uint64_t event : consumer.take()) {
      EXPECT_EQ(event % kEach, next[event / kEach]++);
      ++seen;
    }
    consumer.release();
  }
  for (std::thread& producer : producers) producer.join();
  EXPECT_THAT(next, ElementsAre(kEach, kEach, kEach));
}

TEST(Ring, ADenseBatchIsAtMostTwoSpans) {
  DenseRing ring({.capacity = 8});
  auto consumer = *ring.add_consumer();
  publish_range(ring, 0, 6);
  EXPECT_EQ(read(consumer).size(), 6u);
  auto claim = ring.claim(5);
  uint64_t value = 6;
  for (const auto span : claim.spans()) {
    for (uint64_t& event : span) event = value++;
  }
  claim.publish();
  const auto [head, tail] = consumer.take().spans();
  EXPECT_THAT(head, ElementsAre(6, 7));
  EXPECT_THAT(tail, ElementsAre(8, 9, 10));
}

// An event that stays where it was built.
class Pinned {
 public:
  explicit Pinned(size_t place) : index(place) {}
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;

  const size_t index;
};

TEST(Ring, EventsAreBuiltInPlaceAndNeverMoved) {
  Ring<Pinned> ring({.capacity = 4}, [](size_t index) { return Pinned(index); });
  auto consumer = *ring.add_consumer();
  for (size_t lap = 0; lap < 3; ++lap) {
    for (size_t index = 0; index < 4; ++index) {
      auto claim = ring.claim();
      EXPECT_EQ(claim->index, index);
      claim.publish();
      EXPECT_EQ(consumer.take()[0].index, index);
      consumer.release();
    }
  }
}

TEST(Ring, AnExceptionOfAnEventsConstructorDestroysThoseBefore) {
  static int alive = 0;
  struct Counted {
    Counted() { ++alive; }
    ~Counted() { --alive; }
  };
  const auto make = [](size_t index) {
    if (index == 3) throw std::runtime_error("third");
    return Counted();
  };
  EXPECT_THROW(Ring<Counted>({.capacity = 4}, make), std::runtime_error);
  EXPECT_EQ(alive, 0);
}

}  // namespace
}  // namespace annulet::ring
