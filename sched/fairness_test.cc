// Who waits how long while others are ready: the bounds of docs/sched.md, counted in turns, under
// whatever a seed decides. What is counted and compared is what the tasks themselves have seen.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "annulet/sched/for_each_seed.h"
#include "annulet/sched/internal/ready_set.h"
#include "annulet/sched/simulation.h"
#include "annulet/sched/spawn.h"
#include "annulet/task/this_task.h"
#include "gtest/gtest.h"

namespace annulet::sched {
namespace {

constexpr uint64_t kSeeds = 200;

// A simulation by priority that counts the turns of each worker. The body spawns floods, which take
// turns until it says that all is over; it has a worker to itself with workers = 1 only.
class Fairness {
 public:
  Fairness(uint64_t seed, size_t workers, const SchedulerOptions& scheduler = {})
      : turns_(workers),
        simulation_({.seed = seed,
                     .workers = workers,
                     .order = SimulatedOrder::kByPriority,
                     .scheduler = scheduler,
                     .on_turn = [this](const SimulatedTurn& turn) {
                       ++turns_[turn.worker];
                       began_ = turn.at;
                     }}) {}

  Simulation& operator*() { return simulation_; }
  Simulation* operator->() { return &simulation_; }

  static size_t here() { return Worker::current()->index(); }
  // How many turns the current worker has had, this one included.
  uint64_t turns_here() const { return turns_[here()]; }
  uint64_t turns_of(size_t worker) const { return turns_[worker]; }
  // When the current turn began.
  wait::Deadline began() const { return began_; }

  size_t some(size_t least, size_t most) { return least + simulation_.random(most - least + 1); }

  // Yields until over(). Calls `each` in each turn.
  template <class Each>
  Task<void> flood(Each each) {
    while (!over_) {
      each();
      co_await task::yield();
    }
  }
  void over() { over_ = true; }

  // Spawns as many floods as the seed likes, at most `most`, on the current worker.
  void floods(Priority priority, size_t least, size_t most) {
    for (size_t i = some(least, most); i > 0; --i) {
      Task<void> task = flood([] {});
      const bool local = simulation_.random(2) == 0;
      EXPECT_TRUE((local ? spawn_local_detached(std::move(task), priority)
                         : spawn_detached(std::move(task), priority))
                      .ok());
    }
  }

  // On each worker a main task of its own, which begins together with the others'.
  template <class Main>
  void run_on_each_worker(Main main) {
    const auto all = [&]() -> Task<void> {
      std::vector<JoinHandle<void>> handles;
      for (size_t i = 0; i < turns_.size(); ++i) {
        handles.push_back(*task::spawn(simulation_.scheduler().worker(i), main(i)));
      }
      for (JoinHandle<void>& handle : handles) co_await std::move(handle);
      over();
    };
    simulation_.run(all());
  }

