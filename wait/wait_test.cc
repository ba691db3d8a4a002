#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <thread>
#include <vector>

#include "annulet/wait/backoff.h"
#include "annulet/wait/cache_line.h"
#include "annulet/wait/deadline.h"
#include "annulet/wait/event_count.h"
#include "annulet/wait/thread_parker.h"

namespace annulet::wait {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

Deadline soon() { return Clock::now() + milliseconds(5); }

TEST(Deadline, ANegativeDelayCountsAsNone) {
  EXPECT_EQ(deadline_after(Deadline(hours(1)), milliseconds(-5)), Deadline(hours(1)));
}

TEST(Deadline, AnUnrepresentableDelayMeansNever) {
  const Deadline now = Clock::now();
  EXPECT_EQ(deadline_after(now, nanoseconds::max()), kNever);
  EXPECT_EQ(deadline_after(now, hours::max()), kNever);
  EXPECT_EQ(deadline_after(now, std::chrono::duration<double>(1e300)), kNever);
}

TEST(Deadline, AFractionIsRoundedUpSoThatItNeverFiresEarly) {
  EXPECT_EQ(deadline_after(Deadline(), std::chrono::duration<double, std::nano>(1.5)),
            Deadline(nanoseconds(2)));
}

TEST(Deadline, TheTimeLeftIsNeverNegative) {
  const Deadline now(std::chrono::seconds(5));
  EXPECT_EQ(time_left(now, Deadline::min()).tv_sec, 0);
  EXPECT_EQ(time_left(now, Deadline::min()).tv_nsec, 0);
  const timespec left = time_left(now, now + milliseconds(1500));
  EXPECT_EQ(left.tv_sec, 1);
  EXPECT_EQ(left.tv_nsec, 500'000'000);
}

TEST(ThreadParker, AnUnparkBeforeTheParkIsNotLost) {
  ThreadParker parker;
  parker.unpark();
  parker.park(kNever);  // would hang
}

TEST(ThreadParker, SeveralUnparksLeaveOneToken) {
  ThreadParker parker;
  parker.unpark();
  parker.unpark();
  parker.park(kNever);
  const Deadline until = soon();
  while (Clock::now() < until) parker.park(until);  // sleeps: no token is left, and time passes
  EXPECT_GE(Clock::now(), until);
}

TEST(ThreadParker, ReturnsAtOnceFromADeadlineInThePast) {
  ThreadParker parker;
  parker.park(Deadline());
  parker.park(Deadline::min());
}

TEST(ThreadParker, HandsOverWhatTheWakerWroteBefore) {
  constexpr int kRounds = 2000;
  ThreadParker parkers[2];
  int shared = 0;  // plain on purpose: the tokens alone order it
  std::atomic<int> turn{0};
  const auto play = [&](int self) {
    for (int round = 0; round < kRounds; ++round) {
      while (turn.load(std::memory_order_relaxed) % 2 != self) parkers[self].park(kNever);
      parkers[self].poll();
      turn.load(std::memory_order_acquire);
      ++shared;
      turn.fetch_add(1, std::memory_order_release);
      parkers[1 - self].unpark();
    }
  };
  std::thread other(play, 1);
  play(0);
  other.join();
  EXPECT_EQ(shared, 2 * kRounds);
}

constinit EventCount g_event_count;  // may be used before main()

template <class T>
class EventCounts : public ::testing::Test {};
using Kinds = ::testing::Types<EventCount, AsymmetricEventCount>;
TYPED_TEST_SUITE(EventCounts, Kinds);

TYPED_TEST(EventCounts, ANotifyBetweenPrepareAndCommitIsNotLost) {
  TypeParam event_count;
  ThreadParker parker;
  const typename TypeParam::Key key = event_count.prepare_wait();
  event_count.notify();
  EXPECT_TRUE(event_count.commit_wait(key, parker));  // would hang
}

TYPED_TEST(EventCounts, SaysThatTimeRanOut) {
  TypeParam event_count;
  ThreadParker parker;
  EXPECT_FALSE(event_count.commit_wait(event_count.prepare_wait(), parker, soon()));
}

TYPED_TEST(EventCounts, ACancelledWaiterIsNotWaitedForAndNotWoken) {
  TypeParam event_count;
  ThreadParker parker;
  (void)event_count.prepare_wait();
  event_count.cancel_wait();
  event_count.notify_all();
  EXPECT_FALSE(event_count.commit_wait(event_count.prepare_wait(), parker, soon()));
}

TYPED_TEST(EventCounts, WakesAsManyAsAskedFor) {
  constexpr int kThreads = 4;
  TypeParam event_count;
  std::atomic<int> asleep{0};
  std::atomic<int> woken{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      ThreadParker parker;
      const typename TypeParam::Key key = event_count.prepare_wait();
      asleep.fetch_add(1);
      if (event_count.commit_wait(key, parker)) woken.fetch_add(1);
    });
  }
  while (asleep.load() < kThreads) std::this_thread::yield();
  event_count.notify_all();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(woken.load(), kThreads);
}

// Fault 1: publish against park. Each item is announced once; a lost wake-up would hang the
// consumer.
TYPED_TEST(EventCounts, NoWakeUpIsLostBetweenAProducerAndASleepingConsumer) {
  constexpr int64_t kItems = 20000;
  TypeParam event_count;
  std::atomic<int64_t> published{0};
  std::thread consumer([&] {
    ThreadParker parker;
    for (int64_t seen = 0; seen < kItems;) {
      const typename TypeParam::Key key = event_count.prepare_wait();
      const int64_t now = published.load(std::memory_order_acquire);
      if (now > seen) {
        event_count.cancel_wait();
        seen = now;
      } else {
        event_count.commit_wait(key, parker);
      }
    }
  });
  for (int64_t i = 1; i <= kItems; ++i) {
    published.store(i, std::memory_order_release);
    event_count.notify();
    if (i % 64 == 0) std::this_thread::yield();
  }
  consumer.join();
  EXPECT_EQ(published.load(), kItems);
}

TEST(EventCount, IsThereBeforeAnyConstructorRuns) {
  g_event_count.notify_all();
  (void)g_event_count.prepare_wait();
  g_event_count.cancel_wait();
}

TEST(Backoff, SpinsFirstThenYieldsThenIsExhausted) {
  Backoff<> backoff;
  for (int i = 0; i < 100; ++i) backoff.spin();
  EXPECT_FALSE(backoff.exhausted());
  for (int i = 0; i < 100; ++i) backoff.snooze();
  EXPECT_TRUE(backoff.exhausted());
  backoff.reset();
  EXPECT_FALSE(backoff.exhausted());
}

TEST(CacheLine, KeepsTwoCountersApart) {
  struct Counters {
    alignas(kCacheLine) int first;
    alignas(kCacheLine) int second;
  };
  EXPECT_GE(sizeof(Counters), 2 * kCacheLine);
}

}  // namespace
}  // namespace annulet::wait
