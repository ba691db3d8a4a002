#include "annulet/task/block_on.h"

namespace annulet::task::internal {

void BlockingLoop::post(Runnable* runnable) noexcept {
  if (inbox_.push(runnable)) {
    parker_.unpark();
    inbox_.woke();
  }
}

bool BlockingLoop::admit() noexcept {
  // Relaxed: a task that spawns lives itself, so the loop cannot miss its last one.
  live_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void BlockingLoop::run() {
  WorkerContext context{.executor = this, .timers = &timers_};
  ScopedWorkerContext scope(&context);
  // Relaxed: 0 is read only once this thread, where tasks end, has counted the last one off.
  while (live_.load(std::memory_order_relaxed) > 0) {
    timers_.expire(TimerWheel::kBatch);
    if (Runnable* batch = inbox_.take_all()) {
      while (batch != nullptr) {
        Runnable* runnable = batch;
        batch = batch->next;
        // Relaxed: tasks end on the loop's own thread.
        if (task::run(context, runnable)) live_.fetch_sub(1, std::memory_order_relaxed);
      }
    } else if (inbox_.begin_sleep()) {
      parker_.park(timers_.next());
      inbox_.end_sleep();
    }
  }
  inbox_.quiesce();
}

}  // namespace annulet::task::internal
