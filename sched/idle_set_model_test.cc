// Model tests of IdleSet: every interleaving, and every access weakened.
#include <array>
#include <cstddef>
#include <iostream>

#include "annulet/sched/internal/idle_set.h"
#include "annulet/testing/model_check.h"
#include "annulet/wait/thread_parker.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace annulet::sched::internal {
namespace {

using model_check::ModelSync;

// Workers that share their work, which is no more than a number of pieces. A lost wake-up is a
// deadlock: workers go on until all is done.
template <size_t kWorkers>
struct Crew {
  BasicIdleSet<ModelSync> idle;
  std::array<wait::BasicThreadParker<ModelSync>, kWorkers> parkers;
  ModelSync::atomic<int> work{0};

  Crew() {
    idle.reset(kWorkers);
    model_check::label(idle, "idle");
    model_check::label(parkers, "parkers");
    model_check::label(work, "work");
  }

  // A class with a name, for those of mutants.
  struct Wake {
    Crew& crew;
    void operator()(size_t worker) const { crew.parkers[worker].unpark(); }
  };
  void notify() { idle.notify(Wake{*this}); }

  // Relaxed, here and in take(): what orders them is under test.
  void make(int pieces = 1) {
    work.fetch_add(pieces, std::memory_order_relaxed);
    notify();
  }

  bool take() {
    int left = work.load(std::memory_order_relaxed);
    while (left > 0) {
      if (work.compare_exchange_strong(left, left - 1, std::memory_order_relaxed)) return true;
    }
    return false;
  }

  bool maybe_work() const { return work.load(std::memory_order_relaxed) > 0; }

  void end_search() {
    idle.end_search();
    if (maybe_work()) notify();
  }

  // Returns whether it was woken to search.
  bool sleep(size_t me, wait::Deadline until = wait::kNever) {
    idle.announce(me);
    if (!maybe_work()) parkers[me].park(until);
    return idle.retract(me);
  }

  // Takes one piece of work, and sleeps until there is one.
  void work_once(size_t me, wait::Deadline until = wait::kNever) {
    bool searching = false;
    for (;;) {
      const bool found = take();
      if (searching) end_search();
      if (found) return;
      searching = sleep(me, until);
    }
  }

  void settle() const { model_check::ensure(idle.sleepers() == 0, "somebody counts as asleep"); }
};

void one_maker_and_one_worker() {
  Crew<1> crew;
  model_check::run_threads({
      {"worker", [&] { crew.work_once(0); }},
      {"maker", [&] { crew.make(); }},
  });
  crew.settle();
}

// Nobody is woken for the second piece while the first worker searches.
void a_burst_wakes_both() {
  Crew<2> crew;
  model_check::run_threads({
      {"first", [&] { crew.work_once(0); }},
      {"second", [&] { crew.work_once(1); }},
      {"maker",
       [&] {
         crew.make();
         crew.make();
       }},
  });
  crew.settle();
}

void two_makers_and_two_workers() {
  Crew<2> crew;
  model_check::run_threads({
      {"first", [&] { crew.work_once(0); }},
      {"second", [&] { crew.work_once(1); }},
      {"one maker", [&] { crew.make(); }},
      {"other maker", [&] { crew.make(); }},
  });
  crew.settle();
}

// The worker sleeps again and again, and is woken by either.
void two_makers_and_one_worker() {
  Crew<1> crew;
  model_check::run_threads({
      {"worker",
       [&] {
         crew.work_once(0);
         crew.work_once(0);
       }},
      {"one maker", [&] { crew.make(); }},
      {"other maker", [&] { crew.make(); }},
  });
  crew.settle();
}

// A worker that wakes up by itself may be picked meanwhile, and has then to end that search.
void a_worker_with_a_timer() {
  Crew<1> crew;
  model_check::run_threads({
      {"worker",
       [&] {
         crew.work_once(0, wait::Deadline());
         crew.work_once(0);
       }},
      {"maker",
       [&] {
         crew.make();
         crew.make();
       }},
  });
  crew.settle();
}

// One worker is waking up by itself, for something else, when a maker looks for a sleeper: the
// other one must get the work.
void a_worker_leaves() {
  Crew<2> crew;
  model_check::run_threads({
      {"leaves",
       [&] {
         if (crew.sleep(0, wait::Deadline())) crew.end_search();
       }},
      {"stays", [&] { crew.work_once(1); }},
      {"maker", [&] { crew.make(); }},
  });
  crew.settle();
}

// As above; two makers rely on one search, which may find nobody.
void a_worker_leaves_two_makers() {
  Crew<2> crew;
  model_check::run_threads({
      {"leaves",
       [&] {
         if (crew.sleep(0, wait::Deadline())) crew.end_search();
       }},
      {"stays",
       [&] {
         crew.work_once(1);
         crew.work_once(1);
       }},
      {"one maker", [&] { crew.make(); }},
      {"other maker", [&] { crew.make(); }},
  });
  crew.settle();
}

using Suite = model_check::Suite;
using Options = model_check::Options;

Suite suite() {
  Suite suite("IdleSet", {"annulet/sched/internal/idle_set.h"});
  suite.scenario("a maker wakes a worker", one_maker_and_one_worker);
  suite.scenario("a worker wakes up by itself", a_worker_with_a_timer);
  suite.scenario("one worker leaves and the other is woken", a_worker_leaves);
  return suite;
}

// More threads, and less of what comes by chance, or they would take minutes.
Suite several() {
  Suite suite("several at the IdleSet", {"annulet/sched/internal/idle_set.h"}, {.spurious = 0});
  suite.scenario("a burst wakes both workers", a_burst_wakes_both);
  suite.scenario("two makers wake a worker", two_makers_and_one_worker);
  return suite;
}

Suite crowd() {
  Suite suite("a crowd at the IdleSet", {"annulet/sched/internal/idle_set.h"},
              {.preemptions = Options::default_preemptions() - 1, .spurious = 0});
  suite.scenario("two makers wake two workers", two_makers_and_two_workers);
  suite.scenario("one worker leaves and two makers wake the other", a_worker_leaves_two_makers);
  return suite;
}

TEST(IdleSetModel, LeavesNoWorkWhileSomebodySleepsInAnyInterleaving) {
  for (Suite (*const make)() : {suite, several, crowd}) {
    const model_check::Result result = make().check();
    EXPECT_TRUE(result.ok()) << result;
    std::cout << result << "\n";
  }
}

TEST(IdleSetModel, EveryFenceIsNeeded) {
  const model_check::MutantReport report = several().mutants();
  std::cout << report;
  EXPECT_TRUE(report.ok());
  EXPECT_THAT(report.names(),
              testing::ElementsAre("BasicIdleSet::notify fence: seq_cst -> acq_rel",
                                   "BasicIdleSet::announce fence: seq_cst -> acq_rel",
                                   "BasicIdleSet::end_search fence: seq_cst -> acq_rel"));
}

}  // namespace
}  // namespace annulet::sched::internal
