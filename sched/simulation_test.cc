#include "annulet/sched/simulation.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "annulet/sched/for_each_seed.h"
#include "annulet/sched/fork_join.h"
#include "annulet/sched/spawn.h"
#include "annulet/task/cancel.h"
#include "annulet/task/this_task.h"
#include "annulet/task/when_all.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace annulet::sched {
namespace {

using std::chrono::hours;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::HasSubstr;

// Something to wait for. Its waiters stay known for ever, so that those whom a test leaves waiting
// are no leak.
class Event {
 public:
  class [[nodiscard]] Awaiter {
   public:
    explicit Awaiter(Event& event) : event_(event) {}
    bool await_ready() const { return event_.set_; }
    template <task::TaskPromise P>
    void await_suspend(std::coroutine_handle<P> self) {
      event_.waiters_->push_back(&self.promise());
    }
    void await_resume() const {}

   private:
    Event& event_;
  };

  Event() : waiters_(remember()) {}
  void set() {
    set_ = true;
    for (task::Runnable* waiter : std::exchange(*waiters_, {})) task::resume_at_home(waiter);
  }
  Awaiter operator co_await() { return Awaiter(*this); }

 private:
  using Waiters = std::vector<task::Runnable*>;
  static Waiters* remember() {
    static auto* const all = new std::vector<std::unique_ptr<Waiters>>();
    return all->emplace_back(std::make_unique<Waiters>()).get();
  }

  bool set_ = false;
  Waiters* const waiters_;
};

Task<int> answer() {
  co_await task::yield();
  co_return 42;
}

Task<void> fail(const char* what) {
  co_await task::yield();
  throw std::runtime_error(what);
}

// Appends its letter in each of two turns.
Task<void> write_twice(char letter, std::string& order) {
  order += letter;
  co_await task::yield();
  order += letter;
}

// Some of everything.
Task<void> mixture(Simulation& simulation, std::string& order) {
  std::vector<JoinHandle<void>> handles;
  for (char letter = 'a'; letter < 'f'; ++letter) {
    handles.push_back(*spawn(write_twice(letter, order)));
    EXPECT_TRUE(
        spawn_local_detached(write_twice(static_cast<char>(letter - 'a' + 'A'), order)).ok());
    EXPECT_TRUE((co_await task::sleep_for(nanoseconds(simulation.random(5000)))).ok());
  }
  for (JoinHandle<void>& handle : handles) co_await std::move(handle);
}

TEST(Simulation, ReturnsWhatItsMainTaskReturns) {
  Simulation simulation;
  EXPECT_EQ(simulation.run(answer()), 42);
  EXPECT_EQ(
      *simulation.run([]() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(1); }()),
      1);
}

TEST(Simulation, RethrowsWhatEndedItsMainTask) {
  Simulation simulation;
  EXPECT_THROW(simulation.run(fail("on purpose")), std::runtime_error);
  EXPECT_EQ(simulation.run(answer()), 42);
}

TEST(Simulation, RunsOnlyEndsWhenAllThatWasSpawnedHasEnded) {
  Simulation simulation;
  std::string order;
  const auto parent = [&]() -> Task<void> {
    EXPECT_TRUE(spawn_detached(write_twice('a', order)).ok());
    EXPECT_TRUE(spawn_local_detached(write_twice('b', order)).ok());
    co_return;
  };
  simulation.run(parent());
  EXPECT_EQ(order.size(), 4u);
}

TEST(Simulation, TheSameSeedMakesTheSameChoices) {
  struct Run {
    explicit Run(uint64_t seed)
        : simulation({.seed = seed, .workers = 3, .on_turn = [this](const SimulatedTurn& turn) {
                        turns.push_back(
                            {turn.number, turn.worker, turn.ready, turn.chosen,
                             static_cast<uint64_t>(turn.at.time_since_epoch().count())});
                      }}) {
      simulation.run(mixture(simulation, order));
    }
    std::vector<std::vector<uint64_t>> turns;
    std::string order;
    Simulation simulation;
  };
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const Run first(seed);
    const Run second(seed);
    EXPECT_EQ(first.order, second.order);
    EXPECT_EQ(first.turns, second.turns);
    EXPECT_EQ(first.turns.size(), first.simulation.turns());
    EXPECT_EQ(first.simulation.fingerprint(), second.simulation.fingerprint());
    EXPECT_EQ(first.simulation.now(), second.simulation.now());
    EXPECT_NE(first.simulation.fingerprint(), Run(seed + 1).simulation.fingerprint());
  }
}