 private:
  std::vector<uint64_t> turns_;
  wait::Deadline began_{};
  Simulation simulation_;
  bool over_ = false;
};

// Most seeds have the weights of production; the others any.
SchedulerOptions options_of(uint64_t seed) {
  SchedulerOptions options;
  if (seed % 4 != 0) return options;
  const auto part = static_cast<uint32_t>(seed / 4);
  const uint32_t low = internal::ReadySet::kInARow + part % 3;
  options.weights = {.high = low + part % 40, .normal = low + part % 7, .low = low};
  options.poll_interval = 1 + part % 80;
  return options;
}

absl::Status at_most(uint64_t waited, uint64_t bound, const char* what) {
  if (waited <= bound) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(what, ": ", waited, " turns, the bound is ", bound));
}

// --- Priorities ---

// How long a task waits for each of its turns, the first from `spawned` on.
Task<void> wait_for_turns(Fairness& fairness, int turns, uint64_t spawned, uint64_t& longest) {
  for (uint64_t before = spawned;; before = fairness.turns_here()) {
    longest = std::max(longest, fairness.turns_here() - before);
    if (--turns == 0) co_return;
    co_await task::yield();
  }
}

TEST(Fairness, TheOldestLowTaskRunsWithinTwiceAsManyTurnsAsTheWeightsAddUpTo) {
  uint64_t longest_of_all = 0;
  const absl::Status passed = for_each_seed(1, kSeeds, [&](uint64_t seed) {
    const SchedulerOptions options = options_of(seed);
    Fairness fairness(seed, 1 + seed % 3, options);
    uint64_t longest = 0;
    fairness.run_on_each_worker([&](size_t) -> Task<void> {
      // The flood comes in the midst of a round: some turns of Low's are used up.
      const auto alone = static_cast<int>(1 + fairness->random(3 * options.weights.low));
      uint64_t ignored = 0;
      co_await *spawn_local(wait_for_turns(fairness, alone, 0, ignored), Priority::kLow);
      fairness.floods(Priority::kHigh, 1, 5);
      fairness.floods(Priority::kNormal, 0, 5);
      const uint64_t spawned = fairness.turns_here();
      co_await *spawn_local(wait_for_turns(fairness, 20, spawned, longest), Priority::kLow);
    });
    longest_of_all = std::max(longest_of_all, longest);
    return at_most(longest, 2 * options.weights.sum(), "a Low task");
  });
  EXPECT_TRUE(passed.ok()) << passed;
  EXPECT_GT(longest_of_all, Weights().sum()) << "no seed has come near the bound";
}

TEST(Fairness, WithSharedAndLocalTasksTheOldestLowOneRunsWithinThreeTimesTheSum) {
  const absl::Status passed = for_each_seed(1, kSeeds, [](uint64_t seed) {
    const SchedulerOptions options = options_of(seed);
    Fairness fairness(seed, 1, options);
    uint64_t longest = 0;
    fairness.run_on_each_worker([&](size_t) -> Task<void> {
      fairness.floods(Priority::kHigh, 1, 5);
      fairness.floods(Priority::kNormal, 0, 5);
      // One of each kind, hence always the oldest of its kind.
      const uint64_t spawned = fairness.turns_here();
      LocalJoinHandle<void> local =
          *spawn_local(wait_for_turns(fairness, 20, spawned, longest), Priority::kLow);
      co_await *spawn(wait_for_turns(fairness, 20, spawned, longest), Priority::kLow);
      co_await std::move(local);
    });
    return at_most(longest, 3 * options.weights.sum(), "a Low task");
  });
  EXPECT_TRUE(passed.ok()) << passed;
}

TEST(Fairness, EachPriorityKeepsItsShareUnderAFloodOfAll) {
  const absl::Status passed = for_each_seed(1, kSeeds, [](uint64_t seed) {
    const SchedulerOptions options = options_of(seed);
    const std::array<uint64_t, task::kPriorities> weights = {
        options.weights.high, options.weights.normal, options.weights.low};
    constexpr uint64_t kRounds = 20;
    Fairness fairness(seed, 1 + seed % 3, options);
    // Of worker 0. Local ones, for what others steal changes what there is to share.
    std::array<uint64_t, task::kPriorities> turns{};
    fairness.run_on_each_worker([&](size_t worker) -> Task<void> {
      if (worker != 0) co_return;
      for (const Priority priority : task::kAllPriorities) {
        uint64_t& count = turns[static_cast<size_t>(priority)];
        for (size_t i = fairness.some(1, 4); i > 0; --i) {
          EXPECT_TRUE(spawn_local_detached(fairness.flood([&count] { ++count; }), priority).ok());
        }
      }
      const auto wait = [&]() -> Task<void> {
        while (++turns[0] < kRounds * weights[0]) co_await task::yield();
      };
      co_await *spawn_local(wait(), Priority::kHigh);
      fairness.over();
    });
    for (size_t i = 0; i < task::kPriorities; ++i) {
      const uint64_t least = (kRounds - 2) * weights[i];
      const uint64_t most = (kRounds + 2) * weights[i];
      if (turns[i] < least || turns[i] > most) {
        return absl::InternalError(absl::StrCat("priority ", i, " had ", turns[i], " turns"));
      }
    }
    return absl::OkStatus();
  });
  EXPECT_TRUE(passed.ok()) << passed;
}

// --- Tasks of one priority ---

// How both kinds share a worker that has thieves: ready_set_test.cc.
TEST(Fairness, AWorkerThatIsAloneGivesSharedAndLocalFloodsEquallyManyTurns) {
  const absl::Status passed = for_each_seed(1, kSeeds, [](uint64_t seed) {
    Fairness fairness(seed, 1);
    std::deque<uint64_t> turns;  // of each task
    fairness.run_on_each_worker([&](size_t) -> Task<void> {
      const auto count = [](uint64_t& own) { return [&own] { ++own; }; };
      for (size_t i = fairness.some(1, 20); i > 0; --i) {
        EXPECT_TRUE(spawn_detached(fairness.flood(count(turns.emplace_back()))).ok());
      }
      for (size_t i = fairness.some(1, 20); i > 0; --i) {
        EXPECT_TRUE(spawn_local_detached(fairness.flood(count(turns.emplace_back()))).ok());
      }
      while (turns.front() < 100) co_await task::yield();
      fairness.over();
    });
    const auto [least, most] = std::ranges::minmax(turns);
    // Those who had not had their turn when it was over see the end instead of it.
    return most - least <= 1 ? absl::OkStatus()
                             : absl::InternalError(absl::StrCat(least, " to ", most, " turns"));
  });
  EXPECT_TRUE(passed.ok()) << passed;
}

TEST(Fairness, WhatIsEquallyUrgentRunsInTheOrderInWhichItBecameReady) {
  const absl::Status passed = for_each_seed(1, kSeeds, [](uint64_t seed) {
    Fairness fairness(seed, 1);
    // More than the run queue holds: behind those, too, it is first in, first out.
    const size_t count = 1 + fairness->random(2 * internal::ReadySet::kPlaces);
    const bool local = fairness->random(2) == 0;
    std::vector<size_t> order;
    const auto note = [&](size_t i) -> Task<void> {
      for (int k = 0; k < 3; ++k) {
        order.push_back(i);
        co_await task::yield();
      }
    };
    fairness.run_on_each_worker([&](size_t) -> Task<void> {
      for (size_t i = 0; i < count; ++i) {
        EXPECT_TRUE((local ? spawn_local_detached(note(i)) : spawn_detached(note(i))).ok());
      }
      co_return;
    });
    for (size_t k = 0; k < order.size(); ++k) {
      if (order[k] != k % count) return absl::InternalError(absl::StrCat("turn ", k));
    }
    return absl::OkStatus();
  });
  EXPECT_TRUE(passed.ok()) << passed;
}

// --- Timers, and what comes from outside ---

TEST(Fairness, ASleeperWakesWithinAPollIntervalUnderAYieldStorm) {
  const absl::Status passed = for_each_seed(1, kSeeds, [](uint64_t seed) {
    const SchedulerOptions options = options_of(seed);
    Fairness fairness(seed, 1 + seed % 3, options);
    // When the sleeper of each worker is to wake, and that worker's first turn after that.
    struct Due {
      wait::Deadline until = wait::kNever;
      uint64_t first_turn = 0;
    };
    std::array<Due, 3> dues;
    uint64_t latest = 0;
    fairness.run_on_each_worker([&](size_t worker) -> Task<void> {
      fairness.floods(Priority::kNormal, 1, 5);
      fairness.floods(Priority::kLow, 0, 5);
      Due& due = dues[worker];
      const auto watch = [&fairness, &due] {
        if (due.first_turn == 0 && fairness.began() >= due.until) {
          due.first_turn = fairness.turns_here();
        }
      };
      EXPECT_TRUE(spawn_local_detached(fairness.flood(watch)).ok());
      const auto sleeper = [&]() -> Task<void> {
        for (int i = 0; i < 10; ++i) {
          due.first_turn = 0;
          due.until = fairness->now() + std::chrono::nanoseconds(fairness->random(200'000));
          EXPECT_TRUE((co_await task::sleep_until(due.until)).ok());
          EXPECT_GE(fairness->now(), due.until);
          if (due.first_turn != 0)
            latest = std::max(latest, fairness.turns_here() - due.first_turn);
        }
      };
      co_await *spawn_local(sleeper(), Priority::kHigh);
    });
    return at_most(latest, options.poll_interval, "a sleeper");
  });
  EXPECT_TRUE(passed.ok()) << passed;
}

TEST(Fairness, WhatIsPostedToABusyWorkerRunsWithinAPollInterval) {
  const absl::Status passed = for_each_seed(1, kSeeds, [](uint64_t seed) {
    const SchedulerOptions options = options_of(seed);
    Fairness fairness(seed, 2, options);
    uint64_t latest = 0;
    fairness.run_on_each_worker([&](size_t worker) -> Task<void> {
      fairness.floods(Priority::kLow, 1, 5);
      Worker& other = fairness->scheduler().worker(1 - worker);
      const auto visit = [&](uint64_t posted) -> Task<void> {
        latest = std::max(latest, fairness.turns_here() - posted);
        co_return;
      };
      for (int i = 0; i < 10; ++i) {
        co_await *task::spawn(other, visit(fairness.turns_of(1 - worker)));
      }
    });
    // Where Normal has had its turns of the round, Low gets its own first; and the main task may
    // lie before the visitor.
    return at_most(latest, options.poll_interval + options.weights.low + 2, "a visitor");
  });
  EXPECT_TRUE(passed.ok()) << passed;
}

// --- Budgets ---

TEST(Fairness, ATaskThatNeverHasToWaitLetsOthersRunAllTheSame) {
  const absl::Status passed = for_each_seed(1, kSeeds, [](uint64_t seed) {
    Fairness fairness(seed, 1 + seed % 3);
    uint64_t joined = 0;
    fairness.run_on_each_worker([&](size_t worker) -> Task<void> {
      if (worker != 0) co_return;
      const auto nothing = []() -> Task<void> { co_return; };
      std::vector<LocalJoinHandle<void>> ended;
      for (int i = 0; i < 1000; ++i) ended.push_back(*spawn_local(nothing()));
      for (int i = 0; i < 3; ++i) co_await task::yield();
      bool other_ran = false;
      const auto other = [&]() -> Task<void> {
        other_ran = true;
        co_return;
      };
      LocalJoinHandle<void> last = *spawn_local(other());
      while (!other_ran) co_await std::move(ended[joined++]);
      co_await std::move(last);
    });
    return at_most(joined, task::WorkerContext::kBudget, "joins of what had ended");
  });
  EXPECT_TRUE(passed.ok()) << passed;
}

// --- Thieves ---

TEST(Fairness, AnIdleWorkerStealsWhatABusyOneHasSpawnedButForItsLocalTasks) {
  const absl::Status passed = for_each_seed(1, kSeeds, [](uint64_t seed) {
    Fairness fairness(seed, 2 + seed % 3);
    uint64_t elsewhere = 0;
    const auto shared = [&]() -> Task<void> {
      for (int i = 0; i < 10; ++i) {
        if (Fairness::here() != 0) ++elsewhere;
        co_await task::yield();
      }
    };
    const auto local = [&]() -> Task<void> {
      for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(Fairness::here(), 0u);
        co_await task::yield();
      }
    };
    fairness.run_on_each_worker([&](size_t worker) -> Task<void> {
      if (worker != 0) co_return;
      for (int i = 0; i < 20; ++i) {
        EXPECT_TRUE(spawn_detached(shared()).ok());
        EXPECT_TRUE(spawn_local_detached(local()).ok());
      }
    });
    const WorkerMetrics metrics = fairness->scheduler().metrics();
    if (elsewhere == 0 || metrics.stolen == 0) return absl::InternalError("nothing was stolen");
    return absl::OkStatus();
  });
  EXPECT_TRUE(passed.ok()) << passed;
}

TEST(Fairness, AThiefTakesTheMostUrgent) {
  const absl::Status passed = for_each_seed(1, kSeeds, [](uint64_t seed) {
    Fairness fairness(seed, 2);
    std::string stolen;
    const auto note = [&](char letter) -> Task<void> {
      if (Fairness::here() != 0) stolen += letter;
      co_return;
    };
    fairness.run_on_each_worker([&](size_t worker) -> Task<void> {
      if (worker != 0) co_return;
      for (int i = 0; i < 20; ++i) EXPECT_TRUE(spawn_detached(note('l'), Priority::kLow).ok());
      for (int i = 0; i < 20; ++i) EXPECT_TRUE(spawn_detached(note('h'), Priority::kHigh).ok());
    });
    return std::is_sorted(stolen.begin(), stolen.end()) ? absl::OkStatus()
                                                        : absl::InternalError(stolen);
  });
  EXPECT_TRUE(passed.ok()) << passed;
}

// --- Replay ---

// Some of everything, with what came out of it.
std::string mixture(uint64_t seed) {
  std::string trace;
  Fairness fairness(seed, 3);
  const auto note = [&](char letter) -> Task<void> {
    for (int i = 0; i < 3; ++i) {
      absl::StrAppend(&trace, std::string(1, letter), Fairness::here(), " ");
      EXPECT_TRUE(
          (co_await task::sleep_for(std::chrono::nanoseconds(fairness->random(3000)))).ok());
      co_await task::yield();
    }
  };
  fairness.run_on_each_worker([&](size_t worker) -> Task<void> {
    for (const Priority priority : task::kAllPriorities) {
      const char letter = static_cast<char>('a' + 3 * worker + static_cast<size_t>(priority));
      EXPECT_TRUE(spawn_detached(note(letter), priority).ok());
      EXPECT_TRUE(spawn_local_detached(note(letter), priority).ok());
    }
    co_return;
  });
  return absl::StrCat(trace, fairness->fingerprint(), " ", fairness->turns());
}

TEST(Fairness, TheSameSeedMakesTheSameChoices) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    const std::string first = mixture(seed);
    EXPECT_EQ(first, mixture(seed));
    EXPECT_NE(first, mixture(seed + 1));
  }
}

TEST(Fairness, TasksThatTurnForEverAreReportedHereToo) {
  Simulation simulation({.order = SimulatedOrder::kByPriority, .max_turns = 1000});
  const auto spin = []() -> Task<void> {
    for (;;) co_await task::yield();
  };
  EXPECT_THROW(simulation.run(spin()), Simulation::Livelock);
}

}  // namespace
}  // namespace annulet::sched
