// Asio: thread_pool, with functions where a task need not wait and C++20 coroutines where it does.
//
// Asio has no joining in a task: the tasks count themselves down. Built by name only, since it
// wants Debian's package libasio-dev.
#include <array>
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "annulet/benchmarks/sched/driver.h"
#include "annulet/benchmarks/sched/outside.h"
#include "annulet/benchmarks/sched/sleepers.h"
#include "annulet/benchmarks/sched/workloads.h"

namespace annulet::bench {
namespace {

class Pool {
 public:
  explicit Pool(const Run& run) : pool_(run.workers()) {}
  ~Pool() { pool_.join(); }

  template <class Function>
  void post(const Function& function) {
    asio::post(pool_, function);
  }

  void spawn(asio::awaitable<void> task) { asio::co_spawn(pool_, std::move(task), asio::detached); }

 private:
  asio::thread_pool pool_;
};

void spawn_join(Run& run) {
  Pool pool(run);
  measure_tasks(run, [&](std::vector<uint64_t>& results) {
    Taken taken;
    Countdown ended(1);
    std::atomic<uint64_t> left = results.size();
    pool.post([&] {
      auto watch = std::make_shared<Stopwatch>();
      for (uint64_t i = 0; i < results.size(); ++i) {
        pool.post([&, watch = watch.get(), i] {
          results[i] = i;
          // acq_rel: what every task wrote is seen by the last one, which tells the main thread.
          if (left.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
          taken = watch->stop();
          ended.count_down();
        });
      }
    });
    ended.wait();
    return taken;
  });
}

asio::awaitable<void> yield() { return asio::post(asio::use_awaitable); }

asio::awaitable<void> yield_often(uint64_t yields, uint64_t* done, Countdown* ended) {
  for (uint64_t i = 0; i < yields; ++i) {
    co_await yield();
    ++*done;
  }
  ended->count_down();
}

void measure_yields(Run& run, uint64_t tasks) {
  Pool pool(run);
  run.measure(tasks * run.count(), tasks * run.count(), [&] {
    Countdown ended(tasks);
    uint64_t done = 0;  // by one worker
    Stopwatch watch;
    for (uint64_t i = 0; i < tasks; ++i) pool.spawn(yield_often(run.count(), &done, &ended));
    ended.wait();
    return watch.stop(done);
  });
}

void yield_two(Run& run) { measure_yields(run, 2); }
void task_switch(Run& run) { measure_yields(run, 10); }

template <size_t kBytes>
asio::awaitable<void> create_and_yield(uint64_t* result, uint64_t i, Countdown* ended) {
  std::array<unsigned char, kBytes> bytes{};
  bytes[i % kBytes] = 1;
  touch(bytes.data());
  co_await yield();
  touch(bytes.data());
  *result = i * bytes[i % kBytes];
  ended->count_down();
}

template <size_t kBytes>
void measure_creations(Run& run) {
  Pool pool(run);
  measure_tasks(run, [&](std::vector<uint64_t>& results) {
    Countdown ended(results.size());
    Stopwatch watch;
    for (uint64_t i = 0; i < results.size(); ++i) {
      pool.spawn(create_and_yield<kBytes>(&results[i], i, &ended));
    }
    ended.wait();
    return watch.stop();
  });
}

asio::awaitable<void> sleeper(Clock::time_point until, std::atomic<uint64_t>* asleep,
                              Countdown* ended) {
  asio::steady_timer timer(co_await asio::this_coro::executor, until);
  asleep->fetch_add(1, std::memory_order_relaxed);  // a count, looked at a while later
  co_await timer.async_wait(asio::use_awaitable);
  ended->count_down();
}

void memory(Run& run) {
  Pool pool(run);
  Countdown ended(run.count());
  measure_sleepers(run, ended, [&](Clock::time_point until, std::atomic<uint64_t>& asleep) {
    pool.post([&, until] {
      for (uint64_t i = 0; i < run.count(); ++i) pool.spawn(sleeper(until, &asleep, &ended));
    });
  });
}

constexpr CaseEntry kCases[] = {
    {"busy_spawn", on<Pool, measure_busy_spawn>},
    {"create_and_yield", measure_creations<8>},
    {"create_and_yield_9000", measure_creations<9000>},
    {"idle_cpu", on<Pool, measure_idle_cpu>},
    {"idle_wake", on<Pool, measure_idle_wake>},
    {"memory", memory},
    {"spawn_join", spawn_join},
    {"spawn_outside", on<Pool, measure_posts>},
    {"task_switch", task_switch},
    {"yield", yield_two},
};

}  // namespace
}  // namespace annulet::bench

int main(int argc, char** argv) {
  return annulet::bench::run_contestant(argc, argv, "asio", annulet::bench::kCases);
}
