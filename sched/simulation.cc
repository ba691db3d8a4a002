#include "annulet/sched/simulation.h"

#include <algorithm>
#include <deque>
#include <thread>
#include <vector>

#include "absl/base/const_init.h"
#include "absl/base/macros.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "annulet/task/timer_wheel.h"
#include "annulet/task/worker_context.h"
#include "annulet/wait/parker.h"

namespace annulet::sched {
namespace {

// The finalizer of splitmix64.
uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

// splitmix64: the same on every machine, unlike what <random> distributes.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(mix(seed)) {}
  // The remainder favours small numbers by a part in 2^64 / below.
  uint64_t below(uint64_t limit) { return mix(state_ += 0x9E3779B97F4A7C15u) % limit; }

 private:
  uint64_t state_;
};

class VirtualTimers final : public task::TimerWheel {
 public:
  explicit VirtualTimers(const task::Deadline& now) : now_(now) {}
  task::Deadline now() override { return now_; }

 private:
  const task::Deadline& now_;
};

SchedulerOptions with_seed(SchedulerOptions options, uint64_t seed) {
  options.seed = seed;
  return options;
}

constexpr const char* kForeign =
    "Simulation: a foreign thread spawns, wakes or cancels one of its tasks, or runs it; then no "
    "seed decides";

constexpr size_t kAnyWorker = SIZE_MAX;

struct Ready {
  task::Runnable* runnable;
  size_t worker;  // or kAnyWorker
};

// Who has the next turn, and of how many it was chosen.
struct Next {
  task::Runnable* runnable;
  size_t worker;
  size_t ready;
  size_t chosen;
};

// What a worker's loop would know.
struct Seat {
  uint32_t ran = 0;                   // since it looked outside
  std::vector<task::Runnable*> mail;  // posted to it from outside since then
};

}  // namespace

// The workers never run loops of their own. In any order, what they have queued is moved to one
// list after each turn, from which the next turn takes any element; all share one set of timers. By
// priority, it stays in their queues and each worker has timers of its own: take_next() is one step
// of Worker::run().
//
// What is posted to a worker from outside of it would lie in its inbox, what is posted to all in
// the injector. Both wake whoever sleeps, and so every worker sleeps as far as its inbox knows, and
// worker 0 as far as the others know: each such post calls unpark() in the thread that posts. So
// posts of foreign threads are noticed where they are made, but for one to the injector in the very
// moment of one of our own.
class Simulation::Machine {
 public:
  explicit Machine(const SimulationOptions& options);

  std::exception_ptr run_all();

  Scheduler& scheduler() { return scheduler_; }
  task::Deadline now() const { return now_; }
  Random& random() { return random_; }
  uint64_t turns() const { return turns_; }
  uint64_t fingerprint() const { return fingerprint_; }
  bool stuck() const { return stuck_; }

 private:
  // Wakes nobody, for nobody sleeps: takes in what was posted.
  class Parker final : public wait::Parker {
   public:
    Parker(Machine& machine, size_t worker) : machine_(machine), worker_(worker) {}
    void poll() override {}
    void park(wait::Deadline) override {}
    void unpark() override { machine_.take_in(worker_); }

   private:
    Machine& machine_;
    const size_t worker_;
  };

  bool by_priority() const { return options_.order == SimulatedOrder::kByPriority; }
  void check_thread() const;
  void take_in(size_t worker);
  void look_again();
  bool anything_ready();
  Next choose();
  void turn(const Next& next);
  task::Deadline next_timer() const;
  void advance_to(task::Deadline now) { now_ = std::max(now_, now); }

  // In any order:
  void gather(size_t worker);
  void gather_injected();
  void fire_timers();

  // By priority:
  bool may_run(size_t worker);
  task::Runnable* take_next(size_t worker);
  void look_outside(size_t worker);

  std::string place();
  std::exception_ptr deadlock();
  std::exception_ptr livelock();

  const SimulationOptions options_;
  const std::thread::id thread_ = std::this_thread::get_id();
  std::deque<Parker> parkers_;
  task::Deadline now_ = kStart;
  std::deque<VirtualTimers> timers_;  // of all workers, or one for each
  Scheduler scheduler_;
  std::vector<Ready> ready_;  // in any order
  std::vector<Seat> seats_;   // by priority
  std::vector<size_t> able_;  // by priority: who could have the next turn
  Random random_;
  uint64_t turns_ = 0;
  uint64_t fingerprint_ = 0;
  bool stuck_ = false;
};

