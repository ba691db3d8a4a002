// A ring allocates when it is made and when a consumer joins, and not after that; whoever cannot
// join for lack of memory leaves it as it was.
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <latch>
#include <new>
#include <string>
#include <thread>

#include "annulet/ring/consumer.h"
#include "annulet/ring/growing_ring.h"
#include "annulet/ring/ring.h"
#include "annulet/ring/work_group.h"
#include "annulet/testing/allocations.h"
#include "annulet/wait/strategy.h"

namespace annulet::ring {
namespace {

using Allocations = faults::AllocationTest;

constexpr uint64_t kEvents = 10'000;
constexpr size_t kCapacity = 1024;
constexpr size_t kBatch = 8;

template <class Strategy, class Ring>
void publish_all(Ring& ring) {
  for (uint64_t sent = 0; sent < kEvents; sent += 2 * kBatch) {
    auto batch = ring.template claim<Strategy>(kBatch);
    for (uint64_t& event : batch) event = 1;
    batch.publish();
    for (size_t i = 0; i < kBatch; ++i) {
      auto claim = ring.template claim<Strategy>();
      *claim = 1;
      claim.publish();
    }
    ring.template claim<Strategy>(2).cancel();
  }
}

template <class Consumer, class Strategy>
uint64_t read_all(Consumer& consumer, Strategy& strategy) {
  uint64_t sum = 0;
  while (sum < kEvents && consumer.wait(strategy) == Wake::kReady) {
    for (const uint64_t event : consumer.take(kCapacity / 4)) sum += event;
    consumer.release();
  }
  return sum;
}

// From the first claim to the last release, of a producer and of two consumers in a row.
template <class Ring, class Strategy>
void expect_no_allocation() {
  const int before_construction = faults::allocations();
  Ring ring({.capacity = kCapacity});
  auto first = ring.add_consumer();
  ASSERT_TRUE(first.ok());
  auto second = ring.add_consumer({.after = {*first}});
  ASSERT_TRUE(second.ok());
  ASSERT_GT(faults::allocations(), before_construction) << "this counts them";

  // Starting and ending a thread allocates; what they do between `go` and `done` does not.
  std::latch ready(2), go(1), done(2);
  const auto read = [&](auto& consumer) {
    ready.count_down();
    go.wait();
    Strategy strategy;
    EXPECT_EQ(read_all(consumer, strategy), kEvents);
    done.count_down();
  };
  std::thread first_reader([&] { read(*first); });
  std::thread second_reader([&] { read(*second); });
  ready.wait();
  const int before = faults::allocations();
  go.count_down();
  publish_all<Strategy>(ring);
  done.wait();
  EXPECT_EQ(faults::allocations(), before);
  first_reader.join();
  second_reader.join();
}

TEST_F(Allocations, OneProducerAndItsConsumersMakeNoneWhenTheyPause) {
  expect_no_allocation<Ring<uint64_t>, wait::PauseWait>();
}

TEST_F(Allocations, OneProducerAndItsConsumersMakeNoneWhenTheyBlock) {
  expect_no_allocation<Ring<uint64_t>, wait::BlockWait>();
}

TEST_F(Allocations, OneProducerMakesNoneInTheDenseLayout) {
  expect_no_allocation<Ring<uint64_t, SingleProducer, Dense>, wait::BlockWait>();
}

TEST_F(Allocations, AMultiProducerRingMakesNoneWhenEveryonePauses) {
  expect_no_allocation<Ring<uint64_t, MultiProducer>, wait::PauseWait>();
}

TEST_F(Allocations, AMultiProducerRingMakesNoneWhenEveryoneBlocks) {
  expect_no_allocation<Ring<uint64_t, MultiProducer>, wait::BlockWait>();
}

// Lets each allocation of join() fail in turn, until it has all. Whoever could not join holds no
// place: else there would be none for the next attempt.
template <class Join>
void expect_to_join_in_the_end(const Join& join) {
  for (int grants = 0;; ++grants) {
    try {
      const auto joined = [&] {
        const faults::AllocationsFail fail(grants);
        return join();
      }();
      EXPECT_TRUE(joined.ok()) << joined.status();
      EXPECT_GT(grants, 0) << "there was nothing to fail";
      return;
    } catch (const std::bad_alloc&) {
    }
  }
}

const std::string kLongName = "a name that does not fit into a string without an allocation";

TEST_F(Allocations, AConsumerThatCannotAllocateHoldsNoPlace) {
  Ring<uint64_t> ring({.capacity = 2, .max_consumers = 1});
  const ConsumerOptions<Ring<uint64_t>> options{.name = kLongName};
  expect_to_join_in_the_end([&] { return ring.add_consumer(options); });
  EXPECT_TRUE(ring.metrics().consumers.empty());
}

TEST_F(Allocations, AGroupThatCannotAllocateHoldsNoPlaces) {
  Ring<uint64_t> ring({.capacity = 2, .max_consumers = 4});
  const WorkGroupOptions<Ring<uint64_t>> options{.name = kLongName, .workers = 3};
  expect_to_join_in_the_end([&] { return ring.add_work_group(options); });
  EXPECT_TRUE(ring.metrics().consumers.empty());
}

TEST_F(Allocations, AConsumerOfAGrowingRingThatCannotAllocateHoldsNoPlace) {
  GrowingRing<uint64_t> ring({.capacity = 2, .max_consumers = 1});
  const GrowingRing<uint64_t>::ConsumerOptions options{.name = kLongName};
  expect_to_join_in_the_end([&] { return ring.add_consumer(options); });
}

// One that lags behind in a ring that the producer has left, and is the last in it and in others.
TEST_F(Allocations, AConsumerLeavesAGrowingRingThatHasGrownWithoutAny) {
  GrowingRing<uint64_t> ring(
      {.capacity = 2, .max_capacity = 16, .patience = std::chrono::nanoseconds(0)});
  auto consumer = ring.add_consumer();
  ASSERT_TRUE(consumer.ok());
  for (int i = 0; i < 14; ++i) {
    auto claim = ring.claim();
    ASSERT_TRUE(claim);
    *claim = 1;
    claim.publish();
  }
  ASSERT_GT(ring.allocated(), ring.capacity()) << "several rings";
  {
    const faults::AllocationsFail fail;
    consumer->reset();
  }
  EXPECT_EQ(ring.allocated(), ring.capacity());
}

}  // namespace
}  // namespace annulet::ring
