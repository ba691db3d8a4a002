// Model tests of Injector: every interleaving, and every access weakened.
#include <algorithm>
#include <array>
#include <cstddef>
#include <iostream>
#include <vector>

#include "annulet/sched/internal/injector.h"
#include "annulet/testing/link.h"
#include "annulet/testing/model_check.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace annulet::sched::internal {
namespace {

using model_check::ModelSync;
using task::Priority;

struct Node {
  model_check::Link<Node> next;
  ModelSync::cell<int> payload;
  ModelSync::cell<int> taken;
};

struct Rig {
  Injector<Node, ModelSync> injector;

  Rig() { model_check::label(injector, "injector"); }

  void push(Node& node, int payload, Priority priority = Priority::kNormal) {
    node.payload.write() = payload;
    injector.push(priority, &node);
  }

  // The payloads of what it takes, in order.
  std::vector<int> take(Priority priority = Priority::kNormal) {
    std::vector<int> payloads;
    for (Node* node = injector.take(priority); node != nullptr;) {
      Node* const next = node->next;  // as a worker does: the node may go elsewhere from here on
      payloads.push_back(node->payload.read());
      ++node->taken.write();
      node = next;
    }
    return payloads;
  }
};

void ensure_rising(const std::vector<int>& payloads) {
  for (size_t i = 1; i < payloads.size(); ++i) {
    model_check::ensure(payloads[i - 1] < payloads[i], "not in the order of pushing");
  }
}

// Payloads of one pusher rise by one; those of the other are tens.
void ensure_in_order_for_each(const std::vector<int>& payloads) {
  std::vector<int> ones;
  std::vector<int> tens;
  for (const int payload : payloads) (payload < 10 ? ones : tens).push_back(payload);
  ensure_rising(ones);
  ensure_rising(tens);
}

void two_pushers_and_two_takers() {
  Rig rig;
  std::array<Node, 3> nodes;
  std::array<std::vector<int>, 2> seen;
  model_check::run_threads({
      {"one pusher",
       [&] {
         rig.push(nodes[0], 1);
         rig.push(nodes[1], 2);
       }},
      {"other pusher", [&] { rig.push(nodes[2], 10); }},
      {"one taker", [&] { seen[0] = rig.take(); }},
      {"other taker", [&] { seen[1] = rig.take(); }},
  });
  const std::vector<int> rest = rig.take();
  model_check::ensure(rig.injector.empty(), "not empty, though all is taken");
  for (const std::vector<int>& payloads : {seen[0], seen[1], rest}) {
    ensure_in_order_for_each(payloads);
  }
  for (const Node& node : nodes) {
    model_check::ensure(node.taken.read() == 1, "a node was lost or taken twice");
  }
}

void chains_meet() {
  Rig rig;
  std::array<Node, 4> nodes;
  // From the newest to the oldest.
  const auto push_two = [&](size_t first, int payload) {
    nodes[first].payload.write() = payload;
    nodes[first + 1].payload.write() = payload * 2;
    nodes[first + 1].next = &nodes[first];
    rig.injector.push_chain(Priority::kNormal, &nodes[first + 1], &nodes[first]);
  };
  std::vector<int> seen;
  model_check::run_threads({
      {"one pusher", [&] { push_two(0, 1); }},
      {"other pusher", [&] { push_two(2, 10); }},
      {"taker", [&] { seen = rig.take(); }},
  });
  model_check::ensure(seen.size() % 2 == 0, "a chain was torn");
  for (const int payload : rig.take()) seen.push_back(payload);
  model_check::ensure(seen == std::vector{1, 2, 10, 20} || seen == std::vector{10, 20, 1, 2},
                      "a chain was lost or torn or is in a wrong order");
}

void priorities_are_apart() {
  Rig rig;
  Node urgent;
  Node ordinary;
  std::vector<int> seen;
  model_check::run_threads({
      {"pusher",
       [&] {
         rig.push(ordinary, 1);
         rig.push(urgent, 2, Priority::kHigh);
       }},
      {"taker",
       [&] {
         seen = rig.take(Priority::kHigh);
         for (const int payload : rig.take()) seen.push_back(payload);
       }},
  });
  for (const Priority priority : task::kAllPriorities) {
    for (const int payload : rig.take(priority)) seen.push_back(payload);
  }
  std::sort(seen.begin(), seen.end());
  model_check::ensure(seen == std::vector{1, 2}, "a node was lost or taken twice");
}

// One that is taken goes back in at once, where a pusher may still know it as the newest.
void a_node_comes_back() {
  Rig rig;
  std::array<Node, 2> nodes;
  rig.push(nodes[0], 1);
  model_check::run_threads({
      {"taker that pushes",
       [&] {
         Node* const node = rig.injector.take(Priority::kNormal);
         if (node == nullptr) return;
         Node* const next = node->next;
         rig.injector.push(Priority::kNormal, node);
         if (next != nullptr) rig.injector.push(Priority::kNormal, next);
       }},
      {"pusher", [&] { rig.push(nodes[1], 2); }},
  });
  const std::vector<int> seen = rig.take();
  model_check::ensure(seen.size() == 2 && seen[0] + seen[1] == 3, "a node was lost or repeated");
}

model_check::Suite suite() {
  model_check::Suite suite("Injector", {"annulet/sched/internal/injector.h"});
  suite.scenario("two pushers and two takers", two_pushers_and_two_takers);
  suite.scenario("chains stay together", chains_meet);
  suite.scenario("priorities are apart", priorities_are_apart);
  suite.scenario("a node comes back", a_node_comes_back);
  return suite;
}

TEST(InjectorModel, HandsEachNodeToOneInAnyInterleaving) {
  const model_check::Result result = suite().check();
  EXPECT_TRUE(result.ok()) << result;
  std::cout << result << "\n";
}

TEST(InjectorModel, EveryOrderIsNeeded) {
  const model_check::MutantReport report = suite().mutants();
  std::cout << report;
  EXPECT_TRUE(report.ok());
  EXPECT_THAT(
      report.names(),
      testing::ElementsAre("Injector::push_chain compare_exchange success: release -> relaxed",
                           "Injector::take exchange: acquire -> relaxed"));
}

}  // namespace
}  // namespace annulet::sched::internal
