// Model tests of ReadySet where tasks are more than its RunQueue holds: whoever comes, none is lost
// or run twice, and its owner gets them in order. The orders are those of its parts:
// run_queue_model_test.cc, chains_model_test.cc.
#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "annulet/sched/internal/ready_set.h"
#include "annulet/sched/options.h"
#include "annulet/testing/expect.h"
#include "annulet/testing/model_check.h"
#include "gtest/gtest.h"

namespace annulet::sched::internal {
namespace {

using model_check::ModelSync;
using task::Priority;

struct Item {
  Item* next = nullptr;
  ModelSync::cell<int> runs;
};

// Two places and chains of two.
template <size_t kItems>
struct Rig {
  using Set = BasicReadySet<Item, 2, 2, ModelSync>;
  Set set{Weights()};
  std::array<Item, kItems> items;
  size_t pushed = 0;
  const Item* last_popped = nullptr;

  Rig() {
    model_check::label(set, "set");
    model_check::label(items, "items");
  }

  void push(size_t count) {
    for (; count > 0; --count) {
      items[pushed].runs.write() = 0;
      set.push_shared(Priority::kNormal, &items[pushed++]);
    }
  }

  bool pop() {
    Item* const item = set.pop();
    if (item == nullptr) return false;
    model_check::ensure(last_popped < item, "an item passed an older one");
    last_popped = item;
    ++item->runs.write();
    return true;
  }

  size_t steal() {
    std::array<Item*, Set::kMostStolen> stolen;
    const size_t count = set.steal(stolen);
    for (Item* item : std::span(stolen).first(count)) ++item->runs.write();
    return count;
  }

  void settle() {
    while (pop()) {
    }
    model_check::ensure(!set.stealable() && set.shared_size(Priority::kNormal) == 0,
                        "something is left, though all is popped");
    for (const Item& item : std::span(items).first(pushed)) {
      model_check::ensure(item.runs.read() == 1, "an item was lost or taken twice");
    }
  }
};

// The chain is moved to the run queue, or a thief has it.
void the_owner_comes_to_a_chain() {
  Rig<4> rig;
  rig.push(4);
  rig.pop();
  rig.pop();
  model_check::run_threads({
      {"owner",
       [&] {
         rig.pop();
         rig.pop();
       }},
      {"one thief", [&] { rig.steal(); }},
      {"other thief", [&] { rig.steal(); }},
  });
  rig.settle();
}

// They take what is there, and what comes meanwhile must go where it belongs.
void the_owner_pushes_beside_thieves() {
  Rig<6> rig;
  rig.push(3);
  model_check::run_threads({
      {"owner",
       [&] {
         rig.push(2);
         rig.pop();
         rig.push(1);
       }},
      {"thief",
       [&] {
         rig.steal();
         rig.steal();
       }},
  });
  rig.settle();
}

// What fills a chain is there to be had while the owner does nothing more.
void the_owner_is_busy() {
  Rig<5> rig;
  size_t stolen = 0;
  ModelSync::atomic<bool> pushed{false};
  model_check::run_threads({
      {"owner",
       [&] {
         rig.push(5);
         pushed.store(true, std::memory_order_release);
       }},
      {"thief",
       [&] {
         stolen += rig.steal();
         while (!pushed.load(std::memory_order_acquire)) ModelSync::yield();
         for (size_t some = 1; some > 0; stolen += some) some = rig.steal();
       }},
  });
  model_check::ensure(stolen >= 4, "more is out of sight than fills no chain");
  rig.settle();
}

constexpr const char* kHeader = "annulet/sched/internal/ready_set.h";

model_check::Suite two() {
  model_check::Suite suite("ReadySet", {kHeader});
  suite.scenario("the owner pushes beside thieves", the_owner_pushes_beside_thieves);
  suite.scenario("the owner is busy", the_owner_is_busy);
  return suite;
}

model_check::Suite three() {
  model_check::Suite suite(
      "ReadySet with two thieves", {kHeader},
      {.preemptions = std::max(0, model_check::Options::default_preemptions() - 1)});
  suite.scenario("the owner comes to a chain", the_owner_comes_to_a_chain);
  return suite;
}

TEST(ReadySetModel, LosesNothingAndKeepsTheOrderInAnyInterleaving) {
  model_check::expect_no_failure(two());
  model_check::expect_no_failure(three());
}

}  // namespace
}  // namespace annulet::sched::internal
