#include "annulet/sched/scheduler.h"

#include "absl/base/macros.h"
#include "annulet/wait/thread_parker.h"

namespace annulet::sched {

Worker& Scheduler::add_worker(wait::Parker& parker) {
  return *workers_.emplace_back(std::make_unique<Worker>(*this, parker));
}

void Scheduler::post(task::Runnable* runnable) noexcept {
  Worker* worker = current_worker();
  if (worker == nullptr) {
    // Relaxed: any worker is right, the next one fairer.
    worker = workers_[next_worker_.fetch_add(1, std::memory_order_relaxed) % workers_.size()].get();
  }
  worker->post(runnable);
}

bool Scheduler::admit() noexcept {
  if (Worker* worker = current_worker()) {
    // The spawning task lives itself, so a close() seen late cannot make wait_until_idle() miss
    // this one.
    if (closed()) return false;
    worker->tally_.begin();
    return true;
  }
  return intake_.begin();
}

void Scheduler::retire() noexcept {
  // Tasks run, and so end, on workers alone.
  current_worker()->tally_.end();
}

uint64_t Scheduler::live() const {
  return internal::live_tasks(intake_, workers_, [](const auto& worker) -> const internal::Tally& {
    return worker->tally_;
  });
}

void Scheduler::close() {
  intake_.close();
  // From its next turn on each worker announces its progress; the token makes sure that it takes
  // one.
  for (const auto& worker : workers_) worker->parker_.unpark();
}

bool Scheduler::wait_until_idle(wait::Deadline until) {
  ABSL_ASSERT(closed() && "only a closed scheduler's workers announce their progress");
  wait::ThreadParker parker;
  while (live() > 0) {
    const wait::EventCount::Key key = progress_.prepare_wait();
    if (live() == 0) {
      progress_.cancel_wait();
      break;
    }
    if (wait::Clock::now() >= until) {
      progress_.cancel_wait();
      return false;
    }
    progress_.commit_wait(key, parker, until);
  }
  return true;
}

void Scheduler::stop() {
  stopped_.store(true, std::memory_order_release);  // pairs with stopped()
  for (const auto& worker : workers_) worker->parker_.unpark();
}

Worker* Scheduler::current_worker() const {
  const task::WorkerContext* context = task::current_worker();
  return context != nullptr && context->group == this ? static_cast<Worker*>(context->executor)
                                                      : nullptr;
}

}  // namespace annulet::sched
