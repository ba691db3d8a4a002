#include "annulet/task/task.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "annulet/task/block_on.h"
#include "annulet/task/this_task.h"
#include "annulet/task/unobserved.h"
#include "annulet/task/when_all.h"

namespace annulet::task {
namespace {

Task<int> give(int value) { co_return value; }

Task<void> fail(std::string message) {
  throw std::runtime_error(message);
  co_return;
}

TEST(Task, HandsItsResultToItsAwaiter) { EXPECT_EQ(block_on(give(42)), 42); }

TEST(Task, DoesNotStartBeforeItIsAwaited) {
  bool started = false;
  const auto start = [&]() -> Task<void> {
    started = true;
    co_return;
  };
  {
    Task<void> never = start();
  }
  EXPECT_FALSE(started);
  block_on(start());
  EXPECT_TRUE(started);
}

TEST(Task, CarriesAMoveOnlyResult) {
  const auto make = []() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(7); };
  EXPECT_EQ(*block_on(make()), 7);
}

TEST(Task, CarriesAnExceptionThroughSeveralAwaits) {
  const auto middle = []() -> Task<void> { co_await fail("deep"); };
  const auto outer = [&]() -> Task<std::string> {
    try {
      co_await middle();
    } catch (const std::runtime_error& e) {
      co_return e.what();
    }
    co_return "nothing";
  };
  EXPECT_EQ(block_on(outer()), "deep");
  EXPECT_THROW(block_on(middle()), std::runtime_error);
}

TEST(Task, DestroysItsArgumentsOnceWhetherItRanOrNot) {
  const auto shared = std::make_shared<int>(1);
  const auto hold = [](std::shared_ptr<int> p) -> Task<long> { co_return p.use_count(); };
  {
    Task<long> never = hold(shared);
  }
  EXPECT_EQ(shared.use_count(), 1);
  EXPECT_EQ(block_on(hold(shared)), 2);
  EXPECT_EQ(shared.use_count(), 1);
}

// Fault 43: neither a loop of awaits of finished children nor a deep chain may grow the stack.
TEST(Task, AMillionAwaitsInALoopDoNotGrowTheStack) {
  const auto loop = []() -> Task<int64_t> {
    int64_t sum = 0;
    for (int i = 0; i < 1'000'000; ++i) sum += co_await give(1);
    co_return sum;
  };
  EXPECT_EQ(block_on(loop()), 1'000'000);
}

Task<int> descend(int depth) {
  if (depth == 0) co_return 0;
  co_return 1 + co_await descend(depth - 1);
}

TEST(Task, AChainAMillionDeepDoesNotGrowTheStack) {
  EXPECT_EQ(block_on(descend(1'000'000)), 1'000'000);
}

Task<void> descend_and_fail(int depth) {
  if (depth == 0) throw std::runtime_error("bottom");
  co_await descend_and_fail(depth - 1);
}

TEST(Task, AnExceptionClimbsAChainAThousandDeep) {
  EXPECT_THROW(block_on(descend_and_fail(1000)), std::runtime_error);
}

TEST(Task, ALoopOfYieldsDoesNotGrowTheStack) {
  const auto loop = []() -> Task<void> {
    for (int i = 0; i < 1'000'000; ++i) co_await yield();
  };
  block_on(loop());
}

TEST(FrameCache, ASteadyStateTakesNothingFromTheHeap) {
  block_on(give(1));
  const size_t before = internal::cached_frame_bytes();
  for (int i = 0; i < 1000; ++i) block_on(give(i));
  EXPECT_EQ(internal::cached_frame_bytes(), before);
}

TEST(FrameCache, KeepsABoundedAmountPerThread) {
  block_on(descend(100'000));
  EXPECT_LE(internal::cached_frame_bytes(), internal::kMaxBytes);
  EXPECT_LE(internal::cached_frame_bytes(),
            4 * internal::kMaxBytesPerClass);  // few classes are in use
}

TEST(FrameCache, ServesEverySizeAndAFrameMayBeFreedOnAnotherThread) {
  for (size_t bytes = 1; bytes < 3000; bytes += 7) {
    void* frame = internal::allocate_frame(bytes);
    std::fill_n(static_cast<unsigned char*>(frame), bytes, 0xA5);
    if (bytes % 2 == 0) {
      internal::free_frame(frame, bytes);
    } else {
      std::thread([=] { internal::free_frame(frame, bytes); }).join();
    }
  }
}

TEST(WhenAll, GivesResultsInTheOrderOfItsArguments) {
  const auto late = []() -> Task<std::string> {
    for (int i = 0; i < 3; ++i) co_await yield();
    co_return "late";
  };
  const auto outer = [&]() -> Task<std::string> {
    std::tuple<std::string, int, std::monostate> all =
        co_await when_all(late(), give(5), Task<void>([]() -> Task<void> { co_return; }()));
    co_return std::get<0>(all) + std::to_string(std::get<1>(all));
  };
  EXPECT_EQ(block_on(outer()), "late5");
}

TEST(WhenAll, RunsItsTasksBesideEachOther) {
  const auto outer = []() -> Task<std::string> {
    std::string order;
    const auto step = [&order](char name) -> Task<void> {
      for (int i = 0; i < 2; ++i) {
        order += name;
        co_await yield();
      }
    };
    co_await when_all(step('a'), step('b'));
    co_return order;
  };
  EXPECT_EQ(block_on(outer()), "abab");
}

TEST(WhenAll, AwaitsManyAndNone) {
  const auto outer = [](int count) -> Task<int> {
    std::vector<Task<int>> tasks;
    for (int i = 0; i < count; ++i) tasks.push_back(give(i));
    int sum = 0;
    const std::vector<int> results = co_await when_all(std::move(tasks));
    for (int result : results) sum += result;
    co_return sum;
  };
  EXPECT_EQ(block_on(outer(0)), 0);
  EXPECT_EQ(block_on(outer(1000)), 499500);
}

TEST(WhenAll, RethrowsTheFirstFailureAfterAllHaveEnded) {
  const auto outer = []() -> Task<std::string> {
    bool ended = false;
    const auto slow = [&ended]() -> Task<void> {
      for (int i = 0; i < 10; ++i) co_await yield();
      ended = true;
    };
    std::string caught;
    try {
      co_await when_all(slow(), fail("second"), fail("third"));
    } catch (const std::runtime_error& e) {
      caught = e.what();
    }
    co_return caught + (ended ? " ended" : " running");
  };
  EXPECT_EQ(block_on(outer()), "second ended");
}

TEST(WhenAll, ReportsTheFailuresThatItDoesNotRethrow) {
  static std::vector<std::string> reports;
  const UnobservedHandler former =
      set_unobserved_handler(+[](const UnobservedFailure& failure) noexcept {
        reports.push_back(internal::describe(failure.exception));
      });
  const uint64_t before = unobserved_failures();
  const auto both_forms = []() -> Task<void> {
    try {
      co_await when_all(give(1), fail("first"), fail("second"), give(2), fail("third"));
    } catch (const std::runtime_error& e) {
      EXPECT_STREQ(e.what(), "first");
    }
    std::vector<Task<void>> tasks;
    for (const char* message : {"fourth", "fifth"}) tasks.push_back(fail(message));
    try {
      co_await when_all(std::move(tasks));
    } catch (const std::runtime_error& e) {
      EXPECT_STREQ(e.what(), "fourth");
    }
  };
  block_on(both_forms());
  set_unobserved_handler(former);
  std::sort(reports.begin(), reports.end());
  EXPECT_EQ(reports, (std::vector<std::string>{"fifth", "second", "third"}));
  EXPECT_EQ(unobserved_failures() - before, 3u);
}

}  // namespace
}  // namespace annulet::task
