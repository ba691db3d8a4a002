// How often tasks go to the heap. Counts every operator new of this program.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

#include "annulet/task/block_on.h"
#include "annulet/task/spawn.h"
#include "annulet/task/this_task.h"

namespace {
std::atomic<int> g_allocations{0};
}  // namespace

void* operator new(std::size_t bytes) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace annulet::task {
namespace {

Task<int> give(int value) { co_return value; }

// Runs `function` once to fill the caches, then `times` more; how many allocations those made.
template <class Function>
int allocations_of(int times, Function function) {
  const auto count = [&]() -> Task<int> {
    co_await function();
    const int before = g_allocations.load(std::memory_order_relaxed);
    for (int i = 0; i < times; ++i) co_await function();
    co_return g_allocations.load(std::memory_order_relaxed) - before;
  };
  return block_on(count());
}

// Where nothing is kept for later, as under AddressSanitizer, each frame is one allocation.
bool frames_are_kept() {
  internal::free_frame(internal::allocate_frame(64), 64);
  return internal::cached_frame_bytes() > 0;
}

TEST(Allocations, ASpawnTakesItsFrameAndNothingElse) {
  const auto spawn_and_join = []() -> Task<void> {
    const int result = co_await *spawn_here(give(1));
    EXPECT_EQ(result, 1);
  };
  // One frame of spawn_and_join, one of give.
  EXPECT_EQ(allocations_of(100, spawn_and_join), frames_are_kept() ? 0 : 200);
}

TEST(Allocations, ASleepTakesNothing) {
  const auto sleep = []() -> Task<void> {
    const absl::Status slept = co_await sleep_for(std::chrono::microseconds(1));
    EXPECT_TRUE(slept.ok());
  };
  EXPECT_EQ(allocations_of(100, sleep), frames_are_kept() ? 0 : 100);
}

}  // namespace
}  // namespace annulet::task
