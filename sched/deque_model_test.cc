// Model tests of Deque: every interleaving, and every access weakened.
#include <array>
#include <cstddef>
#include <iostream>
#include <optional>

#include "annulet/sched/deque.h"
#include "annulet/testing/model_check.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace annulet::sched {
namespace {

using model_check::ensure;
using model_check::ModelSync;
using model_check::run_threads;

constexpr int kItems = 5;

// Items 1 to kItems, whose payloads must be visible to whoever takes them.
struct Rig {
  explicit Rig(size_t capacity) : deque(capacity) { model_check::label(deque, "deque"); }

  Deque<int, ModelSync> deque;
  std::array<ModelSync::cell<int>, kItems + 1> payloads;
  std::array<std::array<int, kItems + 1>, 3> taken{};  // by thread
  int pushed = 0;

  void push(int count = 1) {
    for (; count > 0; --count) {
      ++pushed;
      payloads[static_cast<size_t>(pushed)].write() = pushed;
      deque.push_bottom(pushed);
    }
  }
  void take(size_t thread, int item) {
    ensure(item >= 1 && item <= kItems, "no item at all");
    ensure(payloads[static_cast<size_t>(item)].read() == item, "an item without its payload");
    ++taken[thread][static_cast<size_t>(item)];
  }
  bool pop() {
    const std::optional<int> item = deque.pop_bottom();
    if (item) take(0, *item);
    return item.has_value();
  }
  void steal(size_t thief) {
    const auto stolen = deque.steal();
    if (stolen.status == StealStatus::kSuccess) take(thief, stolen.item);
  }
  void check_end() {
    while (pop()) {
    }
    for (size_t item = 1; item <= static_cast<size_t>(pushed); ++item) {
      const int times = taken[0][item] + taken[1][item] + taken[2][item];
      ensure(times == 1, times == 0 ? "an item was lost" : "an item was taken twice");
    }
  }
};

void one_thief() {
  Rig rig(4);
  run_threads({
      {"owner",
       [&] {
         rig.push(2);
         rig.pop();
         rig.pop();
       }},
      {"thief",
       [&] {
         rig.steal(1);
         rig.steal(1);
       }},
  });
  rig.check_end();
}

void two_thieves() {
  Rig rig(4);
  run_threads({
      {"owner",
       [&] {
         rig.push(2);
         rig.pop();
       }},
      {"one", [&] { rig.steal(1); }},
      {"other", [&] { rig.steal(2); }},
  });
  rig.check_end();
}

void last_item() {
  Rig rig(4);
  rig.push();
  bool popped = false;
  run_threads({
      {"owner",
       [&] {
         popped = rig.pop();
         rig.push();
       }},
      {"thief", [&] { rig.steal(1); }},
  });
  ensure(popped || rig.taken[1][1] == 1, "both left it to the other");
  rig.check_end();
}

void grows() {
  Rig rig(1);
  run_threads({
      {"owner",
       [&] {
         rig.push(3);
         rig.pop();
       }},
      {"thief",
       [&] {
         rig.steal(1);
         rig.steal(1);
       }},
  });
  rig.check_end();
}

void batch() {
  Rig rig(4);
  rig.push(3);
  run_threads({
      {"owner",
       [&] {
         rig.pop();
         rig.pop();
       }},
      {"thief",
       [&] {
         std::array<int, 4> items{};
         const auto stolen = rig.deque.steal_batch(items);
         ensure(stolen.count <= 2, "more than half");
         for (size_t i = 0; i < stolen.count; ++i) rig.take(1, items[i]);
       }},
  });
  rig.check_end();
}

void batch_into_a_deque() {
  Rig rig(4);
  rig.push(4);
  run_threads({
      {"owner", [&] { rig.pop(); }},
      {"thief",
       [&] {
         Deque<int, ModelSync> mine(1);
         rig.deque.steal_batch(mine, 4);
         while (const auto item = mine.pop_bottom()) rig.take(1, *item);
       }},
      {"other", [&] { rig.steal(2); }},
  });
  rig.check_end();
}

// The owner overwrites a place only behind the thief that read it. A note that the thief makes
// before it steals stands for that reading.
void place_is_reused() {
  Rig rig(2);
  ModelSync::cell<int> note;
  rig.push(2);
  run_threads({
      {"owner",
       [&] {
         rig.push();
         if (rig.deque.capacity() == 2) ensure(note.read() == 1, "overwritten too early");
       }},
      {"thief",
       [&] {
         note.write() = 1;
         rig.steal(1);
       }},
  });
  rig.check_end();
}

model_check::Suite suite() {
  model_check::Suite suite("Deque", {"annulet/sched/deque.h"});
  suite.scenario("one thief", one_thief);
  suite.scenario("two thieves", two_thieves);
  suite.scenario("owner and thief want the last item", last_item);
  suite.scenario("grows under a thief", grows);
  suite.scenario("a batch while the owner pops", batch);
  suite.scenario("a batch into the thief's own deque", batch_into_a_deque);
  suite.scenario("a place is reused behind the thief that emptied it", place_is_reused);
  return suite;
}

TEST(DequeModel, GivesEachItemToOneInAnyInterleaving) {
  const model_check::Result result = suite().check();
  EXPECT_TRUE(result.ok()) << result;
  std::cout << result << "\n";
}

TEST(DequeModel, EveryOrderIsNeeded) {
  const model_check::MutantReport report = suite().mutants();
  std::cout << report;
  EXPECT_TRUE(report.ok());
  EXPECT_THAT(
      report.names(),
      testing::ElementsAre(
          "Deque::push_bottom store: release -> relaxed",
          "Deque::pop_bottom exchange: seq_cst -> acq_rel",
          "Deque::pop_bottom load: seq_cst -> acquire", "Deque::steal load: seq_cst -> acquire",
          "Deque::steal load: seq_cst -> acquire #2", "Deque::steal load: acquire -> relaxed",
          "Deque::steal compare_exchange success: release -> relaxed",
          "Deque::make_room load: acquire -> relaxed", "Deque::grow_to store: release -> relaxed"));
}

}  // namespace
}  // namespace annulet::sched
