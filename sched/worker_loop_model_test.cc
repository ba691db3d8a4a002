// Model tests of how workers fall asleep, are woken and take work from each other: a double of the
// loop in worker.cc, without inbox, I/O, timers, forks and patience, on the very structures that it
// stands on: they say who is to be told. An item that nobody runs while all sleep is a deadlock.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "annulet/sched/internal/idle_set.h"
#include "annulet/sched/internal/injector.h"
#include "annulet/sched/internal/ready_set.h"
#include "annulet/sched/options.h"
#include "annulet/testing/expect.h"
#include "annulet/testing/model_check.h"
#include "annulet/wait/thread_parker.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace annulet::sched::internal {
namespace {

using model_check::ModelSync;
using task::Priority;

struct Item {
  Item* next = nullptr;
  ModelSync::cell<int> runs;
  // What it does besides: gets the index of the worker that runs it.
  std::function<void(size_t)> work = [](size_t) {};
};

// Steps of the protocol. Without any one of them an item can be left behind.
enum class Step {
  kNone,
  kWakeForItem,      // made by a worker
  kWakeForOutside,   // made outside
  kLookBeforeSleep,  // behind the announcement
  kEndSearch,        // before what it has found keeps it busy
  kLookAfterSearch,  // whether there is work for another
  kWakeForSpare,     // for what it cannot run at once
  kWakeForRefilled,  // for what it has moved into sight
};

// What Scheduler has, and two workers that lack a step.
class Crew {
 public:
  Crew(Step left_out, int items) : left_out_(left_out), left_(items) {
    idle_.reset(workers_.size());
    model_check::label(idle_, "idle");
    model_check::label(injector_, "injector");
    model_check::label(workers_, "workers");
    model_check::label(left_, "left");
  }

  // Scheduler::post, outside.
  void post(Item* item) {
    injector_.push(Priority::kNormal, item);
    if (does(Step::kWakeForOutside)) notify();
  }

  // Worker::post_shared, in an item that `me` runs.
  void post_shared(size_t me, Item* item) {
    const bool tell = workers_[me].ready.push_shared(Priority::kNormal, item);
    if (tell && does(Step::kWakeForItem)) notify();
  }

  // What only `me` may run: before the threads, or in an item that it runs.
  void push_own(size_t me, Item* item) { workers_[me].ready.push_own(Priority::kNormal, item); }

  // Waits in its thread, as a long computation would keep it.
  static void wait_for(const ModelSync::atomic<bool>& flag) {
    while (!flag.load(std::memory_order_acquire)) ModelSync::yield();
  }

  bool anything_to_steal_from(size_t me) const { return workers_[me].ready.stealable(); }

  // Worker::run.
  void run(size_t me) {
    Worker& worker = workers_[me];
    while (!stopped()) {
      if (worker.searching && worker.ready.maybe_any() && does(Step::kEndSearch)) end_search(me);
      run_ready(me);
      take_injected(worker);
      if (!worker.ready.maybe_any() && !find_work(me)) sleep(me);
      if (worker.ready.spare() && does(Step::kWakeForSpare)) notify();
    }
    if (worker.searching) end_search(me);
  }

  void settle(std::span<Item> items) {
    model_check::ensure(idle_.sleepers() == 0, "somebody counts as asleep");
    for (const Item& item : items) {
      model_check::ensure(item.runs.read() == 1, "an item ran twice or never");
    }
  }

 private:
  // So few places that items may have to wait for one, in a chain of two or for its second.
  using Ready = BasicReadySet<Item, 2, 2, ModelSync>;

  struct Worker {
    Ready ready{Weights()};
    wait::BasicThreadParker<ModelSync> parker;
    bool searching = false;  // the worker's own
  };

  struct Wake {
    Crew& crew;
    void operator()(size_t worker) const { crew.workers_[worker].parker.unpark(); }
  };
  void notify() { idle_.notify(Wake{*this}); }

  bool does(Step step) const { return left_out_ != step; }

  // With a poll_interval of 1.
  void run_ready(size_t me) {
    Item* const item = workers_[me].ready.pop();
    if (item == nullptr) return;
    if (workers_[me].ready.take_refilled() && does(Step::kWakeForRefilled)) notify();
    ++item->runs.write();
    item->work(me);
    // Acquire and release: the last one has seen all others end.
    if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) stop();
  }

  void take_injected(Worker& worker) {
    Item* chain = injector_.take(Priority::kNormal);
    while (chain != nullptr) {
      Item* const item = std::exchange(chain, chain->next);
      worker.ready.push_shared(Priority::kNormal, item);
    }
  }

  bool steal(size_t me) {
    std::array<Item*, Ready::kMostStolen> taken;
    const size_t number = workers_[1 - me].ready.steal(taken);
    for (Item* item : std::span(taken).first(number)) {
      workers_[me].ready.push_shared(Priority::kNormal, item);
    }
    return number > 0;
  }

  bool find_work(size_t me) {
    const bool found = steal(me);
    if (workers_[me].searching && does(Step::kEndSearch)) end_search(me);
    return found;
  }

