// Threads of a ForkJoinDomain for tests and benchmarks: the calling one and some that steal.
//
// Use it where no scheduler is wanted. The threads run from construction to destruction; with
// nothing to steal they spin for `patience` looks and then sleep.
// Threads: all by the thread that made it.
#ifndef ANNULET_SCHED_TESTING_FORK_JOIN_CREW_H_
#define ANNULET_SCHED_TESTING_FORK_JOIN_CREW_H_

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

#include "annulet/sched/fork_join.h"
#include "annulet/sched/internal/fork_join_domain.h"
#include "annulet/wait/event_count.h"
#include "annulet/wait/sync.h"
#include "annulet/wait/thread_parker.h"

namespace annulet::sched {

class ForkJoinCrew {
 public:
  // `threads` includes the calling one.
  explicit ForkJoinCrew(size_t threads, int patience = 100)
      : patience_(patience), domain_(threads, &wake, this) {
    for (size_t slot = 1; slot < threads; ++slot) {
      threads_.emplace_back([this, slot] { steal_until_stopped(slot); });
    }
  }
  ~ForkJoinCrew() {
    stopped_.store(true);
    bell_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  ForkJoinCrew(const ForkJoinCrew&) = delete;
  ForkJoinCrew& operator=(const ForkJoinCrew&) = delete;

  // Runs the function on the calling thread, as one of the domain.
  template <class Function>
  auto run(Function&& function) {
    const internal::ScopedForkJoinWorker bound(domain_, 0);
    return function();
  }

 private:
  static void wake(void* crew) { static_cast<ForkJoinCrew*>(crew)->bell_.notify(1); }

  void steal_until_stopped(size_t slot) {
    const internal::ScopedForkJoinWorker bound(domain_, slot);
    wait::ThreadParker parker;
    int idle = 0;
    while (!stopped_.load()) {
      if (domain_.run_one(slot)) {
        idle = 0;
      } else if (++idle < patience_) {
        idle % kLooksPerYield == 0 ? wait::RealSync::yield() : wait::RealSync::pause();
      } else {
        sleep(slot, parker);
        idle = 0;
      }
    }
  }

  void sleep(size_t slot, wait::ThreadParker& parker) {
    const auto key = bell_.prepare_wait();
    if (stopped_.load() || domain_.maybe_has_work(slot)) {
      bell_.cancel_wait();
    } else {
      bell_.commit_wait(key, parker);
    }
  }

  static constexpr int kLooksPerYield = 32;  // others may need the core

  const int patience_;
  wait::EventCount bell_;
  internal::ForkJoinDomain domain_;
  std::atomic<bool> stopped_{false};
  std::vector<std::thread> threads_;
};

// Until somebody would take what the calling thread forks: else that might stay private. Not
// inlined, for tasks.
[[gnu::noinline]] inline void wait_until_wanted() {
  while (!internal::ForkJoinWorker::current()->wanted()) std::this_thread::yield();
}

// fork_join() whose second function another thread runs: the first one begins after it. In run().
template <class First, class Second>
auto fork_join_stolen(First&& first, Second&& second) {
  wait_until_wanted();
  std::atomic<bool> begun{false};
  return fork_join(
      [&] {
        while (!begun.load()) std::this_thread::yield();
        return first();
      },
      [&] {
        begun.store(true);
        return second();
      });
}

}  // namespace annulet::sched

#endif  // ANNULET_SCHED_TESTING_FORK_JOIN_CREW_H_
