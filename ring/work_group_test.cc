#include "annulet/ring/work_group.h"

#include <atomic>
#include <cstdint>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "annulet/ring/handler.h"
#include "annulet/ring/ring.h"
#include "annulet/wait/strategy.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace annulet::ring {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;

template <class R>
class WorkGroupTest : public ::testing::Test {};
using Rings = ::testing::Types<Ring<uint64_t>, Ring<uint64_t, SingleProducer, Dense>,
                               Ring<uint64_t, MultiProducer>>;
TYPED_TEST_SUITE(WorkGroupTest, Rings);

template <class R>
void publish_range(R& ring, uint64_t first, uint64_t end) {
  for (uint64_t value = first; value < end; ++value) {
    ASSERT_TRUE(ring.publish([&](uint64_t& event) { event = value; }).ok());
  }
}

TYPED_TEST(WorkGroupTest, EachEventGoesToOneWorker) {
  TypeParam ring({.capacity = 16});
  auto group = *ring.add_work_group({.workers = 3});
  auto after = *ring.add_consumer({.after = {group}});
  constexpr uint64_t kEvents = 20'000;
  std::deque<std::atomic<int>> handled(kEvents);
  std::vector<std::thread> workers;
  for (size_t number = 0; number < group.size(); ++number) {
    workers.emplace_back([&, number] {
      const auto handle = [&](uint64_t event) { handled[event].fetch_add(1); };
      const RunOptions options{.max_batch = 1 + 2 * number};
      EXPECT_TRUE(run(ring, group.worker(number), handle, wait::YieldWait(), options).ok());
    });
  }
  std::thread producer([&] {
    publish_range(ring, 0, kEvents);
    ring.close();
  });
  uint64_t next = 0;
  const auto check_handled = [&](uint64_t event) {
    EXPECT_EQ(event, next++);
    EXPECT_EQ(handled[event].load(), 1);
  };
  EXPECT_TRUE(run(ring, after, check_handled, wait::YieldWait()).ok());
  EXPECT_EQ(next, kEvents);
  for (std::thread& worker : workers) worker.join();
  producer.join();
}

TYPED_TEST(WorkGroupTest, WhoComesAfterWaitsForTheSlowestWorker) {
  TypeParam ring({.capacity = 8});
  auto group = *ring.add_work_group({.workers = 2});
  auto after = *ring.add_consumer({.after = {group}});
  publish_range(ring, 0, 4);
  EXPECT_EQ(group.worker(0).take(1)[0], 0u);
  EXPECT_EQ(group.worker(1).take(2)[0], 1u);
  group.worker(1).release();
  EXPECT_TRUE(after.take().empty());
  group.worker(0).release();
  EXPECT_EQ(after.take().size(), 3u);  // event 3 is not taken yet
}

TYPED_TEST(WorkGroupTest, AnIdleWorkerHoldsNobodyBack) {
  TypeParam ring({.capacity = 4});
  auto group = *ring.add_work_group({.workers = 2});
  for (uint64_t lap = 0; lap < 10; ++lap) {
    publish_range(ring, 0, 3);
    for (int event = 0; event < 3; ++event) {
      EXPECT_EQ(group.worker(0).take().size(), 1u);
      group.worker(0).release();
    }
  }
  EXPECT_TRUE(group.worker(1).take().empty());
}

TYPED_TEST(WorkGroupTest, AWorkerReleasesEventsEarly) {
  TypeParam ring({.capacity = 4});
  auto group = *ring.add_work_group({.workers = 1});
  publish_range(ring, 0, 4);
  const auto batch = group.worker(0).take(4);
  ASSERT_FALSE(batch.empty());
  EXPECT_FALSE(ring.try_claim());
  group.worker(0).release(1);
  EXPECT_TRUE(ring.try_claim());
}

TYPED_TEST(WorkGroupTest, WorkersEndWithTheRing) {
  TypeParam ring({.capacity = 4});
  auto group = *ring.add_work_group({.workers = 2});
  wait::BlockWait strategy;
  std::thread waiting([&] {
    wait::BlockWait own;
    EXPECT_EQ(group.worker(1).wait(own), Wake::kEnded);
  });
  ring.close();
  EXPECT_EQ(group.worker(0).wait(strategy), Wake::kEnded);
  waiting.join();
}