  void end_search(size_t me) {
    workers_[me].searching = false;
    idle_.end_search();
    if (does(Step::kLookAfterSearch) && maybe_tasks_beside(me)) notify();
  }

  // Scheduler::maybe_tasks_beside.
  bool maybe_tasks_beside(size_t me) const {
    return !injector_.empty() || workers_[me].ready.spare() || workers_[1 - me].ready.stealable();
  }

  void sleep(size_t me) {
    idle_.announce(me);
    const bool look = does(Step::kLookBeforeSleep);
    if (!(look && maybe_tasks_beside(me)) && !stopped()) workers_[me].parker.park(wait::kNever);
    workers_[me].searching = idle_.retract(me);
  }

  bool stopped() const { return stopped_.load(std::memory_order_acquire); }  // pairs with stop()
  void stop() {
    stopped_.store(true, std::memory_order_release);  // pairs with stopped()
    for (Worker& worker : workers_) worker.parker.unpark();
  }

  const Step left_out_;
  BasicIdleSet<ModelSync> idle_;
  Injector<Item, ModelSync> injector_;
  std::array<Worker, 2> workers_;
  ModelSync::atomic<int> left_;
  ModelSync::atomic<bool> stopped_{false};
};

// From outside, while both fall asleep.
template <int kItems>
void items_from_outside(Step left_out) {
  Crew crew(left_out, kItems);
  std::array<Item, kItems> items;
  model_check::run_threads({
      {"first", [&] { crew.run(0); }},
      {"second", [&] { crew.run(1); }},
      {"outside",
       [&] {
         for (Item& item : items) crew.post(&item);
       }},
  });
  crew.settle(items);
}

// An item keeps its worker until another one that it has made has run: on the other worker.
void a_busy_worker_makes_an_item(Step left_out) {
  Crew crew(left_out, 2);
  std::array<Item, 2> items;
  ModelSync::atomic<bool> made_ran{false};
  items[0].work = [&](size_t me) {
    crew.post_shared(me, &items[1]);
    Crew::wait_for(made_ran);
  };
  items[1].work = [&](size_t) { made_ran.store(true, std::memory_order_release); };
  crew.push_own(0, &items[0]);
  model_check::run_threads({
      {"first", [&] { crew.run(0); }},
      {"second", [&] { crew.run(1); }},
  });
  crew.settle(items);
}

// Nobody waits for what it makes, so the second one may go untold while the first is taken away.
void a_busy_worker_makes_two_items(Step left_out) {
  Crew crew(left_out, 3);
  std::array<Item, 3> items;
  items[0].work = [&](size_t me) {
    crew.post_shared(me, &items[1]);
    crew.post_shared(me, &items[2]);
  };
  crew.push_own(0, &items[0]);
  model_check::run_threads({
      {"first", [&] { crew.run(0); }},
      {"second", [&] { crew.run(1); }},
  });
  crew.settle(items);
}

// The first item from outside keeps its worker until the second one has run.
void one_item_from_outside_waits_for_another(Step left_out) {
  Crew crew(left_out, 2);
  std::array<Item, 2> items;
  ModelSync::atomic<bool> other_ran{false};
  items[0].work = [&](size_t) { Crew::wait_for(other_ran); };
  items[1].work = [&](size_t) { other_ran.store(true, std::memory_order_release); };
  model_check::run_threads({
      {"first", [&] { crew.run(0); }},
      {"second", [&] { crew.run(1); }},
      {"outside",
       [&] {
         for (Item& item : items) crew.post(&item);
       }},
  });
  crew.settle(items);
}

// A worker takes an item from outside, though it has one of its own that it runs first and that
// keeps it until the other one has run. The other worker, woken for that, may have come in between.
void a_worker_takes_what_it_has_no_time_for(Step left_out) {
  Crew crew(left_out, 3);
  std::array<Item, 3> items;
  ModelSync::atomic<bool> other_ran{false};
  items[0].work = [&](size_t me) { crew.push_own(me, &items[1]); };
  items[1].work = [&](size_t) { Crew::wait_for(other_ran); };
  items[2].work = [&](size_t) { other_ran.store(true, std::memory_order_release); };
  crew.push_own(0, &items[0]);
  model_check::run_threads({
      {"first", [&] { crew.run(0); }},
      {"second", [&] { crew.run(1); }},
      {"outside", [&] { crew.post(&items[2]); }},
  });
  crew.settle(items);
}

// More items than there are places. An item that keeps its worker until all others have run: those
// that wait for a place, too, are run elsewhere.
void a_busy_worker_makes_many_items(Step left_out) {
  Crew crew(left_out, 5);
  std::array<Item, 5> items;
  ModelSync::atomic<int> ran{0};
  ModelSync::atomic<bool> all_ran{false};
  items[0].work = [&](size_t me) {
    for (size_t i = 1; i < items.size(); ++i) crew.post_shared(me, &items[i]);
    Crew::wait_for(all_ran);
  };
  for (size_t i = 1; i < items.size(); ++i) {
    items[i].work = [&](size_t) {
      if (ran.fetch_add(1, std::memory_order_acq_rel) == 2) {
        all_ran.store(true, std::memory_order_release);
      }
    };
  }
  crew.push_own(0, &items[0]);
  model_check::run_threads({
      {"first", [&] { crew.run(0); }},
      {"second", [&] { crew.run(1); }},
  });
  crew.settle(items);
}

