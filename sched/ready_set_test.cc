// Which task a worker runs next, and which ones others see.
#include "annulet/sched/internal/ready_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
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
    for (std::string one = pop(); !one.empty(); one = pop()) result += one;
    return result;
  }

  std::string steal_all() {
    std::string result;
    for (std::string some = steal(); !some.empty(); some = steal()) result += some;
    return result;
  }

  std::string pop() {
    task::Runnable* const runnable = set_.pop();
    return runnable != nullptr ? std::string(1, letter_of(runnable)) : "";
  }

  std::string steal() {
    std::array<task::Runnable*, ReadySet::kMostStolen> taken;
    const size_t count = set_.steal(taken);
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

// --- More than the run queue holds ---

constexpr size_t kPlaces = ReadySet::kPlaces;
constexpr size_t kChain = ReadySet::kMostStolen;

// So many letters that neighbours differ.
std::string text_of(size_t size) {
  std::string text;
  for (size_t i = 0; i < size; ++i) text += static_cast<char>('A' + (i * 7 + i / 26) % 26);
  return text;
}

TEST(ReadySet, ThievesGetAllInOrderButTheYoungestThatFillNoChainWhileItsWorkerDoesNothing) {
  for (const size_t beyond : {size_t{0}, kChain - 1, kChain, 100 * kChain + 5}) {
    const std::string all = text_of(kPlaces + beyond);
    Letters letters;
    for (const char c : all) letters.push_shared(c);
    EXPECT_EQ(letters->shared_size(Priority::kNormal), all.size());
    EXPECT_TRUE(letters->stealable());
    const std::string stolen = letters.steal_all();
    EXPECT_FALSE(letters->stealable());
    EXPECT_EQ(stolen.size(), all.size() - beyond % kChain);
    EXPECT_EQ(letters->shared_size(Priority::kNormal), beyond % kChain);
    EXPECT_EQ(stolen + letters.pop_all(), all);
    EXPECT_FALSE(letters->maybe_any());
  }
}

TEST(ReadySet, ItsWorkerRunsThemInOrderWhateverTheThresholdIs) {
  const std::string all = text_of(kPlaces + 20 * kChain + 3);
  for (const uint32_t threshold : {0u, 1u, 10u, 100u, 250u, 5000u}) {
    Letters letters(threshold);
    for (const char c : all) letters.push_shared(c);
    EXPECT_EQ(letters->shared_size(Priority::kNormal), all.size());
    EXPECT_EQ(letters.pop_all(), all) << threshold;
    EXPECT_EQ(letters->shared_size(Priority::kNormal), 0u);
  }
}

// As it goes on: pushed, popped and stolen are a third each.
TEST(ReadySet, NothingIsLostOrPassesWhatIsOlderWhileTasksComeAndGo) {
  const std::string all = text_of(20'000);
  for (const uint32_t threshold : {0u, 1u, 70u, 1000u}) {
    Letters letters(threshold);
    std::string gone;
    for (size_t i = 0; i < all.size(); ++i) {
      letters.push_shared(all[i]);
      if (i % 3 == 1) gone += letters.pop();
      if (i % 1000 == 999) gone += letters.steal();
    }
    EXPECT_EQ(gone.size() + letters->shared_size(Priority::kNormal), all.size());
    gone += letters.pop_all();
    // Not in all.size() pieces: what is claimed when a thief comes is older than what that takes.
    std::string sorted = all;
    std::sort(sorted.begin(), sorted.end());
    std::sort(gone.begin(), gone.end());
    EXPECT_EQ(gone, sorted) << threshold;
  }
}

TEST(ReadySet, WhatIsPushedAfterThievesTookEverythingIsSeenAtOnce) {
  Letters letters;
  for (const char c : text_of(kPlaces + 3 * kChain)) letters.push_shared(c);
  letters.steal_all();
  for (const char c : std::string("abc")) {
    EXPECT_TRUE(letters.push_shared(c)) << "others are to be told";
    EXPECT_EQ(letters.steal(), std::string(1, c));
  }
  EXPECT_EQ(letters.pop_all(), "");
}

TEST(ReadySet, WhatFillsNoChainComesIntoSightWhenItsWorkerLetsGo) {
  Letters letters;
  for (const char c : text_of(kPlaces) + "abcde") letters.push_shared(c);
  EXPECT_EQ(letters.steal_all().size(), kPlaces);
  EXPECT_FALSE(letters->take_refilled());
  EXPECT_EQ(letters.pop(), "a");
  EXPECT_TRUE(letters->take_refilled()) << "others are to be told";
  EXPECT_EQ(letters.steal_all(), "bcde");
}

TEST(ReadySet, OthersAreToldOfTheFirstChainAndWheneverThereAreTwiceAsMany) {
  Letters letters;
  for (const char c : text_of(kPlaces)) letters.push_shared(c);
  std::string told;
  for (size_t i = 1; i <= 8 * kChain; ++i) {
    if (letters.push_shared('x')) told += i % kChain == 0 ? std::to_string(i / kChain) : "?";
  }
  EXPECT_EQ(told, "1235");
}

TEST(ReadySet, AThresholdIsKeptAlsoBehindChains) {
  for (const size_t threshold : {1u, 10u, 100u, 1000u}) {
    Letters letters(static_cast<uint32_t>(threshold));
    const std::string all = text_of(kPlaces + threshold + 10 * kChain);
    for (const char c : all) letters.push_shared(c);
    const std::string stolen = letters.steal_all();
    EXPECT_EQ(stolen, all.substr(0, stolen.size()));
    const size_t unseen = all.size() - stolen.size();
    EXPECT_GE(unseen, threshold / 2);
    EXPECT_LE(unseen, std::max(threshold, (threshold + 1) / 2 + kChain - 1));
    EXPECT_EQ(letters.pop_all(), all.substr(stolen.size()));
  }
}

TEST(ReadySet, ThievesTakeChainsOfTheMostUrgentFirst) {
  Letters letters;
  const std::string all(kPlaces + kChain, 'n');
  for (const char c : all) letters.push_shared(c);
  for (size_t i = 0; i < all.size(); ++i) letters.push_shared('h', Priority::kHigh);
  letters.push_shared('l', Priority::kLow);
  EXPECT_EQ(letters.steal_all(), std::string(all.size(), 'h') + all + "l");
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
  for (const char c : text_of(kPlaces + kChain)) EXPECT_FALSE(letters.push_shared(c));
  EXPECT_FALSE(letters->stealable());
  EXPECT_FALSE(letters->spare());
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

TEST(ReadySet, SpareCountsChains) {
  Letters letters;
  for (const char c : text_of(kPlaces + kChain)) letters.push_shared(c);
  for (size_t left = kPlaces; left > 0;) {
    EXPECT_TRUE(letters->spare());
    left -= letters.steal().size();
  }
  EXPECT_TRUE(letters->spare());
  EXPECT_EQ(letters.steal().size(), kChain);
  EXPECT_FALSE(letters->spare());
}

}  // namespace
}  // namespace annulet::sched::internal
