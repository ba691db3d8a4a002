#include "annulet/sched/worker.h"

#include "annulet/sched/scheduler.h"

namespace annulet::sched {

Worker::Worker(Scheduler& scheduler, wait::Parker& parker)
    : scheduler_(scheduler),
      parker_(parker),
      context_{.executor = this, .timers = &timers_, .group = &scheduler} {}

void Worker::post(task::Runnable* runnable) noexcept {
  if (on_this_thread()) {
    ready_.push(runnable);
  } else if (inbox_.push(runnable)) {
    parker_.unpark();
    inbox_.woke();
  }
}

bool Worker::admit() noexcept { return scheduler_.admit(); }

void Worker::retire() noexcept { scheduler_.retire(); }

void Worker::run() {
  task::ScopedWorkerContext scope(&context_);
  while (!scheduler_.stopped()) {
    run_ready();
    timers_.expire();
    ready_.push_chain(inbox_.take_all());
    if (scheduler_.closed()) scheduler_.announce_progress();
    if (ready_.empty()) {
      sleep();
    } else {
      parker_.poll();
    }
  }
  inbox_.quiesce();
}

void Worker::run_ready() {
  for (int i = 0; i < kPollInterval; ++i) {
    task::Runnable* runnable = ready_.pop();
    if (runnable == nullptr) return;
    task::run(context_, runnable);
  }
}

void Worker::sleep() {
  if (!inbox_.begin_sleep()) return;
  // A stop() that comes after this look leaves a token with the parker.
  if (!scheduler_.stopped()) parker_.park(timers_.next());
  inbox_.end_sleep();
}

}  // namespace annulet::sched
