// The asymmetric fences, also where the kernel refuses membarrier(2). Each death test is a process
// of its own, since a process asks the kernel once.
#include <gtest/gtest.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <thread>

#include "annulet/testing/deny_syscalls.h"
#include "annulet/wait/event_count.h"
#include "annulet/wait/sync.h"
#include "annulet/wait/thread_parker.h"

namespace annulet::wait {
namespace {

// Two threads store and then look at what the other one stored, one behind a light fence and one
// behind a heavy one. How often both missed it.
int both_missed(int rounds) {
  RealSync::prepare_asymmetric_fences();
  std::atomic<int> round{0};
  std::atomic<int> ready{0};
  std::atomic<int> stored[2] = {0, 0};
  int seen[2] = {0, 0};
  int missed = 0;
  const auto play = [&](int self, auto fence) {
    for (int i = 1; i <= rounds; ++i) {
      while (round.load() < i) RealSync::yield();
      stored[self].store(i, std::memory_order_relaxed);
      fence();
      seen[self] = stored[1 - self].load(std::memory_order_relaxed);
      ready.fetch_add(1);
    }
  };
  std::thread light(play, 0, [] { RealSync::fence_light(); });
  std::thread heavy(play, 1, [] { RealSync::fence_heavy(); });
  for (int i = 1; i <= rounds; ++i) {
    round.store(i);
    while (ready.load() < 2 * i) RealSync::yield();
    if (seen[0] != i && seen[1] != i) ++missed;
  }
  light.join();
  heavy.join();
  return missed;
}

// A consumer that sleeps on every item. A lost wake-up would hang it.
void produce_and_consume() {
  constexpr int64_t kItems = 500;
  AsymmetricEventCount event_count;
  std::atomic<int64_t> published{0};
  std::atomic<int64_t> consumed{0};
  std::thread consumer([&] {
    ThreadParker parker;
    while (consumed.load() < kItems) {
      const auto key = event_count.prepare_wait();
      if (const int64_t now = published.load(std::memory_order_acquire); now > consumed.load()) {
        event_count.cancel_wait();
        consumed.store(now);
      } else {
        event_count.commit_wait(key, parker);
      }
    }
  });
  for (int64_t i = 1; i <= kItems; ++i) {
    published.store(i, std::memory_order_release);
    event_count.notify();
    while (consumed.load() < i) RealSync::yield();
  }
  consumer.join();
}

// What the fences promise is for the model checker to prove; a machine shows little of it.
TEST(AsymmetricFence, WasNeverSeenToLetBothSidesMissWhatTheOtherStored) {
  EXPECT_EQ(both_missed(5000), 0);
}

bool membarrier(int command) { return syscall(SYS_membarrier, command, 0, 0) == 0; }

bool kernel_has_membarrier() {
  return (syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0) & MEMBARRIER_CMD_PRIVATE_EXPEDITED) !=
         0;
}

class AsymmetricFenceDeathTest : public ::testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(AsymmetricFenceDeathTest, RegistersForMembarrierWhenItIsPrepared) {
  if (!kernel_has_membarrier()) GTEST_SKIP() << "no membarrier(2) here";
  EXPECT_EXIT(
      {
        const bool before = membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
        const AsymmetricEventCount event_count;
        const bool after = membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
        std::exit(!before && after ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST_F(AsymmetricFenceDeathTest, IsAFullFenceOnBothSidesWhereMembarrierIsRefused) {
  EXPECT_EXIT(
      {
        faults::deny_syscalls({SYS_membarrier}, EPERM);
        const int missed = both_missed(5000);
        produce_and_consume();
        std::exit(missed == 0 ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST_F(AsymmetricFenceDeathTest, EndsTheProcessWhenMembarrierIsRefusedLater) {
  if (!kernel_has_membarrier()) GTEST_SKIP() << "no membarrier(2) here";
  EXPECT_DEATH(
      {
        RealSync::prepare_asymmetric_fences();
        faults::deny_syscalls({SYS_membarrier}, EPERM);
        RealSync::fence_heavy();
      },
      "membarrier.2., allowed at first, fails now.*Operation not permitted");
}

TEST_F(AsymmetricFenceDeathTest, WorksInAChildProcess) {
  EXPECT_EXIT(
      {
        RealSync::prepare_asymmetric_fences();
        if (fork() == 0) {
          RealSync::fence_heavy();
          _exit(0);
        }
        int status = -1;
        ::wait(&status);
        std::exit(status);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace annulet::wait
