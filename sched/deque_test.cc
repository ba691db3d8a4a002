#include "annulet/sched/deque.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <thread>
#include <vector>

namespace annulet::sched {
namespace {

TEST(Deque, TheOwnerGetsTheNewestItemAndAThiefTheOldest) {
  Deque<uint64_t> deque;
  for (uint64_t item : {1, 2, 3}) deque.push_bottom(item);
  EXPECT_EQ(deque.size(), 3u);
  EXPECT_EQ(deque.pop_bottom(), 3u);
  const auto stolen = deque.steal();
  EXPECT_EQ(stolen.status, StealStatus::kSuccess);
  EXPECT_EQ(stolen.item, 1u);
  EXPECT_EQ(deque.pop_bottom(), 2u);
  EXPECT_EQ(deque.pop_bottom(), std::nullopt);
  EXPECT_EQ(deque.steal().status, StealStatus::kEmpty);
  EXPECT_TRUE(deque.empty());
}

TEST(Deque, GrowsAndKeepsTheOrder) {
  Deque<uint64_t> deque(1);
  for (uint64_t item = 0; item < 1000; ++item) {
    deque.push_bottom(item);
    // So that the items wrap around the arrays.
    if (item % 3 == 0) {
      EXPECT_EQ(deque.steal().item, item / 3);
    }
  }
  EXPECT_EQ(deque.capacity(), 1024u);
  uint64_t expected = 1000;
  while (const auto item = deque.pop_bottom()) {
    EXPECT_EQ(*item, --expected);
  }
  EXPECT_EQ(expected, 334u);
}

TEST(Deque, ReusesThePlacesOfStolenItemsInsteadOfGrowing) {
  Deque<int> deque(4);
  for (int item = 0; item < 1000; ++item) {
    deque.push_bottom(item);
    EXPECT_EQ(deque.steal().item, item);
  }
  EXPECT_EQ(deque.capacity(), 4u);
}

TEST(Deque, ABatchIsHalfOfTheItemsRoundedUp) {
  Deque<int> deque;
  for (int item = 0; item < 5; ++item) deque.push_bottom(item);
  std::array<int, 8> stolen{};
  auto batch = deque.steal_batch(stolen);
  EXPECT_EQ(batch.status, StealStatus::kSuccess);
  ASSERT_EQ(batch.count, 3u);
  EXPECT_EQ(stolen[0], 0);
  EXPECT_EQ(stolen[2], 2);
  EXPECT_EQ(deque.size(), 2u);
  EXPECT_EQ(deque.steal_batch(stolen).count, 1u);
  EXPECT_EQ(deque.steal_batch(stolen).count, 1u);
  batch = deque.steal_batch(stolen);
  EXPECT_EQ(batch.status, StealStatus::kEmpty);
  EXPECT_EQ(batch.count, 0u);
}

TEST(Deque, ABatchIntoAnotherDequeKeepsToTheLimitAndTheOrder) {
  Deque<int> deque;
  Deque<int> thief(1);
  for (int item = 0; item < 100; ++item) deque.push_bottom(item);
  EXPECT_EQ(deque.steal_batch(thief, 20).count, 20u);
  EXPECT_GE(thief.capacity(), 20u);
  for (int item = 20; item-- > 0;) EXPECT_EQ(thief.pop_bottom(), item);
  EXPECT_EQ(deque.steal_batch(thief, 1000).count, 40u);
  EXPECT_EQ(deque.size(), 40u);
}

TEST(Deque, ReservedRoomLetsNoPushGrow) {
  Deque<int> deque(1);
  deque.push_bottom(0);
  deque.reserve(100);
  const size_t capacity = deque.capacity();
  EXPECT_GE(capacity, 101u);
  for (int item = 1; item <= 100; ++item) deque.push_bottom(item);
  EXPECT_EQ(deque.capacity(), capacity);
  EXPECT_EQ(deque.steal().item, 0);
}

// --- with real threads ---

// Each item once, whoever takes it: counts how often.
class Tally {
 public:
  explicit Tally(size_t items) : items_(items), counts_(items) {}

  // Items are pointers to what the owner wrote just before it pushed them.
  const uint64_t* make(size_t index) {
    items_[index] = index;
    return &items_[index];
  }
  void take(const uint64_t* item) { counts_[*item].fetch_add(1, std::memory_order_relaxed); }

  size_t count_of_items_taken_once() const {
    size_t once = 0;
    for (const auto& count : counts_) once += count.load() == 1;
    return once;
  }

 private:
  std::vector<uint64_t> items_;
  std::vector<std::atomic<int>> counts_;
};

using Items = Deque<const uint64_t*>;

void steal_one_by_one(Items& deque, Tally& tally, const std::atomic<bool>& done) {
  for (;;) {
    const bool last = done.load();
    const auto stolen = deque.steal();
    if (stolen.status == StealStatus::kSuccess) tally.take(stolen.item);
    if (stolen.status == StealStatus::kEmpty && last) return;
  }
}

void steal_batches(Items& deque, Tally& tally, const std::atomic<bool>& done) {
  Items mine(1);
  for (;;) {
    const bool last = done.load();
    const auto batch = deque.steal_batch(mine, 16);
    while (const auto item = mine.pop_bottom()) tally.take(*item);
    if (batch.status == StealStatus::kEmpty && last) return;
  }
}

// Pushes all items, popping one after `pushes` of them, while two thieves steal.
template <class Thief>
size_t taken_once(size_t items, size_t pushes, const Thief& thief) {
  Items deque(1);
  Tally tally(items);
  std::atomic<bool> done{false};
  std::vector<std::thread> thieves;
  for (int i = 0; i < 2; ++i) thieves.emplace_back([&] { thief(deque, tally, done); });
  for (size_t i = 0; i < items; ++i) {
    deque.push_bottom(tally.make(i));
    if (i % pushes != 0) continue;
    if (const auto item = deque.pop_bottom()) tally.take(*item);
  }
  while (const auto item = deque.pop_bottom()) tally.take(*item);
  done.store(true);
  for (std::thread& one : thieves) one.join();
  return tally.count_of_items_taken_once();
}

constexpr size_t kItems = 100'000;

TEST(Deque, OwnerAndThievesNeverBothTakeTheLastItem) {
  EXPECT_EQ(taken_once(kItems, 1, steal_one_by_one), kItems);
}

TEST(Deque, LosesNoItemWhileItGrowsUnderThieves) {
  EXPECT_EQ(taken_once(kItems, 3, steal_one_by_one), kItems);
  EXPECT_EQ(taken_once(kItems, kItems, steal_one_by_one), kItems);
}

TEST(Deque, ABatchTakesNoItemThatTheOwnerPops) {
  EXPECT_EQ(taken_once(kItems, 2, steal_batches), kItems);
  EXPECT_EQ(taken_once(kItems, 3, steal_batches), kItems);
}

}  // namespace
}  // namespace annulet::sched
