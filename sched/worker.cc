#include "annulet/sched/worker.h"

#include <array>
#include <utility>

#include "annulet/sched/scheduler.h"
#include "annulet/task/internal/promise.h"

namespace annulet::sched {
namespace {

// How often a worker that has stolen looks again before it sleeps, and the pauses between two
// looks, in all about 20 us: less than it costs to fall asleep and to be woken. More often would
// only keep the victim's cache lines from it.
constexpr uint32_t kPatience = 10;
constexpr int kPauses = 64;

// A callback is the library's own and short.
task::Priority priority_of(const task::Runnable& runnable) {
  return runnable.context != nullptr ? runnable.context->priority : task::Priority::kHigh;
}

constinit thread_local Worker* t_current = nullptr;

// For as long as it lives, what becomes ready is not announced one by one.
class Gathering {
 public:
  explicit Gathering(bool& flag) : flag_(flag) { flag_ = true; }
  ~Gathering() { flag_ = false; }
  Gathering(const Gathering&) = delete;
  Gathering& operator=(const Gathering&) = delete;

 private:
  bool& flag_;
};

}  // namespace

Worker::Worker(Scheduler& scheduler, wait::Parker& parker, size_t index)
    : scheduler_(scheduler),
      intake_(scheduler.intake_),
      parker_(parker),
      index_(index),
      context_{.executor = this, .timers = &timers_},
      bound_(scheduler.bound_),
      random_((scheduler.options().seed + index) * 0x9E3779B97F4A7C15u | 1),
      ready_(scheduler.options().weights, scheduler.options().share_threshold) {
  if (scheduler.options().turn_histogram) turn_times_ = std::make_unique<internal::TurnTimes>();
}

Worker* Worker::current() noexcept { return t_current; }

Worker::OnThisThread::OnThisThread(Worker& worker) noexcept
    : context_(&worker.context_), former_(std::exchange(t_current, &worker)) {}

Worker::OnThisThread::~OnThisThread() { t_current = former_; }

void Worker::post(task::Runnable* runnable) noexcept {
  if (t_current == this) {
    ready_.push_own(priority_of(*runnable), runnable);
  } else if (inbox_.push(runnable)) {
    parker_.unpark();
    inbox_.woke();
  }
}

void Worker::post_shared(task::Runnable* runnable) {
  const bool tell = ready_.push_shared(priority_of(*runnable), runnable);
  if (tell && !gathering_) scheduler_.notify_others();
}

// Where more is ready, the others may have been told of that, but not of this.
void Worker::post_shared_last(task::Runnable* runnable) {
  const bool tell = ready_.push_shared(priority_of(*runnable), runnable);
  if (tell && !gathering_ && ready_.spare()) scheduler_.notify_others();
}

bool Worker::start_shared(task::internal::PromiseBase& promise, task::Priority priority,
                          const char* name, std::source_location site) {
  if (!begin_task(promise, scheduler_, priority, name, site)) return false;
  if (ready_.push_shared(priority, &promise)) scheduler_.notify_others();
  return true;
}

bool Worker::admit() noexcept { return scheduler_.admit(); }

absl::Status Worker::refusal() const { return scheduler_.refusal(); }

bool Worker::may_begin(size_t count) {
  return !intake_.closed() && (!bound_.limited() || allowance_.take(bound_, count));
}

bool Worker::may_begin_task(task::internal::PromiseBase& promise, task::Executor& home,
                            std::source_location site) {
  if (scheduler_.options().spawn_sites) {  // first, for it may throw
    const task::Context& plain = *promise.context;
    promise.context = &home.context(plain.priority, plain.name, site);
  }
  return may_begin(1);
}

bool Worker::start(task::internal::PromiseBase& promise, task::Priority priority, const char* name,
                   std::source_location site) {
  promise.context = &scheduler_.spawn_context(*this, priority, name, site);
  if (!admit()) return false;
  post(&promise);
  return true;
}

void Worker::run() {
  const OnThisThread scope(*this);
  internal::ScopedForkJoinWorker forks(scheduler_.forks(), index_, &counters_.jobs_stolen);
  counters_.busy.begin(wait::Clock::now());
  while (!scheduler_.stopped()) {
    if (searching_ && ready_.maybe_any()) end_search();  // before what it found keeps it busy
    run_ready();
    look_outside();
    tell_queued();
    if (scheduler_.closed()) scheduler_.announce_progress();
    if (ready_.maybe_any() || find_work()) {
      const Gathering gathering(gathering_);
      parker_.poll();
    } else {
      sleep();
    }
    // Those who can help are told of everything that has come together here.
    if (ready_.spare()) scheduler_.notify_others();
  }
  if (searching_) end_search();
  inbox_.quiesce();
  counters_.busy.end(wait::Clock::now());
}

template <class Run>
void Worker::run_turns(const Run& run) {
  const uint32_t most = scheduler_.options().poll_interval;
  uint32_t ran = 0;
  for (; ran < most; ++ran) {
    task::Runnable* const runnable = ready_.pop();
    if (runnable == nullptr) break;
    if (ready_.take_refilled()) [[unlikely]]
      scheduler_.notify_others();
    run(runnable);
  }
  counters_.runs.add(ran);
}

void Worker::run_ready() {
  if (!bound_.limited() && turn_times_ == nullptr) {
    return run_turns([this](task::Runnable* runnable) {
      task::internal::PromiseBase* const finished =
          task::internal::resume(context_, runnable, task::WorkerContext::kBudget);
      if (finished == nullptr) return;
      if (finished->join().detached_locally()) {  // as reap() would, without the call
        finished->handle().destroy();
      } else {
        task::internal::reap(finished);
      }
      tally_.end();
    });
  }
  wait::Deadline since = turn_times_ != nullptr ? wait::Clock::now() : wait::Deadline();
  run_turns([&](task::Runnable* runnable) { run_watched(runnable, since); });
}

// With what options ask for besides. `since` is when the turn before it ended.
void Worker::run_watched(task::Runnable* runnable, wait::Deadline& since) {
  task::internal::PromiseBase* const finished =
      task::internal::resume(context_, runnable, task::WorkerContext::kBudget);
  if (turn_times_ != nullptr) {
    const wait::Deadline now = wait::Clock::now();
    turn_times_->add(now - since);
    since = now;
  }
  if (finished != nullptr) reap(finished);
}

void Worker::reap(task::internal::PromiseBase* finished) {
  if (bound_.limited()) allowance_.put(bound_);
  task::internal::reap(finished);
  tally_.end();
}

void Worker::tell_queued() {
  for (const task::Priority priority : task::kAllPriorities) {
    const auto i = static_cast<size_t>(priority);
    counters_.queued_own[i].set(ready_.own_size(priority));
    counters_.queued_shared[i].set(ready_.shared_size(priority));
  }
}

WorkerMetrics Worker::metrics() const {
  WorkerMetrics result{.runs = counters_.runs.read(),
                       .steals = counters_.steals.read(),
                       .stolen = counters_.stolen.read(),
                       .jobs_stolen = counters_.jobs_stolen.read(),
                       .parks = counters_.parks.read(),
                       .wakes = counters_.wakes.read(),
                       .ended = tally_.ended(),
                       .busy = counters_.busy.read([] { return wait::Clock::now(); }),
                       .queued_own = counters_.queued_own.read(),
                       .queued_shared = counters_.queued_shared.read()};
  result.spawned = tally_.begun();
  if (turn_times_ != nullptr) result.turn_times = turn_times_->read();
  return result;
}

// Timers, and what was posted to this worker from other threads or to all of them from outside.
void Worker::look_outside() {
  const Gathering gathering(gathering_);
  timers_.expire(task::TimerWheel::kBatch);
  for (task::Runnable* chain = inbox_.take_all(); chain != nullptr;) {
    task::Runnable* const runnable = chain;
    chain = chain->next;
    ready_.push_own(priority_of(*runnable), runnable);
  }
  take_injected();
}

void Worker::take_injected() {
  for (const task::Priority priority : task::kAllPriorities) {
    for (task::Runnable* chain = scheduler_.injector_.take(priority); chain != nullptr;) {
      task::Runnable* const runnable = chain;
      chain = chain->next;  // before it can be stolen
      ready_.push_shared(priority, runnable);
    }
  }
}

// With nothing to run: takes tasks from others, or a part of what they have forked; else waits a
// little, if it found something lately, for those it took from often have more soon. False: it may
// sleep.
bool Worker::find_work() {
  bool found = steal();
  if (!found && patience_ > 0) {
    --patience_;
    scheduler_.forks_->request(index_);  // so that a later look finds what is forked meanwhile
    for (int i = 0; i < kPauses; ++i) wait::RealSync::pause();
    return true;
  }
  if (searching_) end_search();  // before a job keeps it busy
  if (!found) found = scheduler_.forks_->run_one(index_);
  if (found) patience_ = kPatience;
  return found;
}

void Worker::end_search() {
  searching_ = false;
  scheduler_.idle_.end_search();
  // Who made jobs public may have woken nobody, since this one searched.
  if (scheduler_.maybe_tasks_beside(index_) || scheduler_.forks_->has_public(index_)) {
    scheduler_.notify_others();
  } else if (scheduler_.idle_.sleepers() > 0) {
    // What this one was woken for may have been the answer to a request of theirs, too.
    scheduler_.forks_->request(index_);
  }
}

bool Worker::steal() {
  const size_t count = scheduler_.size();
  if (count == 1) return false;
  // xorshift: any victim is right to begin with, and not always the same one.
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  std::array<task::Runnable*, internal::ReadySet::kMostStolen> taken;
  for (size_t i = 0, victim = random_ % count; i < count; ++i, ++victim) {
    if (victim == count) victim = 0;
    if (victim == index_) continue;
    const size_t number = scheduler_.worker(victim).ready_.steal(taken);
    if (number == 0) continue;
    for (size_t k = 0; k < number; ++k) ready_.push_shared(priority_of(*taken[k]), taken[k]);
    counters_.steals.add(1);
    counters_.stolen.add(number);
    return true;
  }
  return false;
}

void Worker::sleep() {
  if (bound_.limited()) allowance_.give_all_back(bound_);
  scheduler_.idle_.announce(index_);
  if (inbox_.begin_sleep()) {
    // A stop() that comes after this look leaves a token with the parker.
    if (!scheduler_.maybe_tasks_beside(index_) && !scheduler_.forks_->maybe_has_work(index_) &&
        !scheduler_.stopped()) {
      const Gathering gathering(gathering_);
      counters_.busy.end(wait::Clock::now());
      parker_.park(timers_.next());
      counters_.busy.begin(wait::Clock::now());
      counters_.parks.add(1);
    }
    inbox_.end_sleep();
  }
  searching_ = scheduler_.idle_.retract(index_);
  if (searching_) counters_.wakes.add(1);
}

}  // namespace annulet::sched
