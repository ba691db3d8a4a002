#include "annulet/sched/fork_join.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <variant>

#include "annulet/sched/testing/fork_join_crew.h"
#include "annulet/task/unobserved.h"

namespace annulet::sched {
namespace {

using std::chrono::milliseconds;

uint64_t fib(unsigned n) {
  if (n < 2) return n;
  const auto [a, b] = fork_join([=] { return fib(n - 1); }, [=] { return fib(n - 2); });
  return a + b;
}

int fail(const char* what) { throw std::runtime_error(what); }

// What the exception says that the function throws.
template <class Function>
std::string error_of(Function&& function) {
  try {
    function();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "none";
}

TEST(ForkJoin, ReturnsWhatBothFunctionsReturn) {
  const auto values = fork_join([] { return 1; }, [] { return std::string("two"); });
  EXPECT_EQ(values, std::pair(1, std::string("two")));
  const auto one = fork_join([] {}, [] { return 2; });
  EXPECT_EQ(one, std::pair(std::monostate(), 2));
  static_assert(std::is_void_v<decltype(fork_join([] {}, [] {}))>);
}

TEST(ForkJoin, RunsInPlaceOnAThreadWithoutASlot) {
  std::string order;
  fork_join([&] { order += 'a'; }, [&] { order += 'b'; });
  EXPECT_EQ(order, "ab");
  EXPECT_EQ(fib(15), 610u);
}

TEST(ForkJoin, RunsInPlaceOnTheOnlyThread) {
  ForkJoinCrew crew(1);
  std::string order;
  crew.run([&] { fork_join([&] { order += 'a'; }, [&] { order += 'b'; }); });
  EXPECT_EQ(order, "ab");
}

TEST(ForkJoin, ComputesTheSameOnAnyNumberOfThreads) {
  for (const size_t threads : {1, 2, 3, 4}) {
    // Impatient threads sleep, and must be woken, each time that nothing is public.
    for (const int patience : {0, 1000}) {
      ForkJoinCrew crew(threads, patience);
      for (int round = 0; round < 20; ++round) {
        EXPECT_EQ(crew.run([] { return fib(17); }), 1597u);
      }
    }
  }
}

TEST(ForkJoin, AnotherThreadRunsTheSecondFunctionMeanwhile) {
  ForkJoinCrew crew(2);
  crew.run([] {
    const auto [here, there] = fork_join_stolen([] { return std::this_thread::get_id(); },
                                                [] { return std::this_thread::get_id(); });
    EXPECT_EQ(here, std::this_thread::get_id());
    EXPECT_NE(there, here);
  });
}

TEST(ForkJoin, WakesAThreadThatSleeps) {
  ForkJoinCrew crew(2, /*patience=*/0);
  for (int round = 0; round < 3; ++round) {
    std::this_thread::sleep_for(milliseconds(5));
    crew.run([] { fork_join_stolen([] {}, [] {}); });
  }
}

TEST(ForkJoin, WaitsForAStolenFunctionThatTakesLong) {
  ForkJoinCrew crew(2);
  bool ended = false;
  crew.run([&] {
    fork_join_stolen([] {},
                     [&] {
                       std::this_thread::sleep_for(milliseconds(20));
                       ended = true;
                     });
    EXPECT_TRUE(ended);
  });
}

TEST(ForkJoin, GivesMoveOnlyResultsFromAnotherThread) {
  ForkJoinCrew crew(2);
  crew.run([] {
    const auto [first, second] = fork_join_stolen([] { return std::make_unique<int>(1); },
                                                  [] { return std::make_unique<int>(2); });
    EXPECT_EQ(*first, 1);
    EXPECT_EQ(*second, 2);
  });
}

TEST(ForkJoin, ThrowsTheExceptionOfTheFirstFunctionElseOfTheSecond) {
  const auto check = [](auto fork) {
    EXPECT_EQ(error_of([&] { fork([] { fail("a"); }, [] { fail("b"); }); }), "a");
    EXPECT_EQ(error_of([&] { fork([] {}, [] { fail("b"); }); }), "b");
    bool ended = false;
    EXPECT_EQ(error_of([&] { fork([] { fail("a"); }, [&] { ended = true; }); }), "a");
    EXPECT_TRUE(ended);
    EXPECT_EQ(error_of([&] { fork([&] { ended = false; }, [] { fail("b"); }); }), "b");
    EXPECT_FALSE(ended);
  };
  const auto plain = [](auto first, auto second) { fork_join(first, second); };
  check(plain);
  ForkJoinCrew crew(2);
  crew.run([&] {
    check(plain);
    check([](auto first, auto second) { fork_join_stolen(first, second); });
  });
}

TEST(ForkJoin, ReportsTheExceptionThatItDoesNotThrow) {
  static std::atomic<int> reports{0};
  const task::UnobservedHandler former =
      task::set_unobserved_handler(+[](const task::UnobservedFailure& failure) noexcept {
        const bool as_expected = failure.source == task::UnobservedFailure::Source::kFork &&
                                 failure.name == nullptr &&
                                 task::internal::describe(failure.exception) == "b";
        reports.fetch_add(as_expected ? 1 : 100);
      });
  const uint64_t before = task::unobserved_failures();
  const auto a = [] { return fail("a"); };
  const auto b = [] { return fail("b"); };
  const auto give = [] { return 0; };
  EXPECT_THROW(fork_join(a, b), std::runtime_error);  // in place
  EXPECT_EQ(reports.load(), 1);
  ForkJoinCrew crew(2);
  EXPECT_THROW(crew.run([&] { fork_join(a, b); }), std::runtime_error);
  EXPECT_EQ(reports.load(), 2);
  EXPECT_THROW(crew.run([&] { fork_join_stolen(a, b); }), std::runtime_error);
  EXPECT_EQ(reports.load(), 3);
  EXPECT_THROW(crew.run([&] { fork_join_stolen(give, b); }), std::runtime_error);
  EXPECT_THROW(crew.run([&] { fork_join_stolen(a, give); }), std::runtime_error);
  EXPECT_EQ(reports.load(), 3) << "one exception is thrown on";
  task::set_unobserved_handler(former);
  EXPECT_EQ(task::unobserved_failures() - before, 3u);
}

TEST(ForkJoin, LeaksNothingWhenOneSideThrows) {
  const auto check = [](auto fork) {
    const auto value = std::make_shared<int>(1);
    const auto give = [&] { return value; };
    const auto refuse = [&]() -> std::shared_ptr<int> { throw std::runtime_error("no"); };
    EXPECT_EQ(error_of([&] { fork(give, refuse); }), "no");
    EXPECT_EQ(error_of([&] { fork(refuse, give); }), "no");
    EXPECT_EQ(error_of([&] { fork(refuse, refuse); }), "no");
    EXPECT_EQ(value.use_count(), 1);
  };
  ForkJoinCrew crew(2);
  crew.run([&] {
    check([](auto first, auto second) { fork_join(first, second); });
    check([](auto first, auto second) { fork_join_stolen(first, second); });
  });
}

TEST(ForkJoin, AnExceptionComesUpThroughManyForks) {
  const auto dive = [](auto& self, int depth) -> int {
    if (depth == 0) return fail("deep");
    return fork_join([&] { return self(self, depth - 1); }, [] { return 1; }).first;
  };
  ForkJoinCrew crew(3);
  for (int round = 0; round < 20; ++round) {
    crew.run([&] { EXPECT_EQ(error_of([&] { dive(dive, 50); }), "deep"); });
  }
}

TEST(ForkJoin, NestsDeeperThanTheDequeHolds) {
  const auto dive = [](auto& self, int depth) -> int {
    if (depth == 0) return 0;
    const auto [below, one] = fork_join([&] { return self(self, depth - 1); }, [] { return 1; });
    return below + one;
  };
  for (const size_t threads : {1, 3}) {
    ForkJoinCrew crew(threads);
    crew.run([&] { EXPECT_EQ(dive(dive, 3000), 3000); });
  }
}

TEST(ForkJoin, AWaitingThreadHelpsItsThief) {
  ForkJoinCrew crew(2);
  crew.run([] {
    const auto home = std::this_thread::get_id();
    // The thief's own fork is run by the one thread that is left: the one that waits for it.
    const auto helper =
        fork_join_stolen(
            [] {},
            [] {
              return fork_join_stolen([] {}, [] { return std::this_thread::get_id(); }).second;
            })
            .second;
    EXPECT_EQ(helper, home);
  });
}

TEST(ForkJoin, SeveralThreadsForkAtOnce) {
  ForkJoinCrew crew(4);
  crew.run([] {
    const auto [a, b] = fork_join_stolen(
        [] { return fork_join_stolen([] { return fib(16); }, [] { return fib(17); }); },
        [] { return fib(18); });
    EXPECT_EQ(a.first + a.second, b);
  });
}

// A thief may lose its processor to the owner between its theft and its first word, which the owner
// must not wait for without giving it back.
TEST(Job, CanBeSleptForOnlyOnceItsThiefHasSaidWhoItIs) {
  internal::Job job(+[](internal::Job& self) noexcept {
    EXPECT_TRUE(self.sleep(wait::Deadline()));
    return false;
  });
  EXPECT_FALSE(job.sleep(wait::Deadline()));
  job.run_stolen(0);
  EXPECT_TRUE(job.ended());
  EXPECT_TRUE(job.sleep(wait::Deadline())) << "nothing to wait for any more";
}

// --- ForkJoinDomain, whose slots one thread can play all ---

using internal::ForkJoinDomain;
using internal::ScopedForkJoinWorker;

void count(void* number) { ++*static_cast<int*>(number); }

TEST(ForkJoinDomain, AForkIsPrivateAndWakesNobodyUnlessSomebodyAsked) {
  int wakes = 0;
  ForkJoinDomain domain(2, &count, &wakes);
  const ScopedForkJoinWorker bound(domain, 0);
  fork_join(
      [&] {
        const ScopedForkJoinWorker other(domain, 1);
        EXPECT_FALSE(domain.run_one(1));
      },
      [] {});
  EXPECT_EQ(wakes, 0);
}

TEST(ForkJoinDomain, AForkAfterARequestIsPublicAndWakes) {
  int wakes = 0;
  ForkJoinDomain domain(3, &count, &wakes);
  const ScopedForkJoinWorker bound(domain, 0);
  EXPECT_FALSE(domain.maybe_has_work(1));
  fork_join(
      [&] {
        EXPECT_EQ(wakes, 1);
        EXPECT_TRUE(domain.maybe_has_work(1));
        EXPECT_TRUE(domain.maybe_has_work(2));
        EXPECT_FALSE(domain.maybe_has_work(0));
      },
      [] {});
  EXPECT_EQ(wakes, 1);
}

TEST(ForkJoinDomain, AThiefRunsTheOldestForkAndWakesTheNextForTheRest) {
  int wakes = 0;
  ForkJoinDomain domain(2, &count, &wakes);
  const ScopedForkJoinWorker bound(domain, 0);
  std::string order;
  const auto steal_both = [&] {
    const ScopedForkJoinWorker thief(domain, 1);
    EXPECT_TRUE(domain.run_one(1));
    EXPECT_TRUE(domain.run_one(1));
    EXPECT_FALSE(domain.run_one(1));
    order += 'c';
  };
  EXPECT_FALSE(domain.maybe_has_work(1));
  fork_join(
      [&] {
        // Asks again, so that the second fork becomes public beside the first.
        EXPECT_TRUE(domain.maybe_has_work(1));
        fork_join(steal_both, [&] { order += 'b'; });
      },
      [&] { order += 'a'; });
  EXPECT_EQ(order, "abc");
  EXPECT_EQ(wakes, 3);  // for each fork, and by the thief that left one behind
}

}  // namespace
}  // namespace annulet::sched
