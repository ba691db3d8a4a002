#include "annulet/sched/fork_join_tasks.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "annulet/sched/for_each_seed.h"
#include "annulet/sched/fork_join.h"
#include "annulet/sched/simulation.h"
#include "annulet/sched/spawn.h"
#include "annulet/sched/testing/fork_join_crew.h"
#include "annulet/sched/testing/reports.h"
#include "annulet/sched/testing/threads.h"
#include "annulet/task/block_on.h"
#include "annulet/task/cancel.h"
#include "annulet/task/task_local.h"
#include "annulet/task/this_task.h"
#include "annulet/task/unobserved.h"
#include "annulet/task/when_all.h"

namespace annulet::sched {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;

// As a shared task of `scheduler`.
template <class T>
T run(Threads& scheduler, Task<T> task) {
  return std::move(*spawn(*scheduler, std::move(task))).join();
}

Task<uint64_t> fib(unsigned n) {
  if (n < 2) co_return n;
  const auto [a, b] = co_await fork_join(fib(n - 1), fib(n - 2));
  co_return a + b;
}

template <class T>
Task<T> give(T value) {
  co_return value;
}
Task<void> nothing() { co_return; }

Task<std::thread::id> where() { co_return std::this_thread::get_id(); }

// Appends its letter in each of two turns.
Task<void> write_twice(char letter, std::string& order) {
  order += letter;
  co_await task::yield();
  order += letter;
}

Task<void> write(char letter, std::string& order) {
  order += letter;
  co_return;
}

Task<int> fail(const char* what) {
  throw std::runtime_error(what);
  co_return 0;
}

Task<int> fail_later(const char* what) {
  co_await task::yield();
  throw std::runtime_error(what);
}

// Keeps its thread until the flag is set.
Task<std::thread::id> hold_thread_until(std::atomic<bool>& flag) {
  while (!flag.load()) std::this_thread::yield();
  co_return std::this_thread::get_id();
}

template <class T>
Task<T> set_and_await(std::atomic<bool>& flag, Task<T> task) {
  flag.store(true);
  co_return co_await std::move(task);
}

template <class T>
Task<T> await_behind(std::atomic<bool>& flag, Task<T> task) {
  (void)co_await hold_thread_until(flag);
  co_return co_await std::move(task);
}

// fork_join() whose second task another worker runs: the first one begins after it.
template <class A, class B>
Task<std::pair<A, B>> fork_join_stolen(Task<A> first, Task<B> second) {
  std::atomic<bool> begun{false};
  wait_until_wanted();
  co_return co_await fork_join(await_behind(begun, std::move(first)),
                               set_and_await(begun, std::move(second)));
}

// What the exception says that ends the task.
template <class T>
Task<std::string> error_of(Task<T> task) {
  try {
    (void)co_await std::move(task);
  } catch (const std::runtime_error& error) {
    co_return error.what();
  }
  co_return "none";
}

// A fork as a task.
template <class A, class B>
Task<std::pair<A, B>> both(Task<A> first, Task<B> second) {
  co_return co_await fork_join(std::move(first), std::move(second));
}

TEST(ForkJoinTasks, GiveWhatBothTasksReturn) {
  const auto parent = []() -> Task<void> {
    const auto values = co_await fork_join(give(1), give(std::string("two")));
    EXPECT_EQ(values, std::pair(1, std::string("two")));
    const auto one = co_await fork_join(nothing(), give(2));
    EXPECT_EQ(one, std::pair(std::monostate(), 2));
    using Both = decltype(fork_join(nothing(), nothing()).operator co_await());
    static_assert(std::is_void_v<decltype(std::declval<Both>().await_resume())>);
    co_await fork_join(nothing(), nothing());
    const auto [first, second] =
        co_await fork_join(give(std::make_unique<int>(1)), give(std::make_unique<int>(2)));
    EXPECT_EQ(*first + *second, 3);
  };
  task::block_on(parent());
  Threads scheduler(2);
  run(scheduler, parent());
}

TEST(ForkJoinTasks, RunOneAfterTheOtherOutsideOfWorkers) {
  std::string order;
  const auto parent = [&]() -> Task<void> {
    co_await fork_join(write('a', order), write('b', order));
  };
  task::block_on(parent());
  EXPECT_EQ(order, "ab");
  EXPECT_EQ(task::block_on(fib(15)), 610u);
}

TEST(ForkJoinTasks, RunOneAfterTheOtherOnTheOnlyWorker) {
  std::string order;
  const auto parent = [&]() -> Task<void> {
    co_await fork_join(write('a', order), write('b', order));
  };
  Threads scheduler(1);
  run(scheduler, parent());
  EXPECT_EQ(order, "ab");
}

TEST(ForkJoinTasks, ComputeTheSameOnAnyNumberOfWorkers) {
  for (const int threads : {1, 2, 3, 4}) {
    Threads scheduler(threads);
    for (int round = 0; round < 20; ++round) EXPECT_EQ(run(scheduler, fib(17)), 1597u);
  }
}

TEST(ForkJoinTasks, AnIdleWorkerRunsTheSecondTaskMeanwhile) {
  Threads scheduler(2);
  for (int round = 0; round < 20; ++round) {
    const auto [here, there] = run(scheduler, fork_join_stolen(where(), where()));
    EXPECT_NE(here, there);
  }
}

TEST(ForkJoinTasks, WorkersThatSleepAreWoken) {
  Threads scheduler(3);
  for (int round = 0; round < 3; ++round) {
    std::this_thread::sleep_for(milliseconds(5));
    run(scheduler, fork_join_stolen(where(), fork_join_stolen(where(), where())));
  }
}

TEST(ForkJoinTasks, TheSecondTaskRunsWhileTheFirstWaits) {
  const auto check = [](auto run_task) {
    std::string order;
    const auto parent = [&]() -> Task<void> {
      co_await fork_join(write_twice('a', order), write_twice('b', order));
      order += 'c';
    };
    run_task(parent());
    EXPECT_EQ(order, "aabbc");
    order.clear();
    const auto nested = [&]() -> Task<void> {
      std::atomic<bool> set{false};
      const auto wait = [&]() -> Task<void> {
        while (!set.load()) co_await task::yield();
        order += 'a';
      };
      const auto inner = [&]() -> Task<void> { co_await fork_join(wait(), write('b', order)); };
      const auto outer = [&]() -> Task<void> {
        set.store(true);
        co_await write('c', order);
      };
      co_await fork_join(inner(), outer());
    };
    run_task(nested());
    EXPECT_EQ(order, "cba");
  };
  check([](Task<void> task) { task::block_on(std::move(task)); });
  Threads scheduler(1);
  check([&](Task<void> task) { run(scheduler, std::move(task)); });
}

TEST(ForkJoinTasks, AWorkerRunsOtherTasksWhileBothWait) {
  Threads scheduler(1);
  const auto parent = []() -> Task<void> {
    std::atomic<bool> set{false};
    const auto wait = [&]() -> Task<void> {
      while (!set.load()) {
        EXPECT_TRUE((co_await task::sleep_for(microseconds(100))).ok());
      }
    };
    const auto setter = [&]() -> Task<void> {
      set.store(true);
      co_return;
    };
    auto handle = *spawn(setter());
    co_await fork_join(wait(), wait());
    co_await std::move(handle);
  };
  run(scheduler, parent());
}

TEST(ForkJoinTasks, ThrowTheExceptionOfTheFirstTaskElseOfTheSecond) {
  const auto check = [](auto fork) -> Task<void> {
    for (Task<int> (*const refuse)(const char*) : {fail, fail_later}) {
      EXPECT_EQ(co_await error_of(fork(refuse("a"), refuse("b"))), "a");
      EXPECT_EQ(co_await error_of(fork(give(0), refuse("b"))), "b");
      std::atomic<bool> ended{false};
      EXPECT_EQ(co_await error_of(fork(refuse("a"), set_and_await(ended, give(0)))), "a");
      EXPECT_TRUE(ended);
      ended = false;
      EXPECT_EQ(co_await error_of(fork(set_and_await(ended, give(0)), refuse("b"))), "b");
      EXPECT_TRUE(ended);
    }
  };
  task::block_on(check(both<int, int>));
  Threads scheduler(2);
  run(scheduler, check(both<int, int>));
  run(scheduler, check(fork_join_stolen<int, int>));
}

TEST(ForkJoinTasks, ReportTheExceptionThatTheyDoNotThrow) {
  const Reports reports;
  const auto check = [](auto fork) -> Task<void> {
    const uint64_t before = task::unobserved_failures();
    EXPECT_EQ(co_await error_of(fork(fail("a"), fail_later("b"))), "a");
    EXPECT_EQ(task::unobserved_failures() - before, 1u);
    EXPECT_EQ(co_await error_of(fork(give(0), fail("b"))), "b");
    EXPECT_EQ(task::unobserved_failures() - before, 1u);
  };
  task::block_on(check(both<int, int>));
  Threads scheduler(2);
  std::move(*spawn(*scheduler, check(fork_join_stolen<int, int>), Priority::kNormal, "forks"))
      .join();
  EXPECT_TRUE(Reports::has("forks")) << "the name is that of the parent";
}

TEST(ForkJoinTasks, LeakNothingWhenOneThrows) {
  using Value = std::shared_ptr<int>;
  const auto check = [](auto fork) -> Task<void> {
    const Value value = std::make_shared<int>(1);
    const auto refuse = []() -> Task<Value> {
      throw std::runtime_error("no");
      co_return nullptr;
    };
    EXPECT_EQ(co_await error_of(fork(give(value), refuse())), "no");
    EXPECT_EQ(co_await error_of(fork(refuse(), give(value))), "no");
    EXPECT_EQ(co_await error_of(fork(refuse(), refuse())), "no");
    EXPECT_EQ(value.use_count(), 1);
  };
  Threads scheduler(2);
  run(scheduler, check(both<Value, Value>));
  run(scheduler, check(fork_join_stolen<Value, Value>));
}

TEST(ForkJoinTasks, AForkThatNobodyAwaitsRunsNothingAndKeepsNothing) {
  const auto value = std::make_shared<int>(1);
  bool ran = false;
  const auto run_task = [&](std::shared_ptr<int>) -> Task<void> {
    ran = true;
    co_return;
  };
  {
    const auto dropped = fork_join(run_task(value), run_task(value));
    EXPECT_EQ(value.use_count(), 3);
  }
  EXPECT_EQ(value.use_count(), 1);
  EXPECT_FALSE(ran);
}

const task::TaskLocal<int> kValue;

class ContextOfTask {
 public:
  ContextOfTask() {}
  bool await_ready() const noexcept { return false; }
  template <task::TaskPromise P>
  bool await_suspend(std::coroutine_handle<P> self) noexcept {
    context_ = self.promise().context;
    return false;
  }
  const task::Context* await_resume() const noexcept { return context_; }

