#include "annulet/sched/internal/idle_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <random>

namespace annulet::sched::internal {
namespace {

// Workers that one thread plays all.
class Workers {
 public:
  static constexpr size_t kNumber = 70;  // more than a word has bits

  Workers() { idle_.reset(kNumber); }

  // A step of the worker, to which it is: it falls asleep, wakes up by itself or since it was
  // woken, or has done searching.
  void step(size_t worker) {
    State& state = states_[worker];
    switch (state) {
      case State::kAwake:
        idle_.announce(worker);
        state = State::kAsleep;
        break;
      case State::kAsleep:
        EXPECT_FALSE(idle_.retract(worker));
        state = State::kAwake;
        break;
      case State::kWoken:
        EXPECT_TRUE(idle_.retract(worker));
        state = State::kSearching;
        break;
      case State::kSearching:
        idle_.end_search();
        state = State::kAwake;
        break;
    }
  }

  void notify() {
    std::optional<size_t> woken;
    idle_.notify([&](size_t worker) { woken = worker; });
    const bool due = number(State::kAsleep) > 0 &&  //
                     number(State::kWoken) + number(State::kSearching) == 0;
    EXPECT_EQ(woken.has_value(), due);
    if (!woken.has_value()) return;
    EXPECT_EQ(states_[*woken], State::kAsleep);
    states_[*woken] = State::kWoken;
  }

  // Fault 3: whoever is not asleep does not count as a sleeper, for whatever reason it woke up.
  void check() const { EXPECT_EQ(idle_.sleepers(), number(State::kAsleep)); }

 private:
  enum class State { kAwake, kAsleep, kWoken, kSearching };

  size_t number(State state) const {
    return static_cast<size_t>(std::count(states_.begin(), states_.end(), state));
  }

  IdleSet idle_;
  std::array<State, kNumber> states_{};
};

TEST(IdleSet, CountsThoseWhoSleepAfterEveryStepAndWakesOneAtATime) {
  std::minstd_rand random(3);
  Workers workers;
  for (int step = 0; step < 20'000 && !testing::Test::HasFailure(); ++step) {
    // Now few of them, so that all sleep or none, now all.
    const size_t among = step / 1000 % 2 == 0 ? 3 : Workers::kNumber;
    if (random() % 3 == 0) {
      workers.notify();
    } else {
      workers.step(random() % among);
    }
    workers.check();
  }
}

}  // namespace
}  // namespace annulet::sched::internal
