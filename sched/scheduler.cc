#include "annulet/sched/scheduler.h"

#include <mutex>
#include <thread>

#include "absl/base/macros.h"
#include "absl/log/check.h"
#include "absl/strings/str_cat.h"
#include "annulet/wait/thread_parker.h"

namespace annulet::sched {

Scheduler::Scheduler(const SchedulerOptions& options)
    : options_(options),
      bound_(options.max_live),
      intake_(/*watched=*/bound_.limited() || options.spawn_sites) {
  CHECK_OK(check(options)) << "Scheduler";
}

Scheduler::~Scheduler() {
  // Acquire pairs with post().
  while (posting_.load(std::memory_order_acquire) != 0) std::this_thread::yield();
}

Worker& Scheduler::add_worker(wait::Parker& parker) {
  workers_.push_back(std::make_unique<Worker>(*this, parker, workers_.size()));
  idle_.reset(workers_.size());
  bound_.share_among(workers_.size());
  for (const auto& worker : workers_) worker->ready_.set_alone(workers_.size() == 1);
  return *workers_.back();
}

void Scheduler::post(task::Runnable* runnable) noexcept {
  if (Worker* worker = current_worker()) return worker->post_shared(runnable);
  post_outside(runnable);
}

void Scheduler::post_last(task::Runnable* runnable) noexcept {
  if (Worker* worker = current_worker()) return worker->post_shared_last(runnable);
  post_outside(runnable);
}

void Scheduler::post_outside(task::Runnable* runnable) noexcept {
  internal::Batch one;
  one.push(runnable);
  post_all(one, runnable->context != nullptr ? runnable->context->priority : task::Priority::kHigh);
}

bool Scheduler::start(task::internal::PromiseBase& promise, task::Priority priority,
                      const char* name, std::source_location site) {
  if (Worker* worker = current_worker()) return worker->start_shared(promise, priority, name, site);
  promise.context = &spawn_context(*this, priority, name, site);
  if (!begin_outside(1)) return false;
  inject(promise, priority);
  return true;
}

bool Scheduler::start_main(task::internal::PromiseBase& promise) {
  promise.context = &context();
  if (bound_.limited()) bound_.overdraw();
  if (!intake_.begin()) {
    if (bound_.limited()) bound_.give_back(1);
    return false;
  }
  inject(promise, task::Priority::kNormal);
  return true;
}

void Scheduler::inject(task::internal::PromiseBase& promise, task::Priority priority) {
  injector_.push(priority, &promise);
  notify();  // unlike in post(), the scheduler outlives the call
}

// Through the injector also from a worker, if it is not just one task: the others shall have their
// share.
void Scheduler::post_all(const internal::Batch& batch, task::Priority priority) noexcept {
  if (batch.empty()) return;
  // Relaxed: the push hands the tasks over, which keep the scheduler alive until then.
  posting_.fetch_add(1, std::memory_order_relaxed);
  injector_.push_chain(priority, batch.newest(), batch.oldest());
  notify();
  posting_.fetch_sub(1, std::memory_order_release);  // pairs with ~Scheduler()
}

void Scheduler::notify() {
  idle_.notify([this](size_t worker) { workers_[worker]->parker_.unpark(); });
}

bool Scheduler::maybe_tasks_beside(size_t self) const {
  if (!injector_.empty() || workers_[self]->ready_.spare()) return true;
  for (const auto& worker : workers_) {
    if (worker->index() != self && worker->ready_.stealable()) return true;
  }
  return false;
}

WorkerMetrics Scheduler::metrics() const {
  WorkerMetrics sum;
  // As in internal::live_tasks(): ends before beginnings, so that there are no more of them.
  uint64_t ended = 0;
  for (const auto& worker : workers_) ended += worker->tally_.ended();
  for (const auto& worker : workers_) sum += worker->metrics();
  sum.spawned += intake_.begun();
  sum.ended = ended;
  return sum;
}

bool Scheduler::admit_all(size_t count) noexcept {
  if (Worker* worker = current_worker()) return worker->begin_tasks(count);
  return begin_outside(count);
}

bool Scheduler::begin_outside(size_t count) {
  const auto permits = static_cast<int64_t>(count);
  if (bound_.limited() && bound_.take(permits, permits) != permits) return false;
  if (intake_.begin(count)) return true;
  if (bound_.limited()) bound_.give_back(permits);
  return false;
}

absl::Status Scheduler::refusal() const {
  if (closed() || !bound_.limited()) return Executor::refusal();
  return absl::ResourceExhaustedError(absl::StrCat(
      "spawn: refused, about as many tasks live as SchedulerOptions::max_live allows, ",
      options_.max_live,
      "; join earlier tasks before, hold a permit of a smaller semaphore while each lives, or "
      "raise it"));
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

bool Scheduler::wait_until_idle(absl::FunctionRef<wait::Deadline()> until) {
  ABSL_ASSERT(closed() && "only a closed scheduler's workers announce their progress");
  wait::ThreadParker parker;
  while (live() > 0) {
    const wait::EventCount::Key key = progress_.prepare_wait();
    if (live() == 0) {
      progress_.cancel_wait();
      break;
    }
    const wait::Deadline end = until();
    if (wait::Clock::now() >= end) {
      progress_.cancel_wait();
      return false;
    }
    progress_.commit_wait(key, parker, end);
  }
  return true;
}

void Scheduler::stop() {
  stopped_.store(true, std::memory_order_release);  // pairs with stopped()
  for (const auto& worker : workers_) worker->parker_.unpark();
}

internal::ForkJoinDomain& Scheduler::forks() {
  std::call_once(forks_made_, [this] {
    forks_ = std::make_unique<internal::ForkJoinDomain>(workers_.size(), &on_public_jobs, this,
                                                        options_.seed);
  });
  return *forks_;
}

Worker* Scheduler::current_worker() const {
  Worker* const worker = Worker::current();
  return worker != nullptr && &worker->scheduler() == this ? worker : nullptr;
}

}  // namespace annulet::sched
