// Model tests of how workers fall asleep, are woken and take work from each other: a double of the
// loop in worker.cc, without inbox, I/O, timers and patience, on the structures that it stands on.
// An item that nobody runs while all sleep is a deadlock.
#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iostream>
#include <span>
#include <utility>

#include "annulet/sched/internal/idle_set.h"
#include "annulet/sched/internal/injector.h"
#include "annulet/sched/run_queue.h"
#include "annulet/testing/model_check.h"
#include "annulet/wait/thread_parker.h"
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

// What Scheduler has, and two workers.
class Crew {
 public:
  explicit Crew(int items) : left_(items) {
    idle_.reset(workers_.size());
    model_check::label(idle_, "idle");
    model_check::label(injector_, "injector");
    model_check::label(workers_, "workers");
    model_check::label(left_, "left");
  }

  // Scheduler::post, outside.
  void post(Item* item) {
    injector_.push(Priority::kNormal, item);
    notify();
  }

  // Worker::post_shared, in an item that `me` runs.
  void post_shared(size_t me, Item* item) {
    const uint64_t before = workers_[me].shared.stealable();
    push_shared(workers_[me], item);
    // As ReadySet::push_shared() says.
    if (before == 0 || std::has_single_bit(before)) notify();
  }

  // What only `me` may run: before the threads, or in an item that it runs.
  void push_own(size_t me, Item* item) {
    workers_[me].maybe_any = true;
    workers_[me].own = item;
  }

  // Waits in its thread, as a long computation would keep it.
  static void wait_for(const ModelSync::atomic<bool>& flag) {
    while (!flag.load(std::memory_order_acquire)) ModelSync::yield();
  }

  // Worker::run.
  void run(size_t me) {
    Worker& worker = workers_[me];
    while (!stopped()) {
      if (worker.searching && worker.maybe_any) end_search(me);
      run_ready(me);
      take_injected(worker);
      if (!worker.maybe_any) find_work(me);
      if (spare(worker)) notify();
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
  struct Worker {
    RunQueue<Item*, 4, ModelSync> shared;
    wait::BasicThreadParker<ModelSync> parker;
    // The worker's own:
    Item* own = nullptr;  // at most one here
    bool maybe_any = false;
    bool searching = false;
  };

  struct Wake {
    Crew& crew;
    void operator()(size_t worker) const { crew.workers_[worker].parker.unpark(); }
  };
  void notify() { idle_.notify(Wake{*this}); }

  static void push_shared(Worker& worker, Item* item) {
    worker.maybe_any = true;
    model_check::ensure(worker.shared.push(item), "more items than this double has room for");
  }

  static Item* pop(Worker& worker) {
    if (worker.own != nullptr) return std::exchange(worker.own, nullptr);
    Item* const item = worker.shared.pop();
    if (item == nullptr) worker.maybe_any = false;
    return item;
  }

  // With a poll_interval of 1.
  void run_ready(size_t me) {
    Item* const item = pop(workers_[me]);
    if (item == nullptr) return;
    ++item->runs.write();
    item->work(me);
    // Acquire and release: the last one has seen all others end.
    if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) stop();
  }

  void take_injected(Worker& worker) {
    Item* chain = injector_.take(Priority::kNormal);
    while (chain != nullptr) {
      Item* const item = std::exchange(chain, chain->next);
      push_shared(worker, item);
    }
  }

  void steal(size_t me) {
    std::array<Item*, 4> taken;
    const size_t number = workers_[1 - me].shared.steal(taken);
    for (Item* item : std::span(taken).first(number)) push_shared(workers_[me], item);
  }

  bool maybe_work() const {
    return !injector_.empty() || std::ranges::any_of(workers_, [](const Worker& worker) {
      return !worker.shared.empty();
    });
  }

  void find_work(size_t me) {
    Worker& worker = workers_[me];
    steal(me);
    if (worker.searching) end_search(me);
    if (!worker.maybe_any) sleep(me);
  }

  void end_search(size_t me) {
    workers_[me].searching = false;
    idle_.end_search();
    // As Scheduler::maybe_work_beside() says.
    if (!injector_.empty() || spare(workers_[me]) || !workers_[1 - me].shared.empty()) notify();
  }

  // As ReadySet::spare() says.
  static bool spare(const Worker& worker) {
    return worker.shared.size() > (worker.own != nullptr ? 0 : 1);
  }

  void sleep(size_t me) {
    idle_.announce(me);
    if (!maybe_work() && !stopped()) workers_[me].parker.park(wait::kNever);
    workers_[me].searching = idle_.retract(me);
  }

  bool stopped() const { return stopped_.load(std::memory_order_acquire); }  // pairs with stop()
  void stop() {
    stopped_.store(true, std::memory_order_release);  // pairs with stopped()
    for (Worker& worker : workers_) worker.parker.unpark();
  }

  BasicIdleSet<ModelSync> idle_;
  Injector<Item, ModelSync> injector_;
  std::array<Worker, 2> workers_;
  ModelSync::atomic<int> left_;
  ModelSync::atomic<bool> stopped_{false};
};

// From outside, while both fall asleep.
template <int kItems>
void items_from_outside() {
  Crew crew(kItems);
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
void a_busy_worker_makes_an_item() {
  Crew crew(2);
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
void a_busy_worker_makes_two_items() {
  Crew crew(3);
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
void one_item_from_outside_waits_for_another() {
  Crew crew(2);
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
void a_worker_takes_what_it_has_no_time_for() {
  Crew crew(3);
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

using Suite = model_check::Suite;
using Options = model_check::Options;

Suite two() {
  Suite suite("two workers", {"annulet/sched/internal/idle_set.h"}, {.spurious = 0});
  suite.scenario("a busy worker makes an item", a_busy_worker_makes_an_item);
  suite.scenario("a busy worker makes two items", a_busy_worker_makes_two_items);
  return suite;
}

// With fewer preemptions, or they would take minutes.
Suite one_outside() {
  Suite suite("two workers and one outside", {"annulet/sched/internal/idle_set.h"},
              {.preemptions = std::max(0, Options::default_preemptions() - 1), .spurious = 0});
  suite.scenario("an item comes from outside", items_from_outside<1>);
  suite.scenario("a worker takes what it has no time for", a_worker_takes_what_it_has_no_time_for);
  return suite;
}

// Only switches where a thread sleeps, spins or ends, and all that loads may read: one preemption
// takes most of a minute.
Suite two_from_outside() {
  Suite suite("two workers and two items from outside", {"annulet/sched/internal/idle_set.h"},
              {.preemptions = 0, .spurious = 0});
  suite.scenario("items come from outside", items_from_outside<2>);
  suite.scenario("one item from outside waits for another",
                 one_item_from_outside_waits_for_another);
  return suite;
}

TEST(WorkerLoopModel, LeavesNoItemBehindInAnyInterleaving) {
  for (Suite (*const make)() : {two, one_outside, two_from_outside}) {
    const model_check::Result result = make().check();
    EXPECT_TRUE(result.ok()) << result;
    std::cout << result << "\n";
  }
}

}  // namespace
}  // namespace annulet::sched::internal
