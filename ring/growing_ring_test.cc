#include "annulet/ring/growing_ring.h"

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>

#include "annulet/ring/handler.h"
#include "annulet/wait/strategy.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace annulet::ring {
namespace {

using std::chrono::microseconds;
using ::testing::HasSubstr;
using Ring = GrowingRing<uint64_t>;

void publish(Ring& ring, uint64_t value) {
  ASSERT_TRUE(ring.publish([&](uint64_t& event) { event = value; }).ok());
}

// What the consumer sees until `count` events or the end of the ring.
void expect_values(Ring::Consumer& consumer, uint64_t first, uint64_t end) {
  wait::BlockWait strategy;
  while (first != end && consumer.wait(strategy) == Wake::kReady) {
    for (const uint64_t event : consumer.take(end - first)) EXPECT_EQ(event, first++);
    consumer.release();
  }
  EXPECT_EQ(first, end);
}

TEST(GrowingRing, GrowsWhenItStaysFullAndLosesNothing) {
  Ring ring({.capacity = 4, .max_capacity = 64, .patience = microseconds(10)});
  auto consumer = *ring.add_consumer();
  for (uint64_t value = 0; value < 40; ++value) publish(ring, value);
  EXPECT_EQ(ring.capacity(), 32u);  // 4, 8 and 16 were full
  EXPECT_EQ(ring.allocated(), 4u + 8 + 16 + 32);
  expect_values(*consumer, 0, 40);
}

TEST(GrowingRing, FreesARingWhenTheLastConsumerHasLeftIt) {
  Ring ring({.capacity = 4, .max_capacity = 64, .patience = microseconds(10)});
  auto fast = *ring.add_consumer();
  auto slow = *ring.add_consumer({.name = "slow", .after = {fast.get()}});
  for (uint64_t value = 0; value < 6; ++value) publish(ring, value);
  EXPECT_EQ(ring.allocated(), 4u + 8);
  expect_values(*fast, 0, 6);
  EXPECT_EQ(ring.allocated(), 4u + 8);
  expect_values(*slow, 0, 6);
  EXPECT_EQ(ring.allocated(), 8u);
}

TEST(GrowingRing, AtItsMaximumTheProducerWaits) {
  Ring ring({.capacity = 4, .max_capacity = 8, .patience = microseconds(10)});
  auto consumer = *ring.add_consumer();
  std::thread producer([&] {
    for (uint64_t value = 0; value < 1'000; ++value) publish(ring, value);
    ring.close();
  });
  expect_values(*consumer, 0, 1'000);
  EXPECT_LE(ring.capacity(), 8u);
  producer.join();
  wait::BlockWait strategy;
  EXPECT_EQ(consumer->wait(strategy), Wake::kEnded);
}

TEST(GrowingRing, WithoutAConsumerItKeepsItsEventsAndDoesNotGrow) {
  Ring ring({.capacity = 4, .max_capacity = 8, .patience = microseconds(10)});
  for (uint64_t value = 0; value < 4; ++value) publish(ring, value);
  std::thread producer([&] { publish(ring, 4); });
  auto consumer = *ring.add_consumer();
  expect_values(*consumer, 0, 5);
  producer.join();
}

TEST(GrowingRing, ShrinksToTheFirstCapacityWhenItIsNearlyEmpty) {
  Ring ring({.capacity = 4, .max_capacity = 64, .patience = microseconds(10)});
  auto consumer = *ring.add_consumer();
  for (uint64_t value = 0; value < 10; ++value) publish(ring, value);
  EXPECT_FALSE(ring.shrink());  // 10 events do not fit into half of 4
  expect_values(*consumer, 0, 9);
  EXPECT_TRUE(ring.shrink());
  EXPECT_EQ(ring.capacity(), 4u);
  publish(ring, 10);
  expect_values(*consumer, 9, 11);
  EXPECT_EQ(ring.allocated(), 4u);
}

TEST(GrowingRing, ShrinksNoFurtherWhileAConsumerLagsBehind) {
  Ring ring({.capacity = 4, .max_capacity = 8, .patience = microseconds(10)});
  auto consumer = *ring.add_consumer();
  for (uint64_t value = 0; value < 6; ++value) publish(ring, value);
  EXPECT_FALSE(ring.shrink());
  EXPECT_EQ(ring.allocated(), 4u + 8);
}

TEST(GrowingRing, AConsumerCannotComeAfterOneOfAnotherRing) {
  Ring ring({.capacity = 4});
  Ring other({.capacity = 4});
  auto consumer = *other.add_consumer();
  EXPECT_EQ(ring.add_consumer({.after = {consumer.get()}}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(GrowingRing, ABatchLargerThanTheRingMakesItGrow) {
  Ring ring({.capacity = 4, .max_capacity = 64, .patience = microseconds(10)});
  auto consumer = *ring.add_consumer();
  auto claim = ring.claim(20);
  ASSERT_TRUE(claim) << claim.status();
  uint64_t value = 0;
  for (uint64_t& event : claim) event = value++;
  claim.publish();
  EXPECT_EQ(ring.capacity(), 32u);
  expect_values(*consumer, 0, 20);
  EXPECT_EQ(ring.claim(65).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ring.claim(0).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(GrowingRing, AConsumerThatLeavesReleasesAllRingsItWasIn) {
  Ring ring({.capacity = 4, .max_capacity = 64, .patience = microseconds(10)});
  auto stays = *ring.add_consumer();
  auto leaves = *ring.add_consumer();
  for (uint64_t value = 0; value < 10; ++value) publish(ring, value);
  expect_values(*stays, 0, 10);
  EXPECT_GT(ring.allocated(), ring.capacity());
  leaves.reset();
  EXPECT_EQ(ring.allocated(), ring.capacity());
  publish(ring, 10);
  expect_values(*stays, 10, 11);
}

TEST(GrowingRing, AConsumerThatIsAheadOfTheOneBeforeItMayLeave) {
  Ring ring({.capacity = 4, .max_capacity = 8, .patience = microseconds(10)});
  auto first = *ring.add_consumer();
  auto second = *ring.add_consumer({.after = {first.get()}});
  for (uint64_t value = 0; value < 5; ++value) publish(ring, value);
  expect_values(*first, 0, 4);
  expect_values(*second, 0, 4);
  wait::BlockWait strategy;
  EXPECT_EQ(second->wait(strategy, wait::Clock::now()), Wake::kTimeout);  // in the new ring
  second.reset();
  first.reset();  // still in the old ring
  EXPECT_EQ(ring.allocated(), ring.capacity());
}

TEST(GrowingRing, AHandlersFailureReachesTheProducerAcrossRings) {
  Ring ring({.capacity = 4, .max_capacity = 64, .patience = microseconds(10)});
  auto consumer = *ring.add_consumer();
  for (uint64_t value = 0; value < 10; ++value) publish(ring, value);
  const auto fail_at_7 = [](uint64_t event) {
    if (event == 7) throw std::runtime_error("seven");
  };
  const absl::Status status = run(ring, *consumer, fail_at_7, wait::BlockWait());
  EXPECT_THAT(std::string(status.message()), HasSubstr("failed at event 7: seven"));
  EXPECT_EQ(ring.claim().status(), status);
}

TEST(GrowingRing, AnEventThatCannotBeBuiltLeavesTheRingAsItWas) {
  bool fail = false;
  const auto make = [&](size_t) -> uint64_t {
    return fail ? throw std::runtime_error("no memory") : 0;
  };
  Ring ring({.capacity = 4, .max_capacity = 64, .patience = microseconds(10)}, make);
  auto consumer = *ring.add_consumer();
  for (uint64_t value = 0; value < 4; ++value) publish(ring, value);
  fail = true;
  EXPECT_THROW(publish(ring, 4), std::runtime_error);
  EXPECT_EQ(ring.allocated(), 4u);
  fail = false;
  publish(ring, 4);
  expect_values(*consumer, 0, 5);
}

TEST(GrowingRing, RefusesCapacitiesThatAreNoPowersOfTwoOrOutOfOrder) {
  EXPECT_THAT(std::string(check(GrowingRingOptions{.capacity = 3}).message()),
              HasSubstr("capacity is 3"));
  EXPECT_THAT(std::string(check(GrowingRingOptions{.capacity = 8, .max_capacity = 4}).message()),
              HasSubstr("max_capacity is 4"));
  EXPECT_TRUE(check(GrowingRingOptions()).ok());
}

}  // namespace
}  // namespace annulet::ring