TEST(Simulation, EachOrderOfWhatIsReadyComesUpUnderSomeSeed) {
  std::set<std::string> orders;
  for (uint64_t seed = 1; seed <= 1500; ++seed) {
    Simulation simulation({.seed = seed});
    std::string order;
    const auto note = [&](char letter) -> Task<void> {
      order += letter;
      co_return;
    };
    const auto parent = [&]() -> Task<void> {
      EXPECT_TRUE(spawn_detached(note('a')).ok());
      EXPECT_TRUE(spawn_detached(note('b'), Priority::kLow).ok());
      EXPECT_TRUE(spawn_local_detached(note('c'), Priority::kHigh).ok());
      EXPECT_TRUE(spawn_local_detached(note('d')).ok());
      co_await task::yield();
      order += 'e';
    };
    simulation.run(parent());
    orders.insert(order);
  }
  EXPECT_EQ(orders.size(), 120u);
}

// A wait that is over before it begins lets others go first under some seeds only.
TEST(Simulation, AWaitThatIsOverBeforeItBeginsMaySuspendAllTheSame) {
  std::set<std::string> orders;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    Simulation simulation({.seed = seed});
    std::string order;
    const auto parent = [&]() -> Task<void> {
      JoinHandle<int> ended = *spawn(answer());
      while (!ended.done()) co_await task::yield();
      JoinHandle<void> other = *spawn(write_twice('o', order));
      EXPECT_EQ(co_await std::move(ended), 42);
      order += 'p';
      co_await std::move(other);
    };
    simulation.run(parent());
    orders.insert(order);
  }
  EXPECT_EQ(orders, (std::set<std::string>{"poo", "opo", "oop"}));
}

// --- Time ---

TEST(Simulation, ASleepOfADayEndsADayLaterOnItsOwnClock) {
  Simulation simulation;
  EXPECT_EQ(simulation.now(), Simulation::kStart);
  const auto sleeper = [&]() -> Task<void> {
    const wait::Deadline before = simulation.now();
    EXPECT_TRUE((co_await task::sleep_for(hours(24))).ok());
    EXPECT_GE(simulation.now() - before, hours(24));
    EXPECT_LT(simulation.now() - before, hours(24) + seconds(1));
  };
  simulation.run(sleeper());
  simulation.run(sleeper());  // the clock runs on
  EXPECT_GE(simulation.now() - Simulation::kStart, hours(48));
}

TEST(Simulation, SleepersWakeInTheOrderOfTheirDeadlines) {
  const absl::Status passed = for_each_seed(1, 50, [](uint64_t seed) {
    Simulation simulation({.seed = seed, .workers = 3});
    std::string order;
    const auto sleeper = [&](int delay, char letter) -> Task<void> {
      EXPECT_TRUE((co_await task::sleep_until(Simulation::kStart + seconds(delay))).ok());
      order += letter;
    };
    const auto parent = [&]() -> Task<void> {
      co_await task::when_all(sleeper(3, 'c'), sleeper(1, 'a'), sleeper(2, 'b'), sleeper(-1, '0'));
    };
    simulation.run(parent());
    return order == "0abc" ? absl::OkStatus() : absl::InternalError(order);
  });
  EXPECT_TRUE(passed.ok()) << passed;
}

TEST(Simulation, TimeStandsStillInTurnsThatAreToldToTakeNone) {
  Simulation simulation({.longest_turn = nanoseconds(0)});
  simulation.run(answer());
  EXPECT_EQ(simulation.now(), Simulation::kStart);
}

TEST(Simulation, ATaskThatLooksAtTheClockOverAndOverSeesItMove) {
  Simulation simulation;
  const auto poll = [&]() -> Task<void> {
    while (simulation.now() < Simulation::kStart + std::chrono::microseconds(10)) {
      co_await task::yield();
    }
  };
  simulation.run(poll());
  EXPECT_GT(simulation.turns(), 10u);
}

TEST(Simulation, ACancelEndsASleep) {
  Simulation simulation({.workers = 3});
  task::CancelSource source;
  absl::Status woken;
  const auto sleep = [&]() -> Task<void> { woken = co_await task::sleep_for(hours(1)); };
  const auto parent = [&]() -> Task<void> {
    JoinHandle<void> sleeper = *spawn(task::with_cancel(source.token(), sleep()));
    EXPECT_TRUE((co_await task::sleep_for(seconds(1))).ok());
    source.cancel();
    co_await std::move(sleeper);
  };
  simulation.run(parent());
  EXPECT_EQ(woken.code(), absl::StatusCode::kCancelled);
  EXPECT_LT(simulation.now(), Simulation::kStart + seconds(2));
}

