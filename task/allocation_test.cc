// How often tasks go to the heap. Counts every operator new of this program.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <thread>
#include <utility>

#include "absl/base/config.h"
#include "annulet/task/block_on.h"
#include "annulet/task/spawn.h"
#include "annulet/task/this_task.h"
#include "annulet/task/when_all.h"

namespace {
std::atomic<int> g_allocations{0};
std::atomic<int> g_failing_one{-1};  // the allocation, counted from here, that fails; -1: none
}  // namespace

// ThreadSanitizer's runtime has operators of its own, which a program cannot replace.
#ifdef ABSL_HAVE_THREAD_SANITIZER
constexpr bool kCounts = false;
#else
constexpr bool kCounts = true;
void* operator new(std::size_t bytes) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  if (g_failing_one.load() >= 0 && g_failing_one.fetch_sub(1) == 0) throw std::bad_alloc();
  if (void* memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif

namespace annulet::task {
namespace {

class Allocations : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!kCounts) GTEST_SKIP() << "operator new cannot be replaced here";
  }
};

Task<int> give(int value) { co_return value; }

// How many allocations `times` runs of `function` make once the caches are filled.
template <class Function>
int allocations_of(int times, Function function) {
  const auto count = [&]() -> Task<int> {
    int before = 0;
    // Twice the same loop: compilers elide the frame of one call and not of another.
    for (int i = 0; i < 2 * times; ++i) {
      if (i == times) before = g_allocations.load(std::memory_order_relaxed);
      co_await function();
    }
    co_return g_allocations.load(std::memory_order_relaxed) - before;
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
      g_failing_one.store(failing);
      try {
        EXPECT_EQ(block_on(work()), 1);
      } catch (const std::bad_alloc&) {
        failed = true;
      }
      reached = g_failing_one.exchange(-1) < 0;
    }).join();
    EXPECT_EQ(failed, reached) << failing;
  }
  // Under AddressSanitizer each frame is tried, too.
  EXPECT_GT(failing, frames_are_kept() ? 1 : 5) << "several places that allocate were tried";
}

}  // namespace
}  // namespace annulet::task