 private:
  const task::Context* context_ = nullptr;
};

TEST(ForkJoinTasks, HaveTheContextOfTheCaller) {
  using Seen = std::pair<const task::Context*, int>;
  const auto look = []() -> Task<Seen> {
    co_await task::yield();
    co_return Seen(co_await ContextOfTask(), *co_await kValue.get());
  };
  const auto parent = [&](auto fork) -> Task<void> {
    const task::Context* const here = co_await ContextOfTask();
    const auto [first, second] = co_await fork(look(), look());
    EXPECT_EQ(first, Seen(here, 5));
    EXPECT_EQ(second, Seen(here, 5));
  };
  Threads scheduler(2);
  run(scheduler, task::with_value(kValue, 5, parent(both<Seen, Seen>)));
  run(scheduler, task::with_value(kValue, 5, parent(fork_join_stolen<Seen, Seen>)));
}

TEST(ForkJoinTasks, SeeTheCancellationOfTheCaller) {
  const auto sleep = []() -> Task<bool> {
    const absl::Status status = co_await task::sleep_for(hours(1));
    EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
    co_return co_await task::cancel_requested();
  };
  Threads scheduler(2);
  for (const auto fork : {both<bool, bool>, fork_join_stolen<bool, bool>}) {
    task::CancelSource source;
    auto handle = *spawn(*scheduler, task::with_cancel(source.token(), fork(sleep(), sleep())));
    std::this_thread::sleep_for(milliseconds(1));
    source.cancel();
    EXPECT_EQ(std::move(handle).join(), std::pair(true, true));
  }
}

Task<uint64_t> fib_on(std::thread::id thread, unsigned n) {
  EXPECT_EQ(std::this_thread::get_id(), thread);
  if (n == 10) co_await task::yield();
  if (n < 2) co_return n;
  const auto [a, b] = co_await fork_join(fib_on(thread, n - 1), fib_on(thread, n - 2));
  EXPECT_EQ(std::this_thread::get_id(), thread);
  co_return a + b;
}

TEST(ForkJoinTasks, OfALocalTaskStayOnItsWorkerAlsoWhereOthersAskForWork) {
  Threads scheduler(3);
  const auto parent = []() -> Task<uint64_t> {
    wait_until_wanted();
    co_return co_await fib_on(std::this_thread::get_id(), 17);
  };
  EXPECT_EQ(std::move(*task::spawn(scheduler->worker(0), parent())).join(), 1597u);
}

// The deeper task is the first one or the second one.
Task<int> dive(int depth, bool first, bool yields) {
  if (depth == 0) {
    if (yields) co_await task::yield();
    co_return 0;
  }
  Task<int> deeper = dive(depth - 1, first, yields);
  const auto [a, b] = first ? co_await fork_join(std::move(deeper), give(1))
                            : co_await fork_join(give(1), std::move(deeper));
  co_return a + b;
}

TEST(ForkJoinTasks, NestDeeplyWithoutMoreStack) {
  constexpr int kDepth = 200'000;
  for (const int threads : {1, 3}) {
    Threads scheduler(threads);
    for (const bool first : {false, true}) {
      EXPECT_EQ(run(scheduler, dive(kDepth, first, /*yields=*/false)), kDepth);
      EXPECT_EQ(run(scheduler, dive(kDepth, first, /*yields=*/true)), kDepth);
    }
  }
}

uint64_t plain_fib(unsigned n) {
  if (n < 2) return n;
  const auto [a, b] = fork_join([=] { return plain_fib(n - 1); }, [=] { return plain_fib(n - 2); });
  return a + b;
}

// Forks of every kind in each other, and waits in between.
Task<uint64_t> mixture(unsigned n, uint32_t random) {
  random = random * 1664525 + 1013904223;
  if (n < 2) {
    const uint32_t choice = (random >> 16) % 64;
    if (choice < 4) co_await task::yield();
    if (choice == 4) {
      EXPECT_TRUE((co_await task::sleep_for(microseconds(20))).ok());
    }
    if (choice == 5) co_return co_await *spawn(give(uint64_t{n}));
    co_return n;
  }
  if ((random >> 16) % 16 == 0) {
    const auto [a, b] = co_await task::when_all(mixture(n - 1, random), mixture(n - 2, random + 1));
    co_return a + b;
  }
  if (n < 6 && (random >> 20) % 16 == 0) co_return plain_fib(n);
  const auto [a, b] = co_await fork_join(mixture(n - 1, random), mixture(n - 2, random + 1));
  co_return a + b;
}

TEST(ForkJoinTasks, MixWithAllOtherWaysToRunTasks) {
  for (const int threads : {1, 2, 4}) {
    Threads scheduler(threads);
    for (uint32_t round = 0; round < 20; ++round) {
      EXPECT_EQ(run(scheduler, mixture(16, round)), 987u);
    }
  }
}

TEST(ForkJoinTasks, SeveralTasksForkAtOnce) {
  Threads scheduler(4);
  std::vector<JoinHandle<uint64_t>> handles;
  for (uint32_t i = 0; i < 20; ++i) handles.push_back(*spawn(*scheduler, mixture(13, i)));
  for (JoinHandle<uint64_t>& handle : handles) EXPECT_EQ(std::move(handle).join(), 233u);
}

TEST(ForkJoinTasks, RunInTheOrderThatASeedDecides) {
  const auto parent = [](std::string& order) -> Task<void> {
    const auto pair_of = [&](char a, char b) -> Task<void> {
      co_await fork_join(write_twice(a, order), write_twice(b, order));
    };
    co_await fork_join(pair_of('a', 'b'), pair_of('c', 'd'));
  };
  std::set<std::string> orders;
  const absl::Status passed = for_each_seed(1, 100, [&](uint64_t seed) {
    std::string order, again;
    Simulation(SimulationOptions{.seed = seed}).run(parent(order));
    Simulation(SimulationOptions{.seed = seed}).run(parent(again));
    orders.insert(order);
    return order == again && order.size() == 8 ? absl::OkStatus() : absl::InternalError(order);
  });
  EXPECT_TRUE(passed.ok()) << passed;
  EXPECT_GT(orders.size(), 10u);
}

}  // namespace
}  // namespace annulet::sched
