// How often blocking calls go to the heap. Counts every operator new of this program.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <new>

#include "absl/base/config.h"
#include "annulet/sched/engine.h"
#include "annulet/sched/run_blocking.h"
#include "annulet/task/cancel.h"
#include "annulet/task/this_task.h"

namespace {
std::atomic<int> g_allocations{0};
}  // namespace

// ThreadSanitizer's runtime has operators of its own, which a program cannot replace.
#ifdef ABSL_HAVE_THREAD_SANITIZER
constexpr bool kCounts = false;
#else
constexpr bool kCounts = true;
void* operator new(std::size_t bytes) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif

namespace annulet::sched {
namespace {

TEST(BlockingAllocations, ACallTakesNothingAlsoUnderAToken) {
  if (!kCounts) GTEST_SKIP() << "operator new cannot be replaced here";
  const auto engine = *Engine::create(
      {.workers = 1, .blocking = {.max_threads = 1, .keep_alive = std::chrono::hours(1)}});
  const auto calls = []() -> task::Task<int> {
    int before = 0;
    for (int i = 0; i < 200; ++i) {
      if (i == 100) before = g_allocations.load(std::memory_order_relaxed);
      const absl::StatusOr<int> same = co_await run_blocking([i] { return i; });
      EXPECT_EQ(*same, i);
    }
    co_return g_allocations.load(std::memory_order_relaxed) - before;
  };
  EXPECT_EQ(engine->block_on(calls()), 0);
  task::CancelSource source;
  EXPECT_EQ(engine->block_on(task::with_cancel(source.token(), calls())), 0);
}

}  // namespace
}  // namespace annulet::sched
