// What a sleeping task costs: memory from the resident set, CPU time from the thread's own clock.
//
//   sleepers COUNT [equal|spread]
//
// COUNT tasks on one thread sleep until one deadline, or until random ones spread over some time. A
// process measures once, so that each run begins with an empty heap.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <random>

#include "annulet/task/block_on.h"
#include "annulet/task/spawn.h"
#include "annulet/task/this_task.h"

namespace annulet::task {
namespace {

using std::chrono::nanoseconds;

constexpr size_t kPageBytes = 4096;
constexpr nanoseconds kSpreadPerTask{
    20};  // less than a wake takes, so that the thread never sleeps between
constexpr nanoseconds kSpawnPerTask{1000};  // more than it takes

double cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

double resident_bytes() {
  size_t total = 0;
  size_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return static_cast<double>(resident * kPageBytes);
}

Task<void> sleeper(Deadline until) { (void)co_await sleep_until(until); }

Task<void> measure(int count, bool spread) {
  const double bytes_before = resident_bytes();
  const double start = cpu_ns();
  const Deadline first =
      wait::Clock::now() + kSpawnPerTask * count + std::chrono::milliseconds(200);
  std::minstd_rand random(1);
  std::uniform_int_distribution<int64_t> delay(0, spread ? (kSpreadPerTask * count).count() : 0);
  for (int i = 0; i < count; ++i) {
    (void)spawn_here_detached(sleeper(first + nanoseconds(delay(random))));
  }
  const double spawned = cpu_ns();
  co_await yield();  // behind them all
  const double asleep = cpu_ns();
  const double bytes = resident_bytes() - bytes_before;
  if (wait::Clock::now() >= first) std::puts("too slow: some woke before all slept");
  (void)co_await sleep_until(first + nanoseconds(delay.max()));
  co_await yield();
  const double ended = cpu_ns();
  std::printf(
      "%9d %s: %.1f bytes, spawn %.1f ns, fall asleep %.1f ns, wake and end %.1f ns, all %.1f ns\n",
      count, spread ? "spread" : "equal ", bytes / count, (spawned - start) / count,
      (asleep - spawned) / count, (ended - asleep) / count, (ended - start) / count);
}

}  // namespace
}  // namespace annulet::task

int main(int argc, char** argv) {
  const int count = argc > 1 ? std::atoi(argv[1]) : 1'000'000;
  const bool spread = argc > 2 && std::strcmp(argv[2], "spread") == 0;
  annulet::task::block_on(annulet::task::measure(count, spread));
  return 0;
}