// A worker moves items on to its places, out of sight for a moment. The first of them keeps it, if
// there is another one to be had, until that has run: elsewhere.
void items_come_into_sight(Step left_out) {
  Crew crew(left_out, 5);
  std::array<Item, 5> items;
  ModelSync::atomic<bool> other_ran{false};
  items[0].work = [&](size_t me) {
    for (size_t i = 1; i < items.size(); ++i) crew.post_shared(me, &items[i]);
  };
  items[3].work = [&](size_t me) {
    if (crew.anything_to_steal_from(me)) Crew::wait_for(other_ran);
  };
  items[4].work = [&](size_t) { other_ran.store(true, std::memory_order_release); };
  crew.push_own(0, &items[0]);
  model_check::run_threads({
      {"first", [&] { crew.run(0); }},
      {"second", [&] { crew.run(1); }},
  });
  crew.settle(items);
}

using model_check::Options;
using model_check::Suite;

constexpr const char* kIdleSet = "annulet/sched/internal/idle_set.h";

void add(Suite& suite, const char* name, void (*scenario)(Step), Step left_out) {
  suite.scenario(name, [scenario, left_out] { scenario(left_out); });
}

// Three preemptions take minutes, and more memory than a machine may have.
Suite two(Step left_out = Step::kNone) {
  Suite suite("two workers", {kIdleSet},
              {.preemptions = std::min(2, Options::default_preemptions()), .spurious = 0});
  add(suite, "a busy worker makes an item", a_busy_worker_makes_an_item, left_out);
  add(suite, "a busy worker makes two items", a_busy_worker_makes_two_items, left_out);
  return suite;
}

// The same of two.
Suite two_with_many(Step left_out = Step::kNone) {
  Suite suite("two workers and many items", {kIdleSet},
              {.preemptions = std::min(1, Options::default_preemptions()), .spurious = 0});
  add(suite, "items come into sight", items_come_into_sight, left_out);
  add(suite, "a busy worker makes many items", a_busy_worker_makes_many_items, left_out);
  return suite;
}

// With fewer preemptions, or they would take minutes.
Suite one_outside(Step left_out = Step::kNone) {
  Suite suite("two workers and one outside", {kIdleSet},
              {.preemptions = std::max(0, Options::default_preemptions() - 1), .spurious = 0});
  add(suite, "an item comes from outside", items_from_outside<1>, left_out);
  add(suite, "a worker takes what it has no time for", a_worker_takes_what_it_has_no_time_for,
      left_out);
  return suite;
}

// Only switches where a thread sleeps, spins or ends, and all that loads may read: one preemption
// takes most of a minute.
Suite two_from_outside(Step left_out = Step::kNone) {
  Suite suite("two workers and two items from outside", {kIdleSet},
              {.preemptions = 0, .spurious = 0});
  add(suite, "items come from outside", items_from_outside<2>, left_out);
  add(suite, "one item from outside waits for another", one_item_from_outside_waits_for_another,
      left_out);
  return suite;
}

TEST(WorkerLoopModel, LeavesNoItemBehindInAnyInterleaving) {
  for (Suite (*const make)(Step) : {two, two_with_many, one_outside, two_from_outside}) {
    model_check::expect_no_failure(make(Step::kNone));
  }
}

// That of end_search() takes a third thread, with which there are too many orders here:
// idle_set_model_test has it.
TEST(WorkerLoopModel, TheFencesOfMakerAndSleeperAreNeeded) {
  Suite suite("two workers and fences", {kIdleSet}, {.preemptions = 0, .spurious = 0});
  add(suite, "a busy worker makes an item", a_busy_worker_makes_an_item, Step::kNone);
  std::vector<std::string> killed;
  for (const model_check::Mutant& mutant : suite.mutants().mutants) {
    if (!mutant.killed_by.empty()) killed.push_back(mutant.name);
  }
  EXPECT_THAT(killed, testing::ElementsAre("BasicIdleSet::notify fence: seq_cst -> acq_rel",
                                           "BasicIdleSet::announce fence: seq_cst -> acq_rel"));
}

TEST(WorkerLoopModel, EveryStepIsNeeded) {
  model_check::expect_noticed(two(Step::kWakeForItem), "waking somebody for an item");
  model_check::expect_noticed(one_outside(Step::kWakeForOutside),
                              "waking somebody for an item from outside");
  model_check::expect_noticed(two(Step::kLookBeforeSleep), "the look behind the announcement");
  model_check::expect_noticed(one_outside(Step::kEndSearch), "the end of a search");
  model_check::expect_noticed(two_from_outside(Step::kLookAfterSearch),
                              "the look behind the end of a search");
  model_check::expect_noticed(one_outside(Step::kWakeForSpare),
                              "waking somebody for what it has no time for");
  model_check::expect_noticed(two_with_many(Step::kWakeForRefilled),
                              "waking somebody for what has come into sight");
}

}  // namespace
}  // namespace annulet::sched::internal
