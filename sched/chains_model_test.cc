// Model tests of Chains: every interleaving, and every access weakened. Those of the queue that the
// chains lie in: deque_model_test.cc.
#include <array>
#include <cstddef>
#include <span>

#include "annulet/sched/internal/chains.h"
#include "annulet/testing/expect.h"
#include "annulet/testing/link.h"
#include "annulet/testing/model_check.h"
#include "gtest/gtest.h"

namespace annulet::sched::internal {
namespace {

using model_check::ModelSync;

struct Node {
  model_check::Link<Node> next;
  ModelSync::cell<int> taken;
};

constexpr size_t kLength = 2;

template <size_t kChains>
struct Rig {
  Chains<Node, kLength, ModelSync> chains;
  std::array<Node, kChains * kLength> nodes;
  size_t pushed = 0;  // chains

  Rig() {
    model_check::label(chains, "chains");
    model_check::label(nodes, "nodes");
  }

  void push() {
    Node* const first = &nodes[pushed * kLength];
    for (size_t i = 0; i < kLength; ++i) first[i].taken.write() = 0;
    first[0].next = &first[1];
    first[1].next = nullptr;
    ++pushed;
    model_check::ensure(chains.make_room(), "no memory");
    chains.push(first);
  }

  void note(std::span<Node* const, kLength> chain) {
    model_check::ensure(chain[1] == chain[0] + 1, "a chain was torn");
    for (Node* node : chain) ++node->taken.write();
  }

  // The owner. Returns how many chains.
  size_t take() {
    std::array<std::array<Node*, kLength>, 2> taken;
    const size_t count = chains.take(taken, taken.size());
    for (const auto& chain : std::span(taken).first(count)) note(chain);
    return count;
  }

  // Returns how many nodes.
  size_t steal() {
    std::array<Node*, kLength> stolen;
    const size_t count = chains.steal(stolen);
    if (count > 0) note(stolen);
    return count;
  }

  void settle() {
    while (take() > 0) {
    }
    model_check::ensure(chains.empty(), "not empty, though all is taken");
    for (size_t i = 0; i < pushed * kLength; ++i) {
      model_check::ensure(nodes[i].taken.read() == 1, "a node was lost or taken twice");
    }
  }
};

// From the first chain on, which is what the queue is made for.
void a_thief_beside_the_owner() {
  Rig<2> rig;
  model_check::run_threads({
      {"owner",
       [&] {
         rig.push();
         rig.push();
         rig.take();
       }},
      {"thief",
       [&] {
         rig.steal();
         rig.steal();
       }},
  });
  rig.settle();
}

void the_last_chain() {
  Rig<1> rig;
  rig.push();
  std::array<size_t, 3> taken{};
  model_check::run_threads({
      {"owner", [&] { taken[0] = rig.take() * kLength; }},
      {"one thief", [&] { taken[1] = rig.steal(); }},
      {"other thief", [&] { taken[2] = rig.steal(); }},
  });
  model_check::ensure(taken[0] + taken[1] + taken[2] == kLength,
                      "the last chain was left by all, or torn");
  rig.settle();
}

// Whoever is told that there are none missed no push that came before.
void a_thief_looks_first() {
  Rig<1> rig;
  ModelSync::atomic<bool> pushed{false};
  model_check::run_threads({
      {"owner",
       [&] {
         rig.push();
         ModelSync::fence(std::memory_order_seq_cst);
         pushed.store(true, std::memory_order_relaxed);
       }},
      {"thief",
       [&] {
         const bool there = pushed.load(std::memory_order_relaxed);
         ModelSync::fence(std::memory_order_seq_cst);
         const bool empty = rig.chains.empty();
         model_check::ensure(!there || !empty, "empty, though a chain was pushed");
         if (there) model_check::ensure(rig.steal() == kLength, "missed a chain");
       }},
  });
  rig.settle();
}

model_check::Suite suite() {
  model_check::Suite suite("Chains", {"annulet/sched/internal/chains.h"});
  suite.scenario("a thief beside the owner", a_thief_beside_the_owner);
  suite.scenario("the last chain goes to one of three", the_last_chain);
  suite.scenario("a thief looks whether there is one", a_thief_looks_first);
  return suite;
}

TEST(ChainsModel, HandsEachChainToOneInAnyInterleaving) { model_check::expect_no_failure(suite()); }

TEST(ChainsModel, EveryOrderIsNeeded) {
  model_check::expect_all_killed(suite(), {"Chains::make_room store: release -> relaxed",
                                           "Chains::queue load: acquire -> relaxed"});
}

}  // namespace
}  // namespace annulet::sched::internal
