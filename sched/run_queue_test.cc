#include "annulet/sched/run_queue.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace annulet::sched {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// 0 stands for null.
template <class Queue>
std::vector<int> pop_all(Queue& queue) {
  std::vector<int> popped;
  while (const int item = queue.pop()) popped.push_back(item);
  return popped;
}

template <class Queue>
std::vector<int> steal(Queue& queue, size_t most) {
  std::vector<int> items(most);
  items.resize(queue.steal(items));
  return items;
}

template <class Queue>
void push_up_to(Queue& queue, int last) {
  for (int i = 1; i <= last; ++i) ASSERT_TRUE(queue.push(i));
}

TEST(RunQueue, GivesTheOldestFirst) {
  RunQueue<int, 4> queue;
  EXPECT_EQ(queue.pop(), 0);
  push_up_to(queue, 3);
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_TRUE(queue.push(4));
  EXPECT_THAT(pop_all(queue), ElementsAre(2, 3, 4));
}

TEST(RunQueue, RefusesWhatIsBeyondItsCapacity) {
  RunQueue<int, 4> queue;
  for (int i = 1; i <= 4; ++i) {
    EXPECT_TRUE(queue.has_room());
    EXPECT_TRUE(queue.push(i));
  }
  EXPECT_FALSE(queue.has_room());
  EXPECT_FALSE(queue.push(5));
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_TRUE(queue.has_room());
  EXPECT_TRUE(queue.push(5));
  EXPECT_FALSE(queue.push(6));
  EXPECT_THAT(pop_all(queue), ElementsAre(2, 3, 4, 5));
}

TEST(RunQueue, WhatAThiefTookIsRoomForTheOwner) {
  RunQueue<int, 4> queue;
  push_up_to(queue, 4);
  EXPECT_THAT(steal(queue, 4), ElementsAre(1, 2));
  EXPECT_TRUE(queue.push(5));
  EXPECT_TRUE(queue.push(6));
  EXPECT_FALSE(queue.push(7));
  EXPECT_THAT(pop_all(queue), ElementsAre(3, 4, 5, 6));
}

TEST(RunQueue, SaysHowManyPushesItHasRoomFor) {
  RunQueue<int, 16> queue;
  EXPECT_EQ(queue.room(), 16u);
  push_up_to(queue, 16);
  EXPECT_EQ(queue.room(), 0u);
  EXPECT_EQ(queue.pop(), 1);  // claims 1 and 2
  EXPECT_EQ(queue.room(), 1u);
  EXPECT_EQ(queue.pop(), 2);
  EXPECT_EQ(queue.room(), 2u);
  EXPECT_THAT(steal(queue, 3), ElementsAre(3, 4, 5));
  EXPECT_EQ(queue.room(), 5u);
}

TEST(RunQueue, AThiefTakesTheOlderHalfButAtLeastOne) {
  RunQueue<int, 8> queue;
  EXPECT_THAT(steal(queue, 8), IsEmpty());
  push_up_to(queue, 7);
  EXPECT_THAT(steal(queue, 8), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(steal(queue, 8), ElementsAre(5, 6));
  EXPECT_THAT(steal(queue, 8), ElementsAre(7));
  EXPECT_THAT(steal(queue, 8), IsEmpty());
  EXPECT_EQ(queue.pop(), 0);
}

TEST(RunQueue, AThiefTakesNoMoreThanItHasRoomFor) {
  RunQueue<int, 8> queue;
  push_up_to(queue, 8);
  EXPECT_THAT(steal(queue, 0), IsEmpty());
  EXPECT_THAT(steal(queue, 3), ElementsAre(1, 2, 3));
  EXPECT_THAT(pop_all(queue), ElementsAre(4, 5, 6, 7, 8));
}

TEST(RunQueue, TheOwnerClaimsAShareThatThievesDoNotGet) {
  RunQueue<int, 64> queue;
  push_up_to(queue, 24);
  EXPECT_EQ(queue.pop(), 1);  // claims 1 to 3
  EXPECT_EQ(queue.size(), 23u);
  EXPECT_THAT(steal(queue, 1), ElementsAre(4));
  EXPECT_EQ(queue.size(), 22u);
  EXPECT_EQ(queue.pop(), 2);
  EXPECT_EQ(queue.pop(), 3);
  EXPECT_EQ(queue.pop(), 5);
}

TEST(RunQueue, TheOwnerClaimsNoMoreThanItsBound) {
  constexpr int kMostClaimed = RunQueue<int>::kMostClaimed;
  RunQueue<int, 256> queue;
  push_up_to(queue, 256);
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_THAT(steal(queue, 1), ElementsAre(kMostClaimed + 1));
}

TEST(RunQueue, AClaimedPlaceIsNotOverwrittenBeforeItIsPopped) {
  RunQueue<int, 16> queue;
  push_up_to(queue, 16);
  EXPECT_EQ(queue.pop(), 1);  // claims 1 and 2
  EXPECT_THAT(steal(queue, 16), ElementsAre(3, 4, 5, 6, 7, 8, 9));
  EXPECT_TRUE(queue.push(17));   // where 1 was
  EXPECT_FALSE(queue.push(18));  // where 2 is
  EXPECT_EQ(queue.pop(), 2);
  EXPECT_TRUE(queue.push(18));
  EXPECT_THAT(pop_all(queue), ElementsAre(10, 11, 12, 13, 14, 15, 16, 17, 18));
}

TEST(RunQueue, IsEmptyForThievesWhenAllIsClaimedOrTaken) {
  RunQueue<int, 16> queue;
  EXPECT_TRUE(queue.empty());
  push_up_to(queue, 16);
  EXPECT_FALSE(queue.empty());
  EXPECT_EQ(queue.pop(), 1);  // claims 1 and 2
  while (!steal(queue, 16).empty()) {
  }
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.size(), 1u);
  EXPECT_EQ(queue.pop(), 2);
  EXPECT_EQ(queue.size(), 0u);
}

