#include "annulet/ring/ring.h"

#include <thread>

#include "gtest/gtest.h"

namespace annulet::ring {
namespace {

TEST(Ring, HandsEventsFromAProducerToAConsumerInOrder) {
  Ring<uint64_t> ring({.capacity = 64});
  auto consumer = ring.add_consumer();
  ASSERT_TRUE(consumer.ok());
  std::thread producer([&] {
    for (uint64_t i = 0; i < 100'000; ++i) {
      auto claim = ring.claim();
      *claim = i;
      claim.publish();
    }
    ring.close();
  });
  wait::BlockWait strategy;
  uint64_t expected = 0;
  while (consumer->wait(strategy) == Wake::kReady) {
    for (const uint64_t event : consumer->take()) EXPECT_EQ(event, expected++);
    consumer->release();
  }
  EXPECT_EQ(expected, 100'000u);
  producer.join();
}

}  // namespace
}  // namespace annulet::ring
