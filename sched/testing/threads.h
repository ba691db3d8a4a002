// A scheduler with threads, for tests of the scheduler by itself.
//
// Its destructor waits for the tasks and stops it. For all else there is Engine.
#ifndef ANNULET_SCHED_TESTING_THREADS_H_
#define ANNULET_SCHED_TESTING_THREADS_H_

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <thread>
#include <vector>

#include "annulet/sched/scheduler.h"
#include "annulet/wait/thread_parker.h"

namespace annulet::sched {

class Threads {
 public:
  explicit Threads(int count) : parkers_(static_cast<size_t>(count)) {
    for (wait::ThreadParker& parker : parkers_) scheduler_.add_worker(parker);
    for (size_t i = 0; i < parkers_.size(); ++i) {
      threads_.emplace_back([this, i] { scheduler_.worker(i).run(); });
    }
  }
  ~Threads() { stop(); }

  Scheduler& operator*() { return scheduler_; }
  Scheduler* operator->() { return &scheduler_; }
  void stop() {
    scheduler_.close();
    EXPECT_TRUE(scheduler_.wait_until_idle(wait::Clock::now() + std::chrono::hours(1)));
    scheduler_.stop();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  std::vector<wait::ThreadParker> parkers_;
  Scheduler scheduler_;
  std::vector<std::thread> threads_;
};

}  // namespace annulet::sched

#endif  // ANNULET_SCHED_TESTING_THREADS_H_