Simulation::Machine::Machine(const SimulationOptions& options)
    : options_(options),
      scheduler_(with_seed(options.scheduler, options.seed)),
      seats_(options.workers),
      random_(options.seed) {
  CHECK_GT(options.workers, 0u) << "SimulationOptions::workers";
  CHECK_GE(options.longest_turn.count(), 0) << "SimulationOptions::longest_turn";
  for (size_t i = 0; i < options.workers; ++i) {
    Worker& worker = scheduler_.add_worker(parkers_.emplace_back(*this, i));
    if (i == 0 || by_priority()) timers_.emplace_back(now_);
    worker.context_.timers = &timers_.back();
    CHECK(worker.inbox_.begin_sleep());
  }
  scheduler_.idle_.announce(0);
}

void Simulation::Machine::check_thread() const {
  CHECK(std::this_thread::get_id() == thread_) << kForeign;
}

// Called by whoever posts.
void Simulation::Machine::take_in(size_t index) {
  check_thread();
  Worker& worker = scheduler_.worker(index);
  if (task::Runnable* const chain = worker.inbox_.take_all()) {
    worker.inbox_.end_sleep();
    CHECK(chain->next == nullptr && worker.inbox_.begin_sleep()) << kForeign;
    if (by_priority()) {
      seats_[index].mail.push_back(chain);
    } else {
      ready_.push_back({chain, index});
    }
  }
  if (index == 0) look_again();
}

// Worker 0 is asleep once more.
void Simulation::Machine::look_again() {
  if (scheduler_.idle_.retract(0)) scheduler_.idle_.end_search();
  scheduler_.idle_.announce(0);
}

void Simulation::Machine::gather(size_t index) {
  Worker& worker = scheduler_.worker(index);
  while (task::Runnable* const runnable = worker.ready_.pop()) {
    const bool shared = runnable->context != nullptr && runnable->context->home == &scheduler_;
    ready_.push_back({runnable, shared ? kAnyWorker : index});
  }
}

void Simulation::Machine::gather_injected() {
  for (const task::Priority priority : task::kAllPriorities) {
    for (task::Runnable* chain = scheduler_.injector_.take(priority); chain != nullptr;) {
      task::Runnable* const runnable = chain;
      chain = chain->next;
      ready_.push_back({runnable, kAnyWorker});
    }
  }
}

void Simulation::Machine::fire_timers() {
  if (timers_.front().next() > now_) return;
  {
    const Worker::OnThisThread scope(scheduler_.worker(0));
    timers_.front().expire();
  }
  gather(0);
}

// Perhaps in vain, after which it no longer may.
bool Simulation::Machine::may_run(size_t index) {
  if (scheduler_.worker(index).ready_.maybe_any() || !seats_[index].mail.empty() ||
      timers_[index].next() <= now_) {
    return true;
  }
  return scheduler_.maybe_tasks_beside(index);
}

// As Worker::run(): what is ready, for poll_interval tasks; what came from outside; what others
// have.
task::Runnable* Simulation::Machine::take_next(size_t index) {
  Worker& worker = scheduler_.worker(index);
  Seat& seat = seats_[index];
  const Worker::OnThisThread scope(worker);
  if (seat.ran == scheduler_.options().poll_interval) look_outside(index);
  task::Runnable* runnable = worker.ready_.pop();
  if (runnable == nullptr) {
    look_outside(index);
    runnable = worker.ready_.pop();
  }
  if (runnable == nullptr && worker.steal()) runnable = worker.ready_.pop();
  if (runnable != nullptr) ++seat.ran;
  return runnable;
}

// As Worker::look_outside().
void Simulation::Machine::look_outside(size_t index) {
  Worker& worker = scheduler_.worker(index);
  Seat& seat = seats_[index];
  seat.ran = 0;
  timers_[index].expire(task::TimerWheel::kBatch);
  for (task::Runnable* const runnable : std::exchange(seat.mail, {})) worker.post(runnable);
  worker.take_injected();
}

std::exception_ptr Simulation::Machine::run_all() {
  check_thread();
  ABSL_ASSERT(task::current_worker() == nullptr && "run() inside a task: co_await it instead");
  if (!by_priority()) gather_injected();
  while (scheduler_.live() > 0) {
    if (anything_ready()) {
      if (turns_ == options_.max_turns) return livelock();
      const Next next = choose();
      if (next.runnable != nullptr) turn(next);
    } else if (next_timer() != wait::kNever) {
      advance_to(next_timer());
    } else {
      return deadlock();
    }
  }
  return nullptr;
}

task::Deadline Simulation::Machine::next_timer() const {
  task::Deadline next = wait::kNever;
  for (const VirtualTimers& timers : timers_) next = std::min(next, timers.next());
  return next;
}

