// Model tests of RunQueue: every interleaving, and every access weakened.
#include <array>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <span>
#include <string_view>

#include "annulet/sched/run_queue.h"
#include "annulet/testing/model_check.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace annulet::sched {
namespace {

using model_check::ModelSync;

struct Item {
  ModelSync::cell<int> taken;
};

// A queue and what becomes of the items that go through it.
template <uint64_t kCapacity, size_t kItems>
struct Rig {
  RunQueue<Item*, kCapacity, ModelSync> queue;
  std::array<Item, kItems> items;

  Rig() {
    model_check::label(queue, "queue");
    model_check::label(items, "items");
  }

  static void take(Item* item) {
    model_check::ensure(item != nullptr, "took a place where no item is");
    ++item->taken.write();
  }

  // The owner: writes what the taker will see, and pushes.
  bool push(size_t i) {
    items[i].taken.write() = 0;
    return queue.push(&items[i]);
  }
  void must_push(size_t i) { model_check::ensure(push(i), "full, though it has room"); }

  // Whether there was one.
  bool pop() {
    Item* const item = queue.pop();
    if (item != nullptr) take(item);
    return item != nullptr;
  }

  // Returns how many.
  template <size_t kMost = 2>
  size_t steal() {
    std::array<Item*, kMost> stolen{};
    const size_t count = queue.steal(stolen);
    for (Item* item : std::span(stolen).first(count)) take(item);
    return count;
  }

  // In the end: takes what is left; the first `pushed` items have gone through.
  void settle(size_t pushed) {
    while (pop()) {
    }
    model_check::ensure(queue.empty() && queue.size() == 0, "not empty, though all is popped");
    for (size_t i = 0; i < pushed; ++i) {
      model_check::ensure(items[i].taken.read() == 1, "an item was lost or taken twice");
    }
  }
};

// Items are handed over, and the last one goes to one of the two.
void a_thief_beside_the_owner() {
  Rig<2, 2> rig;
  model_check::run_threads({
      {"owner",
       [&] {
         rig.must_push(0);
         rig.must_push(1);
         rig.pop();
         rig.pop();
       }},
      {"thief", [&] { rig.steal(); }},
  });
  rig.settle(2);
}

void the_last_item() {
  Rig<2, 1> rig;
  rig.must_push(0);
  bool popped = false;
  std::array<size_t, 2> stolen{};
  model_check::run_threads({
      {"owner", [&] { popped = rig.pop(); }},
      {"one thief", [&] { stolen[0] = rig.steal(); }},
      {"other thief", [&] { stolen[1] = rig.steal(); }},
  });
  const size_t taken = (popped ? 1 : 0) + stolen[0] + stolen[1];
  model_check::ensure(taken == 1, "the last item was lost or taken twice");
  rig.settle(1);
}

// The owner reuses places as soon as they are free, while a thief may still be at them.
void the_owner_laps_a_thief() {
  Rig<2, 5> rig;
  size_t pushed = 0;
  model_check::run_threads({
      {"owner",
       [&] {
         for (size_t i = 0; i < 5; ++i) {
           if (!rig.push(i)) {
             rig.pop();
             rig.must_push(i);
           }
           ++pushed;
         }
       }},
      {"thief",
       [&] {
         rig.steal();
         rig.steal();
       }},
  });
  rig.settle(pushed);
}

// A thief that learns from the owner's pops how far the queue has come has to know the pushes.
void a_thief_comes_behind_pops() {
  Rig<4, 4> rig;
  model_check::run_threads({
      {"owner",
       [&] {
         for (size_t i = 0; i < 4; ++i) rig.must_push(i);
         for (size_t i = 0; i < 3; ++i) rig.pop();
       }},
      {"thief", [&] { rig.steal<1>(); }},
  });
  rig.settle(4);
}

// As above, from another thief, which takes several at once.
void a_thief_comes_behind_another() {
  Rig<4, 3> rig;
  model_check::run_threads({
      {"owner",
       [&] {
         for (size_t i = 0; i < 3; ++i) rig.must_push(i);
       }},
      {"one thief", [&] { rig.steal(); }},
      {"other thief", [&] { rig.steal<1>(); }},
  });
  rig.settle(3);
}

// Long enough that the owner claims two at once.
void the_owner_claims_a_batch() {
  Rig<16, 18> rig;
  for (size_t i = 0; i < 16; ++i) rig.must_push(i);
  size_t pushed = 16;
  model_check::run_threads({
      {"owner",
       [&] {
         rig.pop();
         if (rig.push(16)) ++pushed;
         rig.pop();
       }},
      {"thief",
       [&] {
         rig.steal();
         rig.steal();
       }},
  });
  rig.settle(pushed);
}

// Whoever is told that the queue is empty missed no push that came before.
void a_thief_looks_first() {
  Rig<2, 2> rig;
  ModelSync::atomic<bool> pushed{false};
  model_check::run_threads({
      {"owner",
       [&] {
         rig.must_push(0);
         rig.pop();
         rig.must_push(1);
         ModelSync::fence(std::memory_order_seq_cst);
         pushed.store(true, std::memory_order_relaxed);
       }},
      {"thief",
       [&] {
         const bool there = pushed.load(std::memory_order_relaxed);
         ModelSync::fence(std::memory_order_seq_cst);
         const bool empty = rig.queue.empty();
         model_check::ensure(!there || !empty, "empty, though an item was pushed");
         if (there) model_check::ensure(rig.steal() == 1, "missed an item that was pushed");
       }},
  });
  rig.settle(2);
}

model_check::Suite suite() {
  model_check::Suite suite("RunQueue", {"annulet/sched/run_queue.h"});
  suite.scenario("a thief beside the owner", a_thief_beside_the_owner);
  suite.scenario("the last item goes to one of three", the_last_item);
  suite.scenario("the owner laps a thief", the_owner_laps_a_thief);
  suite.scenario("a thief comes behind the owner's pops", a_thief_comes_behind_pops);
  suite.scenario("a thief comes behind another thief", a_thief_comes_behind_another);
  suite.scenario("the owner claims a batch beside a thief", the_owner_claims_a_batch);
  suite.scenario("a thief looks whether there is something", a_thief_looks_first);
  return suite;
}

TEST(RunQueueModel, HandsEachItemToOneInAnyInterleaving) {
  const model_check::Result result = suite().check();
  EXPECT_TRUE(result.ok()) << result;
  std::cout << result << "\n";
}

// Forbids that a thief reads, in a place, what the owner puts there after it has seen the thief's
// claim: a load that reads a later store, which the model does not explore.
constexpr std::string_view kBeyondTheModel = "RunQueue::make_room load: acquire -> relaxed";

TEST(RunQueueModel, EveryOrderIsNeeded) {
  const model_check::MutantReport report = suite().mutants();
  std::cout << report;
  EXPECT_EQ(report.error, "");
  for (const model_check::Mutant& mutant : report.mutants) {
    EXPECT_EQ(mutant.killed_by.empty(), mutant.name == kBeyondTheModel) << mutant.name;
  }
  EXPECT_THAT(report.names(),
              testing::ElementsAre("RunQueue::push store: release -> relaxed",
                                   "RunQueue::steal load: acquire -> relaxed",
                                   "RunQueue::steal load: acquire -> relaxed #2",
                                   "RunQueue::steal compare_exchange success: release -> relaxed",
                                   "RunQueue::steal compare_exchange failure: acquire -> relaxed",
                                   kBeyondTheModel,
                                   "RunQueue::claim compare_exchange success: release -> relaxed"));
}

}  // namespace
}  // namespace annulet::sched
