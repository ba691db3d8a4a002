// A ring allocates when it is made and when a consumer joins, and not after that; whoever cannot
// join for lack of memory leaves it as it was. Counts every operator new of this program, and lets
// some fail.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <latch>
#include <limits>
#include <new>
#include <string>
#include <thread>

#include "absl/base/config.h"
#include "annulet/ring/consumer.h"
#include "annulet/ring/growing_ring.h"
#include "annulet/ring/ring.h"
#include "annulet/ring/work_group.h"
#include "annulet/wait/strategy.h"

namespace {
std::atomic<int> g_allocations{0};
// So many more may succeed in this thread.
constexpr int kAllMay = std::numeric_limits<int>::max();
constinit thread_local int t_grants = kAllMay;
}  // namespace

// ThreadSanitizer's runtime has operators of its own, which a program cannot replace.
#ifdef ABSL_HAVE_THREAD_SANITIZER
constexpr bool kCounts = false;
#else
constexpr bool kCounts = true;
namespace {
void count() {
  if (t_grants == 0) throw std::bad_alloc();
  if (t_grants != kAllMay) --t_grants;
  g_allocations.fetch_add(1, std::memory_order_relaxed);
}
void* checked(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
}  // namespace
void* operator new(std::size_t bytes) {
  count();
  return checked(std::malloc(bytes));
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  count();
  const auto align = static_cast<std::size_t>(alignment);
  return checked(std::aligned_alloc(align, (bytes + align - 1) / align * align));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
#endif

namespace annulet::ring {
namespace {

constexpr uint64_t kEvents = 10'000;
constexpr size_t kCapacity = 1024;
constexpr size_t kBatch = 8;

int allocations() { return g_allocations.load(std::memory_order_relaxed); }

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
  if (!kCounts) GTEST_SKIP() << "operator new cannot be replaced here";
  const int before_construction = allocations();
  Ring ring({.capacity = kCapacity});
  auto first = ring.add_consumer();
  ASSERT_TRUE(first.ok());
  auto second = ring.add_consumer({.after = {*first}});
  ASSERT_TRUE(second.ok());
  ASSERT_GT(allocations(), before_construction) << "this counts them";

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
  const int before = allocations();
  go.count_down();
  publish_all<Strategy>(ring);
  done.wait();
  EXPECT_EQ(allocations(), before);
  first_reader.join();
  second_reader.join();
}

TEST(Allocations, OneProducerAndItsConsumersMakeNoneWhenTheyPause) {
  expect_no_allocation<Ring<uint64_t>, wait::PauseWait>();
}

TEST(Allocations, OneProducerAndItsConsumersMakeNoneWhenTheyBlock) {
  expect_no_allocation<Ring<uint64_t>, wait::BlockWait>();
}

TEST(Allocations, OneProducerMakesNoneInTheDenseLayout) {
  expect_no_allocation<Ring<uint64_t, SingleProducer, Dense>, wait::BlockWait>();
}

TEST(Allocations, AMultiProducerRingMakesNoneWhenEveryonePauses) {
  expect_no_allocation<Ring<uint64_t, MultiProducer>, wait::PauseWait>();
}

TEST(Allocations, AMultiProducerRingMakesNoneWhenEveryoneBlocks) {
  expect_no_allocation<Ring<uint64_t, MultiProducer>, wait::BlockWait>();
}

// Lets each allocation of join() fail in turn, until it has all. Whoever could not join holds no
// place: else there would be none for the next attempt.
template <class Join>
void expect_to_join_in_the_end(const Join& join) {
  if (!kCounts) GTEST_SKIP() << "operator new cannot be replaced here";
  for (int grants = 0;; ++grants) {
    t_grants = grants;
    try {
      const auto joined = join();
      t_grants = kAllMay;
      EXPECT_TRUE(joined.ok()) << joined.status();
      EXPECT_GT(grants, 0) << "there was nothing to fail";
      return;
    } catch (const std::bad_alloc&) {
      t_grants = kAllMay;
    }
  }
}

const std::string kLongName = "a name that does not fit into a string without an allocation";

TEST(Allocations, AConsumerThatCannotAllocateHoldsNoPlace) {
  Ring<uint64_t> ring({.capacity = 2, .max_consumers = 1});
  const ConsumerOptions<Ring<uint64_t>> options{.name = kLongName};
  expect_to_join_in_the_end([&] { return ring.add_consumer(options); });
  EXPECT_TRUE(ring.metrics().consumers.empty());
}

TEST(Allocations, AGroupThatCannotAllocateHoldsNoPlaces) {
  Ring<uint64_t> ring({.capacity = 2, .max_consumers = 4});
  const WorkGroupOptions<Ring<uint64_t>> options{.name = kLongName, .workers = 3};
  expect_to_join_in_the_end([&] { return ring.add_work_group(options); });
  EXPECT_TRUE(ring.metrics().consumers.empty());
}

TEST(Allocations, AConsumerOfAGrowingRingThatCannotAllocateHoldsNoPlace) {
  GrowingRing<uint64_t> ring({.capacity = 2, .max_consumers = 1});
  const GrowingRing<uint64_t>::ConsumerOptions options{.name = kLongName};
  expect_to_join_in_the_end([&] { return ring.add_consumer(options); });
}

// One that lags behind in a ring that the producer has left, and is the last in it and in others.
TEST(Allocations, AConsumerLeavesAGrowingRingThatHasGrownWithoutAny) {
  if (!kCounts) GTEST_SKIP() << "operator new cannot be replaced here";
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
  t_grants = 0;
  consumer->reset();
  t_grants = kAllMay;
  EXPECT_EQ(ring.allocated(), ring.capacity());
}

}  // namespace
}  // namespace annulet::ring