TYPED_TEST(WorkGroupTest, AStoppedWorkerLeavesItsShareToTheOthers) {
  TypeParam ring({.capacity = 4});
  auto group = *ring.add_work_group({.workers = 2});
  group.worker(0).stop();
  wait::BlockWait strategy;
  publish_range(ring, 0, 1);
  EXPECT_EQ(group.worker(1).wait(strategy), Wake::kReady);
  EXPECT_EQ(group.worker(1).take().size(), 1u);
  group.worker(1).release();
  EXPECT_EQ(group.worker(0).wait(strategy), Wake::kEnded);
}

TYPED_TEST(WorkGroupTest, AStopOrAHaltEndsWorkersThatHaveEventsToTake) {
  TypeParam ring({.capacity = 4});
  auto group = *ring.add_work_group({.workers = 2});
  publish_range(ring, 0, 3);
  wait::BlockWait strategy;
  group.worker(0).stop();
  EXPECT_EQ(group.worker(0).wait(strategy), Wake::kEnded);
  EXPECT_EQ(group.worker(1).wait(strategy), Wake::kReady);
  ring.halt();
  EXPECT_EQ(group.worker(1).wait(strategy), Wake::kEnded);
}

TYPED_TEST(WorkGroupTest, AGroupThatLeavesWithinAPublicationLeavesTheRestOfIt) {
  TypeParam ring({.capacity = 4});
  {
    auto group = *ring.add_work_group({.workers = 1});
    ring.claim(4).publish();
    EXPECT_EQ(group.worker(0).take().size(), 1u);
    group.worker(0).release();
  }
  auto consumer = *ring.add_consumer();
  EXPECT_EQ(consumer.sequence(), 1u);
  EXPECT_EQ(consumer.take().size(), 3u);
}

TYPED_TEST(WorkGroupTest, AGroupLeavesAndTheNextReaderGoesOnWhereItWas) {
  TypeParam ring({.capacity = 4});
  {
    auto group = *ring.add_work_group({.workers = 2});
    publish_range(ring, 0, 3);
    EXPECT_EQ(group.worker(0).take()[0], 0u);
    group.worker(0).release();
  }
  auto consumer = *ring.add_consumer();
  EXPECT_EQ(consumer.sequence(), 1u);
  EXPECT_EQ(consumer.take()[0], 1u);
}

TYPED_TEST(WorkGroupTest, AGroupNeedsWorkersAndAPlaceForEach) {
  TypeParam ring({.capacity = 4, .max_consumers = 3});
  EXPECT_EQ(ring.add_work_group({.workers = 0}).status().code(),
            absl::StatusCode::kInvalidArgument);
  const absl::Status status = ring.add_work_group({.name = "many", .workers = 3}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("'many'"));
  EXPECT_TRUE(ring.add_work_group({.workers = 2}).ok());  // what the other had taken is given back
}

TEST(WorkGroup, PassesOverWhatProducersCancelled) {
  Ring<uint64_t, MultiProducer> ring({.capacity = 8});
  auto group = *ring.add_work_group({.workers = 3});
  constexpr uint64_t kEvents = 10'000;
  std::deque<std::atomic<int>> handled(kEvents);
  std::vector<std::thread> workers;
  for (size_t number = 0; number < group.size(); ++number) {
    workers.emplace_back([&, number] {
      const auto handle = [&](uint64_t event) { handled[event].fetch_add(1); };
      EXPECT_TRUE(run(ring, group.worker(number), handle, wait::YieldWait()).ok());
    });
  }
  for (uint64_t value = 0; value < kEvents; ++value) {
    if (value % 3 == 0) ring.claim(1 + value % 4).cancel();
    publish_range(ring, value, value + 1);
  }
  ring.close();
  for (std::thread& worker : workers) worker.join();
  std::vector<int> counts;
  for (const auto& count : handled) counts.push_back(count.load());
  EXPECT_THAT(counts, Each(1));
}

}  // namespace
}  // namespace annulet::ring
