// Model tests of EventCount: every interleaving, and every access weakened.

#include "annulet/testing/expect.h"
#include "annulet/testing/model_check.h"
#include "annulet/wait/event_count.h"
#include "annulet/wait/thread_parker.h"
#include "gtest/gtest.h"

namespace annulet::wait {
namespace {

using model_check::ModelSync;
using Symmetric = BasicEventCount<ModelSync>;
using Asymmetric = BasicEventCount<ModelSync, AsymmetricFence<ModelSync>>;
using Parker = BasicThreadParker<ModelSync>;

template <class EventCount>
void wait_for(ModelSync::atomic<int>& condition, EventCount& event_count, Parker& parker,
              Deadline until = kNever) {
  while (condition.load(std::memory_order_relaxed) == 0) {
    const typename EventCount::Key key = event_count.prepare_wait();
    if (condition.load(std::memory_order_relaxed) != 0) {
      event_count.cancel_wait();
      return;
    }
    event_count.commit_wait(key, parker, until);
  }
}

template <class EventCount>
void one_waiter() {
  EventCount event_count;
  Parker parker;
  ModelSync::atomic<int> condition{0};
  model_check::run_threads({
      {"waiter", [&] { wait_for(condition, event_count, parker); }},
      {"notifier",
       [&] {
         condition.store(1, std::memory_order_relaxed);
         event_count.notify();
       }},
  });
}

template <class EventCount>
void two_waiters() {
  EventCount event_count;
  Parker first_parker;
  Parker second_parker;
  ModelSync::atomic<int> condition{0};
  model_check::run_threads({
      {"first", [&] { wait_for(condition, event_count, first_parker); }},
      {"second", [&] { wait_for(condition, event_count, second_parker); }},
      {"notifier",
       [&] {
         condition.store(1, std::memory_order_relaxed);
         event_count.notify_all();
       }},
  });
}

template <class EventCount>
void waiter_with_deadline() {
  EventCount event_count;
  Parker parker;
  ModelSync::atomic<int> condition{0};
  model_check::run_threads({
      {"waiter",
       [&] {
         const typename EventCount::Key key = event_count.prepare_wait();
         if (condition.load(std::memory_order_relaxed) != 0) return event_count.cancel_wait();
         if (!event_count.commit_wait(key, parker, Deadline())) return;
         model_check::ensure(condition.load(std::memory_order_relaxed) == 1,
                             "notified, but the condition is not visible");
       }},
      {"notifier",
       [&] {
         condition.store(1, std::memory_order_relaxed);
         event_count.notify();
       }},
  });
}

// Each notify() lets one waiter take one ticket.
template <class EventCount>
void take_ticket(ModelSync::atomic<int>& tickets, EventCount& event_count, Parker& parker) {
  for (;;) {
    const typename EventCount::Key key = event_count.prepare_wait();
    int left = tickets.load(std::memory_order_relaxed);
    while (left > 0 &&
           !tickets.compare_exchange_strong(left, left - 1, std::memory_order_relaxed)) {
    }
    if (left > 0) return event_count.cancel_wait();
    event_count.commit_wait(key, parker);
  }
}

template <class EventCount>
void two_tickets() {
  EventCount event_count;
  Parker first_parker;
  Parker second_parker;
  ModelSync::atomic<int> tickets{0};
  model_check::run_threads({
      {"first", [&] { take_ticket(tickets, event_count, first_parker); }},
      {"second", [&] { take_ticket(tickets, event_count, second_parker); }},
      {"notifier",
       [&] {
         for (int i = 0; i < 2; ++i) {
           tickets.fetch_add(1, std::memory_order_relaxed);
           event_count.notify();
         }
       }},
  });
}

model_check::Suite suite() {
  model_check::Suite suite("EventCount", {"annulet/wait/event_count.h"});
  suite.scenario("a waiter sees the condition or is woken", one_waiter<Symmetric>);
  suite.scenario("notify_all wakes every waiter", two_waiters<Symmetric>);
  suite.scenario("a deadline and a notify meet, and the waiter's frame goes",
                 waiter_with_deadline<Symmetric>);
  suite.scenario("each of two notifies wakes somebody", two_tickets<Symmetric>);
  suite.scenario("a waiter pays for the notifier's fence", one_waiter<Asymmetric>);
  suite.scenario("two waiters pay for the notifier's fence", two_waiters<Asymmetric>);
  suite.scenario("a waiter with a deadline pays for the notifier's fence",
                 waiter_with_deadline<Asymmetric>);
  return suite;
}

TEST(EventCountModel, LosesNoWakeUpInAnyInterleaving) { model_check::expect_no_failure(suite()); }

TEST(EventCountModel, EveryOrderAndLockIsNeeded) {
  model_check::expect_all_killed(suite(), {"SymmetricFence::waiter fence: seq_cst -> acq_rel",
                                           "SymmetricFence::notifier fence: seq_cst -> acq_rel",
                                           "AsymmetricFence::waiter fence_heavy: heavy -> seq_cst",
                                           "AsymmetricFence::notifier fence_light: dropped",
                                           "BasicEventCount::prepare_wait load: acquire -> relaxed",
                                           "BasicEventCount::commit_wait lock: dropped",
                                           "BasicEventCount::commit_wait lock: dropped #2",
                                           "BasicEventCount::wake lock: dropped",
                                           "BasicEventCount::wake store: release -> relaxed"});
}

}  // namespace
}  // namespace annulet::wait
