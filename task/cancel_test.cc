#include "annulet/task/cancel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "annulet/task/block_on.h"
#include "annulet/task/this_task.h"
#include "annulet/task/when_all.h"

namespace annulet::task {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;

Task<absl::Status> sleep_long() { co_return co_await sleep_for(hours(1)); }

TEST(Cancel, IsALevelThatStays) {
  CancelSource source;
  const CancelToken token = source.token();
  EXPECT_FALSE(token.cancelled());
  EXPECT_TRUE(source.cancel());
  EXPECT_FALSE(source.cancel()) << "only the first call makes the request";
  EXPECT_TRUE(token.cancelled());
}

TEST(Cancel, ATokenWithoutASourceIsNeverCancelled) {
  EXPECT_FALSE(CancelToken().cancelled());
  EXPECT_FALSE(CancelToken().can_be_cancelled());
}

TEST(Cancel, AChildFollowsItsParentButNotTheReverse) {
  CancelSource parent;
  CancelSource child(parent.token());
  CancelSource other(parent.token());
  child.cancel();
  EXPECT_FALSE(parent.token().cancelled());
  EXPECT_FALSE(other.token().cancelled());
  parent.cancel();
  EXPECT_TRUE(other.token().cancelled());
  EXPECT_TRUE(CancelSource(parent.token()).token().cancelled()) << "also one made later";
}

TEST(Cancel, AChildThatIsGoneIsNotTouched) {
  CancelSource parent;
  {
    CancelSource child(parent.token());
  }
  EXPECT_TRUE(parent.cancel());
}

TEST(Cancel, EndsASleepOfTheSameThread) {
  const auto outer = []() -> Task<absl::Status> {
    CancelSource source;
    const auto later = [&]() -> Task<void> {
      co_await yield();
      source.cancel();
    };
    auto [slept, nothing] = co_await when_all(with_cancel(source.token(), sleep_long()), later());
    co_return slept;
  };
  EXPECT_EQ(block_on(outer()).code(), absl::StatusCode::kCancelled);
}

TEST(Cancel, EndsASleepFromAnotherThread) {
  CancelSource source;
  std::thread canceller([&] {
    std::this_thread::sleep_for(milliseconds(5));
    source.cancel();
  });
  EXPECT_EQ(block_on(with_cancel(source.token(), sleep_long())).code(),
            absl::StatusCode::kCancelled);
  canceller.join();
}

TEST(Cancel, OneThatCameEarlierEndsTheNextWaitAtOnce) {
  CancelSource source;
  source.cancel();
  EXPECT_EQ(block_on(with_cancel(source.token(), sleep_long())).code(),
            absl::StatusCode::kCancelled);
}

TEST(Cancel, ReachesTheWaitsOfAwaitedChildren) {
  CancelSource source;
  std::atomic<bool> looked{false};
  const auto middle = [&looked]() -> Task<bool> {
    const bool before = co_await cancel_requested();
    looked.store(true);
    const absl::Status slept = co_await sleep_long();
    co_return !before && absl::IsCancelled(slept) && co_await cancel_requested();
  };
  std::thread canceller([&] {
    while (!looked.load()) std::this_thread::yield();
    source.cancel();
  });
  EXPECT_TRUE(block_on(with_cancel(source.token(), middle())));
  canceller.join();
}

// What the canceller wakes may end before cancel() does, and the owner of the source with it. The
// hook does what another worker may do at that moment.
TEST(Cancel, MayEndTheOwnerOfItsSource) {
  struct Owner : internal::CancelHook {
    Owner() : CancelHook(&die) { EXPECT_TRUE(source->token().state()->attach(this)); }
    static void die(internal::CancelHook* hook) noexcept {
      static_cast<Owner*>(hook)->source = nullptr;
    }
    std::unique_ptr<CancelSource> source = std::make_unique<CancelSource>();
  };
  Owner owner;
  EXPECT_TRUE(owner.source->cancel());
  EXPECT_EQ(owner.source, nullptr);
}

TEST(Cancel, MayEndATaskThatOwnsItsSource) {
  for (int round = 0; round < 1000; ++round) {
    std::atomic<CancelSource*> shared{nullptr};
    const auto own = [&]() -> Task<void> {
      CancelSource source;
      shared.store(&source);
      EXPECT_TRUE(absl::IsCancelled(co_await with_cancel(source.token(), sleep_long())));
    };
    std::thread canceller([&] {
      while (shared.load() == nullptr) wait::RealSync::pause();
      shared.load()->cancel();
    });
    block_on(own());
    canceller.join();
  }
}

// Fault 45: a timer and a cancel that meet end the wait exactly once.
TEST(Cancel, ATimerAndACancelThatMeetEndTheSleepOnce) {
  const auto sleep_briefly = []() -> Task<absl::Status> {
    co_return co_await sleep_for(microseconds(50));
  };
  for (int round = 0; round < 300; ++round) {
    CancelSource source;
    std::thread canceller([&] {
      const auto until = wait::Clock::now() + microseconds(40 + round % 40);
      while (wait::Clock::now() < until) wait::RealSync::pause();
      source.cancel();
    });
    const absl::Status slept = block_on(with_cancel(source.token(), sleep_briefly()));
    EXPECT_TRUE(slept.ok() || absl::IsCancelled(slept));
    canceller.join();
  }
}

}  // namespace
}  // namespace annulet::task