TEST(Simulation, ACancelAtTheMomentOfTheDeadlineComesFirstUnderSomeSeedsOnly) {
  std::set<absl::StatusCode> outcomes;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    Simulation simulation({.seed = seed});
    task::CancelSource source;
    const wait::Deadline moment = Simulation::kStart + seconds(1);
    const auto sleep = [&]() -> Task<void> {
      outcomes.insert((co_await task::sleep_until(moment + nanoseconds(500))).code());
    };
    const auto cancel = [&]() -> Task<void> {
      EXPECT_TRUE((co_await task::sleep_until(moment)).ok());
      source.cancel();
    };
    const auto parent = [&]() -> Task<void> {
      co_await task::when_all(task::with_cancel(source.token(), sleep()), cancel());
    };
    simulation.run(parent());
  }
  EXPECT_EQ(outcomes,
            (std::set<absl::StatusCode>{absl::StatusCode::kOk, absl::StatusCode::kCancelled}));
}

// --- Tasks that cannot end ---

TEST(Simulation, ADeadlockSaysHowManyTasksWait) {
  Simulation simulation({.seed = 9});
  Event never;
  const auto waiter = [&]() -> Task<void> { co_await never; };
  const auto parent = [&]() -> Task<void> {
    JoinHandle<void> first = *spawn(waiter());
    EXPECT_TRUE(spawn_local_detached(waiter()).ok());
    co_await std::move(first);
  };
  try {
    simulation.run(parent());
    ADD_FAILURE() << "no deadlock";
  } catch (const Simulation::Deadlock& deadlock) {
    EXPECT_EQ(deadlock.tasks(), 3u);
    EXPECT_THAT(deadlock.what(), AllOf(HasSubstr("seed 9"), HasSubstr("3 spawned tasks wait")));
  }
  EXPECT_DEATH(simulation.run(answer()), "ended in a deadlock");
}

TEST(Simulation, ATaskLeftWaitingBehindTheMainOneIsADeadlock) {
  Event never;
  const auto waiter = [&]() -> Task<void> { co_await never; };
  const auto parent = [&]() -> Task<int> {
    EXPECT_TRUE(spawn_detached(waiter()).ok());
    co_return 1;
  };
  EXPECT_THROW(Simulation().run(parent()), Simulation::Deadlock);
}

TEST(Simulation, WhatEndedTheMainTaskSaysMoreThanThatOthersWaitForIt) {
  Event never;
  const auto waiter = [&]() -> Task<void> { co_await never; };
  const auto parent = [&]() -> Task<void> {
    EXPECT_TRUE(spawn_detached(waiter()).ok());
    throw std::logic_error("before never.set()");
    co_return;
  };
  EXPECT_THROW(Simulation().run(parent()), std::logic_error);
}

TEST(Simulation, TasksLeftByADeadlockMayStillBeWokenButDoNotRun) {
  Event late;
  bool ran = false;
  const auto waiter = [&]() -> Task<void> {
    co_await late;
    ran = true;
  };
  EXPECT_THROW(Simulation().run(waiter()), Simulation::Deadlock);
  late.set();
  EXPECT_FALSE(ran);
}

TEST(Simulation, TasksThatTurnForEverAreReported) {
  Simulation simulation({.max_turns = 1000});
  const auto spin = []() -> Task<void> {
    for (;;) co_await task::yield();
  };
  try {
    simulation.run(spin());
    ADD_FAILURE() << "no livelock";
  } catch (const Simulation::Livelock& livelock) {
    EXPECT_EQ(livelock.tasks(), 1u);
    EXPECT_THAT(livelock.what(), HasSubstr("1000 turns"));
  }
}

// --- What tasks use ---

TEST(Simulation, SharedTasksRoamAndLocalOnesStay) {
  Simulation simulation({.workers = 3});
  std::set<size_t> roamed;
  const auto roam = [&](std::set<size_t>& workers) -> Task<void> {
    for (int i = 0; i < 20; ++i) {
      workers.insert(Worker::current()->index());
      co_await task::yield();
    }
  };
  const auto local_parent = [&]() -> Task<void> {
    std::set<size_t> stayed;
    co_await *spawn_local(roam(stayed));
    co_await *task::spawn_here(roam(stayed));
    EXPECT_EQ(stayed, std::set<size_t>{2});
  };
  const auto parent = [&]() -> Task<void> {
    JoinHandle<void> own = *task::spawn(simulation.scheduler().worker(2), local_parent());
    co_await *spawn(roam(roamed));
    co_await std::move(own);
  };
  simulation.run(parent());
  EXPECT_EQ(roamed, (std::set<size_t>{0, 1, 2}));
}

