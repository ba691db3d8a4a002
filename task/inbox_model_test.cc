// Model tests of Inbox: every interleaving, and every access weakened.

#include "annulet/task/inbox.h"
#include "annulet/testing/expect.h"
#include "annulet/testing/link.h"
#include "annulet/testing/model_check.h"
#include "annulet/wait/thread_parker.h"
#include "gtest/gtest.h"

namespace annulet::task {
namespace {

using model_check::ModelSync;

struct Node {
  model_check::Link<Node> next;
  ModelSync::cell<int> payload;
};

// A worker as far as the inbox knows one.
struct Owner {
  Inbox<Node, ModelSync> inbox;
  wait::BasicThreadParker<ModelSync> parker;
  int taken = 0;  // the owner's

  // What Worker::post does.
  void post(Node* node, int payload) {
    node->payload.write() = payload;
    if (inbox.push(node)) {
      parker.unpark();
      inbox.woke();
    }
  }

  // What Worker::run does, until `expected` nodes have come. Returns their payloads as digits.
  int run(int expected) {
    int digits = 0;
    while (taken < expected) {
      Node* node = inbox.take_all();
      if (node == nullptr && inbox.begin_sleep()) {
        parker.park(wait::kNever);
        inbox.end_sleep();
      }
      while (node != nullptr) {
        Node* const next = node->next;
        digits = digits * 10 + node->payload.read();
        ++taken;
        node = next;
      }
    }
    return digits;
  }
};

model_check::Suite suite() {
  model_check::Suite suite("Inbox", {"annulet/task/inbox.h"});
  suite.scenario("nodes come in order and wake the owner", [] {
    Owner owner;
    Node first;
    Node second;
    model_check::label(owner, "owner");
    int digits = 0;
    model_check::run_threads({
        {"owner",
         [&] {
           digits = owner.run(2);
           owner.inbox.quiesce();
         }},
        {"pusher",
         [&] {
           owner.post(&first, 1);
           owner.post(&second, 2);
         }},
    });
    model_check::ensure(digits == 12, "not in the order of pushing");
  });
  suite.scenario("two pushers and an owner that may sleep", [] {
    Owner owner;
    Node first;
    Node second;
    int digits = 0;
    model_check::run_threads({
        {"owner",
         [&] {
           digits = owner.run(2);
           owner.inbox.quiesce();
         }},
        {"first", [&] { owner.post(&first, 1); }},
        {"second", [&] { owner.post(&second, 2); }},
    });
    model_check::ensure(digits == 12 || digits == 21, "a node was lost or taken twice");
  });
  suite.scenario("after quiesce() the owner may go", [] {
    Owner* const owner = model_check::create<Owner>();
    Node node;
    model_check::run_threads({
        {"owner",
         [&] {
           owner->run(1);
           owner->inbox.quiesce();
           model_check::destroy(owner);
         }},
        {"pusher", [&] { owner->post(&node, 1); }},
    });
  });
  return suite;
}

TEST(InboxModel, LosesNoNodeAndNoWakeUpInAnyInterleaving) {
  model_check::expect_no_failure(suite());
}

TEST(InboxModel, EveryOrderIsNeeded) {
  model_check::expect_all_killed(
      suite(),
      {"Inbox::push compare_exchange success: release -> relaxed",
       "Inbox::woke fetch_add: release -> relaxed", "Inbox::take_all exchange: acquire -> relaxed",
       "Inbox::quiesce load: acquire -> relaxed"});
}

}  // namespace
}  // namespace annulet::task
