// Joining, leaving, closing, halting.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "annulet/ring/ring.h"
#include "annulet/ring/testing/numbers.h"
#include "annulet/wait/strategy.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace annulet::ring {
namespace {

using std::chrono::microseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <class R>
class RingLifeTest : public ::testing::Test {};
TYPED_TEST_SUITE(RingLifeTest, AllRings);

TYPED_TEST(RingLifeTest, AClosedRingRefusesClaimsAndItsConsumersEndWhenTheyHaveHandledAll) {
  TypeParam ring({.capacity = 4});
  auto consumer = *ring.add_consumer();
  auto last = *ring.add_consumer({.after = {consumer}});
  publish_range(ring, 0, 3);
  ring.close();
  ring.close();
  EXPECT_EQ(ring.claim().status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ring.try_claim().status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ring.claim_for(microseconds(1)).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ring.add_consumer().status().code(), absl::StatusCode::kFailedPrecondition);
  wait::BlockWait strategy;
  EXPECT_EQ(consumer.wait(strategy), Wake::kReady);
  EXPECT_EQ(last.wait(strategy, wait::Clock::now()), Wake::kTimeout);
  EXPECT_THAT(read(consumer), ElementsAre(0, 1, 2));
  EXPECT_EQ(consumer.wait(strategy), Wake::kEnded);
  EXPECT_THAT(read(last), ElementsAre(0, 1, 2));
  EXPECT_EQ(last.wait(strategy), Wake::kEnded);
}

TYPED_TEST(RingLifeTest, AClaimThatWaitsInARingThatNobodyReadsEndsWithTheClose) {
  TypeParam ring({.capacity = 2});
  publish_range(ring, 0, 2);
  std::thread producer([&] { EXPECT_FALSE(ring.claim()); });
  ring.close();
  producer.join();
}

TYPED_TEST(RingLifeTest, NobodyComesAfterAConsumerThatHasLeft) {
  TypeParam ring({.capacity = 2});
  auto stays = *ring.add_consumer();
  auto leaves = std::make_unique<typename TypeParam::Consumer>(*ring.add_consumer());
  const internal::Upstream<TypeParam> left = *leaves;
  leaves.reset();
  EXPECT_EQ(ring.add_consumer({.after = {left}}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TYPED_TEST(RingLifeTest, AClaimMadeBeforeTheCloseIsStillPublished) {
  TypeParam ring({.capacity = 4});
  auto consumer = *ring.add_consumer();
  wait::BlockWait strategy;
  {
    auto claim = ring.claim();
    *claim = 1;
    ring.close();
    EXPECT_EQ(consumer.wait(strategy, wait::Clock::now()), Wake::kTimeout);
    claim.publish();
  }
  EXPECT_THAT(read(consumer), ElementsAre(1));
  EXPECT_EQ(consumer.wait(strategy), Wake::kEnded);
}

TYPED_TEST(RingLifeTest, AClaimCancelledAfterTheCloseLetsTheConsumerEnd) {
  TypeParam ring({.capacity = 4});
  auto consumer = *ring.add_consumer();
  std::thread producer;
  {
    auto claim = ring.claim();
    ring.close();
    producer = std::thread([cancelled = std::move(claim)]() mutable { cancelled.cancel(); });
  }
  wait::BlockWait strategy;
  EXPECT_EQ(consumer.wait(strategy), Wake::kEnded);
  producer.join();
}

TYPED_TEST(RingLifeTest, EverythingClaimedBeforeAConcurrentCloseIsHandled) {
  for (int round = 0; round < 200; ++round) {
    TypeParam ring({.capacity = 16});
    auto consumer = *ring.add_consumer();
    uint64_t published = 0;
    std::thread producer([&] {
      while (auto claim = ring.claim()) {
        *claim = published++;
        claim.publish();
      }
    });
    uint64_t handled = 0;
    wait::YieldWait strategy;
    while (consumer.wait(strategy) == Wake::kReady) {
      handled += consumer.take().size();
      consumer.release();
      if (handled > 50) ring.close();
    }
    producer.join();
    EXPECT_EQ(handled, published);
  }
}

TYPED_TEST(RingLifeTest, AHaltWakesWaitingProducersAndConsumersWithItsReason) {
  TypeParam ring({.capacity = 2});
  auto consumer = *ring.add_consumer();
  auto idle = *ring.add_consumer({.after = {consumer}});
  publish_range(ring, 0, 2);
  const absl::Status why = absl::DataLossError("disk is gone");
  std::thread producer([&] { EXPECT_EQ(ring.claim().status(), why); });
  std::thread reader([&] {
    wait::BlockWait strategy;
    EXPECT_EQ(idle.wait(strategy), Wake::kEnded);
  });
  ring.halt(why);
  ring.halt(absl::InternalError("too late to count"));
  producer.join();
  reader.join();
  wait::BlockWait strategy;
  EXPECT_EQ(consumer.wait(strategy), Wake::kEnded);  // although there are events
  EXPECT_EQ(ring.failure(), why);
}

TYPED_TEST(RingLifeTest, ARingThatNobodyReadsKeepsItsEventsForTheFirstConsumer) {
  TypeParam ring({.capacity = 4});
  publish_range(ring, 0, 4);
  EXPECT_EQ(ring.try_claim().status().code(), absl::StatusCode::kResourceExhausted);
  auto consumer = *ring.add_consumer();
  EXPECT_THAT(read(consumer), ElementsAre(0, 1, 2, 3));
}

TYPED_TEST(RingLifeTest, WhoComesAfterTheLastConsumerLeftGoesOnWhereItWas) {
  TypeParam ring({.capacity = 8});
  {
    auto consumer = *ring.add_consumer();
    auto claim = ring.claim(4);
    for (uint64_t& event : claim) event = claim.sequence();
    claim.publish();
    ASSERT_EQ(consumer.take().size(), 4u);
    consumer.release(1);  // within a publication
  }
  publish(ring, 44);
  auto consumer = *ring.add_consumer();
  EXPECT_EQ(consumer.sequence(), 1u);
  EXPECT_EQ(read(consumer).size(), 4u);
}

TYPED_TEST(RingLifeTest, AConsumerThatJoinsSeesWhatIsPublishedFromThenOn) {
  TypeParam ring({.capacity = 8});
  auto first = *ring.add_consumer();
  publish_range(ring, 0, 3);
  auto second = *ring.add_consumer();
  auto after_first = *ring.add_consumer({.after = {first}});
  publish_range(ring, 3, 5);
  EXPECT_THAT(read(first), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(read(second), ElementsAre(3, 4));
  EXPECT_THAT(read(after_first), ElementsAre(3, 4));
}

TYPED_TEST(RingLifeTest, AConsumerThatLeavesLetsAWaitingProducerGoOn) {
  TypeParam ring({.capacity = 2});
  auto stays = *ring.add_consumer();
  auto leaves = std::make_unique<typename TypeParam::Consumer>(*ring.add_consumer());
  publish_range(ring, 0, 2);
  EXPECT_THAT(read(stays), ElementsAre(0, 1));
  std::thread producer([&] { publish(ring, 2); });
  leaves.reset();
  producer.join();
  EXPECT_THAT(read(stays), ElementsAre(2));
}

TYPED_TEST(RingLifeTest, ConsumersComeAndGoWhileEventsFlow) {
  TypeParam ring({.capacity = 16});
  auto steady = *ring.add_consumer();
  std::thread producer([&] {
    publish_range(ring, 0, 30'000);
    ring.close();
  });
  std::atomic<bool> done = false;
  std::thread visitor([&] {
    wait::YieldWait strategy;
    while (!done) {
      auto guest = ring.add_consumer();
      if (!guest.ok()) return;  // closed
      uint64_t expected = guest->sequence();
      for (int batch = 0; batch < 20 && guest->wait(strategy) == Wake::kReady; ++batch) {
        for (const uint64_t event : guest->take()) EXPECT_EQ(event, expected++);
        guest->release();
      }
    }
  });
  wait::YieldWait strategy;
  uint64_t expected = 0;
  while (steady.wait(strategy) == Wake::kReady) {
    for (const uint64_t event : steady.take()) EXPECT_EQ(event, expected++);
    steady.release();
  }
  EXPECT_EQ(expected, 30'000u);
  done = true;
  producer.join();
  visitor.join();
}

TYPED_TEST(RingLifeTest, AStoppedConsumerEndsAndOthersGoOn) {
  TypeParam ring({.capacity = 4});
  auto consumer = *ring.add_consumer();
  auto other = *ring.add_consumer();
  std::thread reader([&] {
    wait::BlockWait strategy;
    EXPECT_EQ(consumer.wait(strategy), Wake::kEnded);
  });
  consumer.stop();
  reader.join();
  publish(ring, 1);
  EXPECT_THAT(read(other), ElementsAre(1));
}

TYPED_TEST(RingLifeTest, TheMetricsOfAClosedRingCountItsEvents) {
  TypeParam ring({.capacity = 8});
  auto consumer = *ring.add_consumer();
  publish(ring, 1);
  ring.close();
  EXPECT_EQ(ring.metrics().published, 1u);
  EXPECT_EQ(ring.metrics().consumers[0].lag, 1u);
}

TEST(Ring, AsManyConsumersAsItsOptionsSay) {
  Single ring({.capacity = 4, .max_consumers = 2});
  auto first = *ring.add_consumer();
  auto second = ring.add_consumer();
  ASSERT_TRUE(second.ok());
  const absl::Status third = ring.add_consumer({.name = "third"}).status();
  EXPECT_EQ(third.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(third.message()), HasSubstr("no place for 'third'"));
  second = absl::UnknownError("leaves");
  EXPECT_TRUE(ring.add_consumer().ok());
}

TEST(Ring, AConsumerCannotComeAfterOneOfAnotherRing) {
  Single ring({.capacity = 4});
  Single other({.capacity = 4});
  auto consumer = *other.add_consumer();
  EXPECT_EQ(ring.add_consumer({.after = {consumer}}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Ring, WhoIsWaitedForCannotLeave) {
  EXPECT_DEATH(
      {
        Single ring({.capacity = 4});
        auto first = std::make_unique<Single::Consumer>(*ring.add_consumer());
        auto second = *ring.add_consumer({.after = {*first}});
        first.reset();
      },
      "destroyed before one that comes after it");
}

}  // namespace
}  // namespace annulet::ring
