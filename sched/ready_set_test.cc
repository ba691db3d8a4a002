// Which task a worker runs next, and which ones others see.
#include "annulet/sched/internal/ready_set.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>

namespace annulet::sched::internal {
namespace {

using task::Priority;

// A ReadySet of tasks that are letters.
class Letters {
 public:
  explicit Letters(uint32_t share_threshold = 0) : set_(Weights(), share_threshold) {}

  ReadySet& operator*() { return set_; }
  ReadySet* operator->() { return &set_; }

  void push_own(char letter, Priority priority = Priority::kNormal) {
    set_.push_own(priority, &made_.emplace_back(letter));
  }
  bool push_shared(char letter, Priority priority = Priority::kNormal) {
    return set_.push_shared(priority, &made_.emplace_back(letter));
  }

  std::string pop_all() {
    std::string result;
    while (task::Runnable* const runnable = set_.pop()) result += letter_of(runnable);
    return result;
  }

  std::string steal(size_t most = 32) {
    std::array<task::Runnable*, 32> taken;
    const size_t count = set_.steal(std::span(taken).first(most));
    std::string result;
    for (size_t i = 0; i < count; ++i) result += letter_of(taken[i]);
    return result;
  }

 private:
  struct Letter : task::Runnable {
    explicit Letter(char c) : letter(c) {}
    const char letter;
  };
  static char letter_of(task::Runnable* runnable) { return static_cast<Letter*>(runnable)->letter; }

  std::deque<Letter> made_;
  ReadySet set_;
};

TEST(ReadySet, OwnAndSharedTasksTakeTurnsFourAtATime) {
  Letters letters;
  for (const char c : std::string("abcdef")) letters.push_own(c);
  for (const char c : std::string("ABCDEF")) letters.push_shared(c);
  EXPECT_EQ(letters.pop_all(), "abcdABCDefEF");
}

// How many others run before a low task that is the oldest of its kind, where tasks of both kinds
// are ready in all priorities and yield for ever. `spent`: turns of low tasks that this round has
// seen.
uint32_t turns_before_a_low_task(bool shared, uint32_t spent) {
  struct Item : task::Runnable {
    Priority priority = Priority::kLow;
    bool shared = false;
  };
  ReadySet set{Weights()};
  const auto push = [&set](Item& item) {
    item.shared ? (void)set.push_shared(item.priority, &item) : set.push_own(item.priority, &item);
  };
  std::deque<Item> items(spent);
  for (Item& item : items) push(item);
  while (set.pop() != nullptr) {
  }
  Item& low = items.emplace_back();
  low.shared = shared;
  push(low);
  for (const Priority priority : task::kAllPriorities) {
    for (int i = 0; i < 10; ++i) {
      Item& item = items.emplace_back();
      item.priority = priority;
      item.shared = i % 2 == 0;
      push(item);
    }
  }
  for (uint32_t turns = 0;; ++turns) {
    auto* const next = static_cast<Item*>(set.pop());
    if (next == &low) return turns;
    push(*next);
  }
}

TEST(ReadySet, TheOldestLowTaskRunsWithinThreeTimesTheSumOfTheWeightsWhereBothKindsAreReady) {
  const Weights weights;
  for (uint32_t spent = 0; spent <= 2 * weights.low; ++spent) {
    EXPECT_LE(turns_before_a_low_task(false, spent), 3 * weights.sum()) << spent;
    EXPECT_LE(turns_before_a_low_task(true, spent), 3 * weights.sum()) << spent;
  }
}

TEST(ReadySet, WithoutAThresholdEachSharedTaskIsSeenAtOnce) {
  Letters letters;
  EXPECT_TRUE(letters.push_shared('a'));
  EXPECT_TRUE(letters->stealable());
  EXPECT_EQ(letters.steal(), "a");
}

TEST(ReadySet, WithAThresholdTheOlderHalfIsSeenOnceThereAreMore) {
  Letters letters(4);
  for (const char c : std::string("abcd")) EXPECT_FALSE(letters.push_shared(c));
  EXPECT_FALSE(letters->stealable());
  EXPECT_EQ(letters.steal(), "");
  EXPECT_TRUE(letters.push_shared('e')) << "others are to be told";
  EXPECT_EQ(letters.steal(), "ab") << "half of the three that are seen";
  EXPECT_EQ(letters.steal(), "c");
  EXPECT_EQ(letters.steal(), "");
  EXPECT_EQ(letters.pop_all(), "de");
}

TEST(ReadySet, WithAThresholdItsWorkerRunsThemInOrderAllTheSame) {
  Letters letters(4);
  for (const char c : std::string("abcdefghijk")) letters.push_shared(c);
  letters.push_shared('A', Priority::kHigh);
  EXPECT_EQ(letters.pop_all(), "Aabcdefghijk");
  EXPECT_FALSE(letters->maybe_any());
}

TEST(ReadySet, AThresholdCountsForEachPriority) {
  Letters letters(1);
  EXPECT_FALSE(letters.push_shared('h', Priority::kHigh));
  EXPECT_FALSE(letters.push_shared('n'));
  EXPECT_FALSE(letters.push_shared('l', Priority::kLow));
  EXPECT_TRUE(letters.push_shared('m'));
  EXPECT_EQ(letters.steal(), "n");
  EXPECT_EQ(letters.pop_all(), "hml");
}

TEST(ReadySet, WhatHadNoRoomAmongTheSeenComesThereWhenItsWorkerLetsGo) {
  for (const uint32_t threshold : {0u, 10u}) {
    Letters letters(threshold);
    const auto steal_all = [&] {
      size_t count = 0;
      for (size_t some = 1; some > 0; count += some) some = letters.steal().size();
      return count;
    };
    for (int i = 0; i < 1000; ++i) letters.push_shared('x');
    EXPECT_EQ(steal_all(), ReadySet::kStealable);
    EXPECT_NE(letters->pop(), nullptr);
    EXPECT_TRUE(letters->take_refilled()) << "others are to be told";
    const size_t stolen = steal_all();
    EXPECT_GT(stolen, 0u);
    EXPECT_EQ(letters.pop_all().size(), 1000 - ReadySet::kStealable - 1 - stolen);
  }
}

TEST(ReadySet, OneThatIsAloneShowsNothingAndKeepsTheOrderOfAll) {
  Letters letters;
  letters->set_alone(true);
  for (const char c : std::string("abCdEF")) {
    if (c < 'a') {
      EXPECT_FALSE(letters.push_shared(c));
    } else {
      letters.push_own(c);
    }
  }
  EXPECT_FALSE(letters->stealable());
  EXPECT_FALSE(letters->spare());
  EXPECT_EQ(letters.steal(), "");
  EXPECT_EQ(letters.pop_all(), "abCdEF");
}

TEST(ReadySet, SpareSaysWhetherThereIsAStealableOneAndMoreThanThat) {
  Letters letters(1);
  letters.push_shared('a');
  EXPECT_FALSE(letters->spare()) << "nothing is seen";
  letters.push_shared('b');
  EXPECT_TRUE(letters->spare());
  EXPECT_EQ(letters.steal(), "a");
  EXPECT_FALSE(letters->spare());
}

}  // namespace
}  // namespace annulet::sched::internal
