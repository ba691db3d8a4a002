// Model tests of EventCount: every interleaving, and every access weakened.
#include <iostream>

#include "annulet/testing/model_check.h"
#include "annulet/wait/event_count.h"
#include "annulet/wait/thread_parker.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace annulet::wait {
namespace {

using model_check::ModelSync;
using EventCount = BasicEventCount<ModelSync>;
using Parker = BasicThreadParker<ModelSync>;

void wait_for(ModelSync::atomic<int>& condition, EventCount& event_count, Parker& parker,
              Deadline until = kNever) {
  while (condition.load(std::memory_order_relaxed) == 0) {
    const EventCount::Key key = event_count.prepare_wait();
    if (condition.load(std::memory_order_relaxed) != 0) {
      event_count.cancel_wait();
      return;
    }
    event_count.commit_wait(key, parker, until);
  }
}

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

void waiter_with_deadline() {
  EventCount event_count;
  Parker parker;
  ModelSync::atomic<int> condition{0};
  model_check::run_threads({
      {"waiter",
       [&] {
         const EventCount::Key key = event_count.prepare_wait();
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
void take_ticket(ModelSync::atomic<int>& tickets, EventCount& event_count, Parker& parker) {
  for (;;) {
    const EventCount::Key key = event_count.prepare_wait();
    int left = tickets.load(std::memory_order_relaxed);
    while (left > 0 &&
           !tickets.compare_exchange_strong(left, left - 1, std::memory_order_relaxed)) {
    }
    if (left > 0) return event_count.cancel_wait();
    event_count.commit_wait(key, parker);
  }
}

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
  suite.scenario("a waiter sees the condition or is woken", one_waiter);
  suite.scenario("notify_all wakes every waiter", two_waiters);
  suite.scenario("a deadline and a notify meet, and the waiter's frame goes", waiter_with_deadline);
  suite.scenario("each of two notifies wakes somebody", two_tickets);
  return suite;
}

TEST(EventCountModel, LosesNoWakeUpInAnyInterleaving) {
  const model_check::Result result = suite().check();
  EXPECT_TRUE(result.ok()) << result;
  std::cout << result << "\n";
}

TEST(EventCountModel, EveryOrderAndLockIsNeeded) {
  const model_check::MutantReport report = suite().mutants();
  std::cout << report;
  EXPECT_TRUE(report.ok());
  EXPECT_THAT(report.names(),
              testing::ElementsAre("BasicEventCount::prepare_wait fence: seq_cst -> acq_rel",
                                   "BasicEventCount::prepare_wait load: acquire -> relaxed",
                                   "BasicEventCount::commit_wait lock: dropped",
                                   "BasicEventCount::commit_wait lock: dropped #2",
                                   "BasicEventCount::notify fence: seq_cst -> acq_rel",
                                   "BasicEventCount::notify lock: dropped"));
}

}  // namespace
}  // namespace annulet::wait