TEST(RunQueue, StaysInOrderOverManyLaps) {
  RunQueue<int, 8> queue;
  int pushed = 0;
  int seen = 0;
  for (int lap = 0; lap < 1000; ++lap) {
    while (queue.push(pushed + 1)) ++pushed;
    EXPECT_EQ(pushed - seen, 8);
    EXPECT_EQ(queue.pop(), ++seen);
    for (const int item : steal(queue, static_cast<size_t>(lap % 5))) EXPECT_EQ(item, ++seen);
    EXPECT_EQ(queue.pop(), ++seen);
    EXPECT_EQ(queue.size(), static_cast<uint64_t>(pushed - seen));
  }
}

// An owner that pushes and pops beside two thieves.
class Rush {
 public:
  static constexpr int kItems = 200'000;

  void own() {
    for (int item = 1; item <= kItems; ++item) {
      while (!queue_.push(item)) count(queue_.pop());
      if (item % 3 == 0) count(queue_.pop());
    }
    for (const int item : pop_all(queue_)) count(item);
    done_.store(true, std::memory_order_release);  // pairs with rob(): the last push is visible
  }

  void rob() {
    std::array<int, 7> items;
    for (;;) {
      const bool last = done_.load(std::memory_order_acquire);  // pairs with own()
      const size_t number = queue_.steal(items);
      for (const int item : std::span(items).first(number)) count(item);
      if (last && number == 0) return;
    }
  }

  // After the threads have ended.
  int times(int item) const { return times_[static_cast<size_t>(item)].load(); }

 private:
  // Relaxed: read when the threads have been joined.
  void count(int item) {
    times_[static_cast<size_t>(item)].fetch_add(1, std::memory_order_relaxed);
  }

  RunQueue<int, 16> queue_{uint64_t{0} - kItems / 2};
  std::atomic<bool> done_{false};
  std::vector<std::atomic<int>> times_ = std::vector<std::atomic<int>>(kItems + 1);  // 0: null
};

// Fault 11.
TEST(RunQueue, GoesOnWhereItsIndicesWrapAround) {
  for (uint64_t before = 0; before <= 20; ++before) {
    RunQueue<int, 8> queue(uint64_t{0} - before);
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(queue.pop(), 0);
    EXPECT_THAT(steal(queue, 8), IsEmpty());
    int pushed = 0;
    int taken = 0;
    for (int round = 0; round < 6; ++round) {
      while (queue.push(pushed + 1)) ++pushed;
      EXPECT_EQ(queue.size(), 8u);
      EXPECT_FALSE(queue.has_room());
      for (const int item : steal(queue, 3)) EXPECT_EQ(item, ++taken);
      EXPECT_EQ(queue.stealable(), 5u);
      for (int i = 0; i < 3; ++i) EXPECT_EQ(queue.pop(), ++taken);
    }
    for (const int item : pop_all(queue)) EXPECT_EQ(item, ++taken);
    EXPECT_EQ(taken, pushed);
    EXPECT_TRUE(queue.empty());
  }
}

TEST(RunQueue, OwnerAndTwoThievesTakeEachItemOnceAlsoWhereIndicesWrapAround) {
  Rush rush;
  std::thread first([&] { rush.rob(); });
  std::thread second([&] { rush.rob(); });
  rush.own();
  first.join();
  second.join();
  for (int item = 1; item <= Rush::kItems; ++item) {
    ASSERT_EQ(rush.times(item), 1) << "item " << item;
  }
}

}  // namespace
}  // namespace annulet::sched