TEST(Simulation, ExceptionsReachWhoeverAwaitsThem) {
  Simulation simulation;
  const auto caught_from = [](auto awaitable) -> Task<std::string> {
    try {
      co_await std::move(awaitable);
    } catch (const std::runtime_error& error) {
      co_return error.what();
    }
    co_return "nothing";
  };
  const auto all = [](std::vector<Task<void>> tasks) -> Task<void> {
    co_await task::when_all(std::move(tasks));
  };
  const auto parent = [&]() -> Task<void> {
    EXPECT_EQ(co_await caught_from(*spawn(fail("shared"))), "shared");
    EXPECT_EQ(co_await caught_from(fail("awaited")), "awaited");
    std::vector<Task<void>> several;
    several.push_back(fail("first"));
    several.push_back(fail("second"));
    EXPECT_EQ(co_await caught_from(all(std::move(several))), "first");
  };
  simulation.run(parent());
}

TEST(Simulation, TasksSpawnedAsOneRunInAnyOrder) {
  std::set<std::string> orders;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    Simulation simulation({.seed = seed, .workers = 1});
    std::string order;
    const auto parent = [&]() -> Task<void> {
      std::vector<Task<void>> tasks;
      for (const char letter : {'a', 'b'}) tasks.push_back(write_twice(letter, order));
      auto handles = *spawn_all(simulation.scheduler(), std::move(tasks));
      for (JoinHandle<void>& handle : handles) co_await std::move(handle);
    };
    simulation.run(parent());
    orders.insert(order);
  }
  EXPECT_EQ(orders.size(), 6u);
}

TEST(Simulation, WhatWasSpawnedBeforeRunsWithTheMainTask) {
  Simulation simulation;
  std::string order;
  JoinHandle<void> before = *task::spawn(simulation.scheduler(), write_twice('a', order));
  JoinHandle<void> own = *task::spawn(simulation.scheduler().worker(1), write_twice('b', order));
  simulation.run(answer());
  std::move(before).join();
  std::move(own).join();
  EXPECT_EQ(order.size(), 4u);
}

TEST(Simulation, AClosedSchedulerRefusesSpawns) {
  Simulation simulation;
  const auto parent = [&]() -> Task<void> {
    simulation.scheduler().close();
    EXPECT_EQ(spawn(answer()).status().code(), absl::StatusCode::kFailedPrecondition);
    co_return;
  };
  simulation.run(parent());
}

TEST(Simulation, ForksRunInPlace) {
  std::string order;
  const auto parent = [&]() -> Task<void> {
    fork_join([&] { order += 'a'; }, [&] { order += 'b'; });
    co_return;
  };
  Simulation().run(parent());
  EXPECT_EQ(order, "ab");
}

TEST(Simulation, TurnsHaveTheNamesOfTheirTasks) {
  std::set<std::string> names;
  Simulation simulation({.on_turn = [&](const SimulatedTurn& turn) {
    names.insert(turn.name != nullptr ? turn.name : "-");
  }});
  const auto parent = [&]() -> Task<void> {
    co_await *spawn(answer(), Priority::kNormal, "answer");
  };
  simulation.run(parent());
  EXPECT_EQ(names, (std::set<std::string>{"-", "answer"}));
}

// --- Broken contracts ---

void on_another_thread(const auto& function) { std::thread(function).join(); }

TEST(SimulationDeathTest, APostFromAForeignThreadEndsTheProgram) {
  Simulation simulation;
  task::CancelSource source;
  Event event;
  const auto wait = [&](auto& awaitable) -> Task<void> { co_await awaitable; };
  const auto sleep = []() -> Task<void> { (void)co_await task::sleep_for(hours(1)); };
  const auto while_waiting = [&](Task<void> waits, auto foreign) -> Task<void> {
    JoinHandle<void> waiter = *spawn(std::move(waits));
    for (int i = 0; i < 20; ++i) co_await task::yield();
    on_another_thread(foreign);
    co_await std::move(waiter);
  };
  const auto spawns = [&] { (void)task::spawn(simulation.scheduler(), answer()); };
  const auto spawns_on_worker = [&] {
    (void)task::spawn(simulation.scheduler().worker(1), answer());
  };
  const auto cancels = [&] { source.cancel(); };
  const auto wakes = [&] { event.set(); };
  const std::string why = "a foreign thread spawns, wakes or cancels";
  EXPECT_DEATH(simulation.run(while_waiting(sleep(), spawns)), why);
  EXPECT_DEATH(simulation.run(while_waiting(sleep(), spawns_on_worker)), why);
  EXPECT_DEATH(simulation.run(while_waiting(task::with_cancel(source.token(), sleep()), cancels)),
               why);
  EXPECT_DEATH(simulation.run(while_waiting(wait(event), wakes)), why);
  EXPECT_DEATH(on_another_thread([&] { simulation.run(answer()); }), why);
}

TEST(SimulationDeathTest, ItHasAWorker) {
  EXPECT_DEATH(Simulation({.workers = 0}), "SimulationOptions::workers");
}

}  // namespace
}  // namespace annulet::sched
