// How often tasks go to the heap.
#include <gtest/gtest.h>

#include <chrono>
#include <new>
#include <thread>
#include <utility>

#include "annulet/task/block_on.h"
#include "annulet/task/spawn.h"
#include "annulet/task/this_task.h"
#include "annulet/task/when_all.h"
#include "annulet/testing/allocations.h"

namespace annulet::task {
namespace {

using Allocations = faults::AllocationTest;

Task<int> give(int value) { co_return value; }

// How many allocations `times` runs of `function` make once the caches are filled.
template <class Function>
int allocations_of(int times, Function function) {
  const auto count = [&]() -> Task<int> {
    int before = 0;
    // Twice the same loop: compilers elide the frame of one call and not of another.
    for (int i = 0; i < 2 * times; ++i) {
      if (i == times) before = faults::allocations();
      co_await function();
    }
    co_return faults::allocations() - before;
  };
  return block_on(count());
}

// Where nothing is kept for later, as under AddressSanitizer, each frame is one allocation, unless
// the compiler saw that the frame need not exist.
bool frames_are_kept() {
  internal::free_frame(internal::allocate_frame(64), 64);
  return internal::cached_frame_bytes() > 0;
}

TEST_F(Allocations, ASpawnTakesItsFrameAndNothingElse) {
  const auto spawn_and_join = []() -> Task<void> {
    const int result = co_await *spawn_here(give(1));
    EXPECT_EQ(result, 1);
  };
  // One frame of spawn_and_join, one of give.
  EXPECT_LE(allocations_of(100, spawn_and_join), frames_are_kept() ? 0 : 200);
}

TEST_F(Allocations, ASleepTakesNothing) {
  const auto sleep = []() -> Task<void> {
    const absl::Status slept = co_await sleep_for(std::chrono::microseconds(1));
    EXPECT_TRUE(slept.ok());
  };
  EXPECT_LE(allocations_of(100, sleep), frames_are_kept() ? 0 : 100);
}

// Fault 42: whichever allocation fails, its std::bad_alloc reaches the caller, and nothing leaks or
// hangs.
TEST_F(Allocations, TheFailureOfAnyOneIsAnExceptionAndNothingWorse) {
  const auto nap = []() -> Task<void> { (void)co_await sleep_for(std::chrono::microseconds(1)); };
  const auto work = [&]() -> Task<int> {
    CancelSource source;
    co_await with_cancel(source.token(), nap());
    co_await when_all(nap(), nap());
    JoinHandle<int> handle = *spawn_here(give(1));
    co_return co_await std::move(handle);
  };
  int failing = 0;
  for (bool reached = true; reached; ++failing) {
    bool failed = false;
    // On a thread of its own, whose cache of frames is empty.
    std::thread([&] {
      const faults::AllocationsFail fail(failing);
      try {
        EXPECT_EQ(block_on(work()), 1);
      } catch (const std::bad_alloc&) {
        failed = true;
      }
      reached = fail.any();
    }).join();
    EXPECT_EQ(failed, reached) << failing;
  }
  // Under AddressSanitizer each frame is tried, too.
  EXPECT_GT(failing, frames_are_kept() ? 1 : 5) << "several places that allocate were tried";
}

}  // namespace
}  // namespace annulet::task