bool Simulation::Machine::anything_ready() {
  if (!by_priority()) {
    fire_timers();
    return !ready_.empty();
  }
  able_.clear();
  for (size_t i = 0; i < options_.workers; ++i) {
    if (may_run(i)) able_.push_back(i);
  }
  return !able_.empty();
}

Next Simulation::Machine::choose() {
  if (by_priority()) {
    const size_t chosen = random_.below(able_.size());
    return {take_next(able_[chosen]), able_[chosen], able_.size(), chosen};
  }
  const size_t among = ready_.size();
  const size_t chosen = random_.below(among);
  const Ready next = ready_[chosen];
  ready_[chosen] = ready_.back();
  ready_.pop_back();
  const size_t index = next.worker == kAnyWorker ? random_.below(options_.workers) : next.worker;
  return {next.runnable, index, among, chosen};
}

void Simulation::Machine::turn(const Next& next) {
  const bool impatient = !by_priority() && random_.below(2) == 0;
  const int budget = impatient ? 1 : task::WorkerContext::kBudget;
  const auto duration = static_cast<uint64_t>(options_.longest_turn.count());
  const std::chrono::nanoseconds takes(duration == 0 ? 0 : random_.below(duration + 1));
  Worker& worker = scheduler_.worker(next.worker);

  fingerprint_ = mix(fingerprint_ + next.chosen);
  fingerprint_ = mix(fingerprint_ + next.worker);
  fingerprint_ = mix(fingerprint_ + static_cast<uint64_t>(now_.time_since_epoch().count()));
  if (by_priority()) fingerprint_ = mix(fingerprint_ + worker.metrics().stolen);
  if (options_.on_turn) {
    const task::Context* const context = next.runnable->context;
    options_.on_turn({.number = turns_,
                      .at = now_,
                      .worker = next.worker,
                      .ready = next.ready,
                      .chosen = next.chosen,
                      .name = context != nullptr ? context->name : nullptr});
  }
  ++turns_;
  {
    const Worker::OnThisThread scope(worker);
    auto* const finished = task::internal::resume(worker.context_, next.runnable, budget);
    if (finished != nullptr) worker.reap(finished);
  }
  worker.counters_.runs.add(1);
  if (!by_priority()) {
    gather(next.worker);
    gather_injected();
  }
  advance_to(wait::deadline_after(now_, takes));
}

std::string Simulation::Machine::place() {
  return absl::StrCat("simulation with seed ", options_.seed, ", ", turns_, " turns and ",
                      absl::FormatDuration(absl::FromChrono(now_ - kStart)), " after its start: ");
}

std::exception_ptr Simulation::Machine::deadlock() {
  stuck_ = true;
  const uint64_t tasks = scheduler_.live();
  return std::make_exception_ptr(
      Deadlock(absl::StrCat(place(), "deadlock: ", tasks,
                            " spawned tasks wait, none is ready and none sleeps"),
               tasks));
}

std::exception_ptr Simulation::Machine::livelock() {
  stuck_ = true;
  const uint64_t tasks = scheduler_.live();
  return std::make_exception_ptr(Livelock(
      absl::StrCat(place(), "livelock, or max_turns is too small: ", tasks,
                   " spawned tasks have not ended, ", by_priority() ? able_.size() : ready_.size(),
                   by_priority() ? " workers have something to run" : " are ready"),
      tasks));
}

Simulation::Simulation(const SimulationOptions& options)
    : machine_(std::make_shared<Machine>(options)) {}

Simulation::~Simulation() = default;

std::exception_ptr Simulation::run_all() {
  CHECK(!machine_->stuck())
      << "Simulation::run: an earlier run has ended in a deadlock or livelock";
  std::exception_ptr stuck = machine_->run_all();
  if (stuck != nullptr) {
    // Whatever wakes one of those that are left posts to its home, which so has to stay.
    static absl::Mutex mutex(absl::kConstInit);
    static auto* const remains = new std::vector<std::shared_ptr<Machine>>();
    absl::MutexLock lock(&mutex);
    remains->push_back(machine_);
  }
  return stuck;
}

wait::Deadline Simulation::now() const { return machine_->now(); }

uint64_t Simulation::random(uint64_t below) {
  ABSL_ASSERT(below > 0);
  return machine_->random().below(below);
}

Scheduler& Simulation::scheduler() { return machine_->scheduler(); }

uint64_t Simulation::turns() const { return machine_->turns(); }

uint64_t Simulation::fingerprint() const { return machine_->fingerprint(); }

}  // namespace annulet::sched
