#include "annulet/wait/strategy.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <thread>

namespace annulet::wait {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

using SpinThenYield = PhasedWait<PauseWait, YieldWait>;
using SpinThenBlock = PhasedWait<PauseWait, BlockWait>;
using SpinThenYieldThenBlock = PhasedWait<PauseWait, PhasedWait<YieldWait, BlockWait>>;

static_assert(WaitStrategy<BusySpinWait> && WaitStrategy<BlockWait> && WaitStrategy<SpinThenBlock>);

template <class T>
class WaitStrategies : public ::testing::Test {};
using Strategies =
    ::testing::Types<BusySpinWait, PauseWait, YieldWait, SleepWait, BlockWait, TimedBlockWait,
                     SpinThenYield, SpinThenBlock, SpinThenYieldThenBlock>;
TYPED_TEST_SUITE(WaitStrategies, Strategies);

TYPED_TEST(WaitStrategies, LookOnceAtWhatIsTrueAlready) {
  Bell bell;
  TypeParam strategy;
  int looks = 0;
  const auto ready = [&] { return ++looks > 0; };
  EXPECT_TRUE(strategy.wait(ready, bell, Deadline()));
  EXPECT_EQ(looks, 1);
}

TYPED_TEST(WaitStrategies, GiveUpAtTheirDeadlineAndNotBefore) {
  Bell bell;
  TypeParam strategy;
  const Deadline until = Clock::now() + milliseconds(5);
  EXPECT_FALSE(strategy.wait([] { return false; }, bell, until));
  EXPECT_GE(Clock::now(), until);
}

TYPED_TEST(WaitStrategies, GiveUpSoonForADeadlineInThePast) {
  Bell bell;
  TypeParam strategy;
  int looks = 0;
  EXPECT_FALSE(strategy.wait([&] { return ++looks < 0; }, bell, Deadline()));
  EXPECT_LE(looks, 300);
}

// A waiter that is forgotten would make each notify() raise the key.
Bell::Key key_of(Bell& bell) {
  const Bell::Key key = bell.prepare_wait();
  bell.cancel_wait();
  return key;
}

TYPED_TEST(WaitStrategies, LeaveTheBellAsItWasWhenALookThrows) {
  Bell bell;
  TypeParam strategy;
  for (const int throwing : {1, 2}) {
    int looks = 0;
    const auto ready = [&]() -> bool {
      if (++looks == throwing) throw std::runtime_error("a look");
      return false;
    };
    const Bell::Key before = key_of(bell);
    EXPECT_THROW(strategy.wait(ready, bell, kNever), std::runtime_error);
    bell.notify_all();
    EXPECT_EQ(key_of(bell), before);
  }
}

TYPED_TEST(WaitStrategies, PassATurnToAndFro) {
  constexpr int kRounds = 500;
  Bell bell;
  std::atomic<int> turn{0};
  const auto play = [&](int self) {
    TypeParam strategy;
    for (int i = 0; i < kRounds; ++i) {
      const auto is_mine = [&] { return turn.load(std::memory_order_acquire) == 2 * i + self; };
      EXPECT_TRUE(strategy.wait(is_mine, bell, kNever));
      turn.fetch_add(1, std::memory_order_release);
      bell.notify_all();
    }
  };
  std::thread other(play, 1);
  play(0);
  other.join();
  EXPECT_EQ(turn.load(), 2 * kRounds);
}

// The waiter chose one strategy, another waiter of the same thing may choose another.
TYPED_TEST(WaitStrategies, ShareABellWithThoseWhoBlock) {
  Bell bell;
  std::atomic<bool> done{false};
  const auto is_done = [&] { return done.load(std::memory_order_acquire); };
  std::thread one([&] { EXPECT_TRUE(TypeParam().wait(is_done, bell, kNever)); });
  std::thread other([&] { EXPECT_TRUE(BlockWait().wait(is_done, bell, kNever)); });
  std::this_thread::sleep_for(milliseconds(1));
  done.store(true, std::memory_order_release);
  bell.notify_all();
  one.join();
  other.join();
}

template <class Strategy>
bool sees_a_change_without_the_bell(Strategy strategy) {
  Bell bell;
  std::atomic<bool> done{false};
  std::thread changer([&] {
    std::this_thread::sleep_for(milliseconds(1));
    done.store(true, std::memory_order_release);
  });
  const bool seen =
      strategy.wait([&] { return done.load(std::memory_order_acquire); }, bell, kNever);
  changer.join();
  return seen;
}

TEST(TimedBlockWait, SeesAChangeWithoutTheBell) {
  EXPECT_TRUE(sees_a_change_without_the_bell(TimedBlockWait(microseconds(100))));
}

TEST(SleepWait, SeesAChangeWithoutTheBell) {
  EXPECT_TRUE(sees_a_change_without_the_bell(SleepWait()));
}

}  // namespace
}  // namespace annulet::wait
