#include "annulet/sched/engine.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <new>
#include <system_error>

#include "absl/log/log.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "annulet/sched/internal/await_until.h"
#include "annulet/sched/internal/blocked_signals.h"
#include "annulet/sched/internal/cores.h"
#include "annulet/sched/internal/hooks.h"
#include "annulet/task/executor.h"
#include "annulet/task/unobserved.h"
#include "annulet/wait/thread_parker.h"

namespace annulet::sched {
namespace {

// How long workers have to come back once they are told to; one that is in no task takes
// microseconds.
constexpr std::chrono::seconds kToComeBack{2};

constexpr const char* kWaitsFor =
    "~Engine: waits for what runs, since what that uses may go next; stop(deadline) before leaves "
    "it: ";

class ThreadHost final : public WorkerHost {
 public:
  explicit ThreadHost(size_t workers) : parkers_(workers) {}
  size_t size() const override { return parkers_.size(); }
  wait::Parker& parker(size_t worker) override { return parkers_[worker]; }
  absl::Status begin(size_t) override { return absl::OkStatus(); }
  void end(size_t) override {}
  void cancel_waits(size_t) override {}

 private:
  std::vector<wait::ThreadParker> parkers_;
};

template <class Duration>
wait::Deadline from_now(Duration delay) {
  return wait::deadline_after(wait::Clock::now(), delay);
}

size_t worker_count(const EngineOptions& options, const WorkerHost* host) {
  if (options.workers != 0) return options.workers;
  if (host != nullptr) return host->size();
  return internal::default_worker_count();
}

BlockingOptions blocking_options(const EngineOptions& options) {
  BlockingOptions result = options.blocking;
  if (result.thread_name.empty()) result.thread_name = options.thread_name;
  return result;
}

}  // namespace

// What the workers and the threads for blocking calls use. If some of them do not come back it
// stays, for as long as the process does.
struct Engine::Core {
  Core(const EngineOptions& given, std::unique_ptr<WorkerHost> its_host)
      : options(given),
        host(std::move(its_host)),
        scheduler(given.scheduler),
        blocking(blocking_options(given)) {
    scheduler.set_blocking(&blocking);
  }

  // In the worker's thread.
  void run_worker(size_t index, int cpu, absl::Status& begun, absl::BlockingCounter& all_begun);
  absl::Status call_on_start(size_t index);
  void call_on_stop(size_t index);

  // How many workers have not cancelled what is waited for, though they were to.
  size_t await_cancelled(wait::Deadline until);
  // How many workers have not come back.
  size_t await_workers(wait::Deadline until);
  size_t await_none(size_t& number, wait::Deadline until);

  const EngineOptions options;
  const std::unique_ptr<WorkerHost> host;  // outlives the scheduler, whose workers sleep in it
  Scheduler scheduler;
  BlockingPool blocking;
  std::vector<std::unique_ptr<CancelWaits>> cancel_waits;  // one for each worker that runs

  absl::Mutex mutex;
  // Under the mutex.
  size_t cancelling = 0;        // workers that are still to cancel what is waited for
  size_t working = 0;           // threads that have not come back
  std::vector<bool> came_back;  // which ones have
  bool left = false;            // those that have not are on their own

  std::unique_ptr<Core> before;  // that was left behind
};

// Cancels, on its worker, everything that tasks wait for there.
class Engine::CancelWaits : public task::CallbackRunnable {
 public:
  CancelWaits(Core& core, Worker& worker) : CallbackRunnable(&run), core_(core), worker_(worker) {}

  void post() { worker_.post(this); }

 private:
  static void run(CallbackRunnable* runnable) noexcept {
    auto* self = static_cast<CancelWaits*>(runnable);
    self->core_.host->cancel_waits(self->worker_.index());
    self->worker_.close_timers();
    absl::MutexLock lock(&self->core_.mutex);
    --self->core_.cancelling;
  }

  Core& core_;
  Worker& worker_;
};

absl::StatusOr<std::unique_ptr<Engine>> Engine::create(const EngineOptions& options) {
  return create(options, nullptr);
}

absl::StatusOr<std::unique_ptr<Engine>> Engine::create(const EngineOptions& options,
                                                       std::unique_ptr<WorkerHost> host) {
  if (options.workers > EngineOptions::kMostWorkers) {
    return absl::InvalidArgumentError(
        absl::StrCat("workers: ", options.workers, " is more than ", EngineOptions::kMostWorkers));
  }
  if (absl::Status bad = check(options.scheduler); !bad.ok()) return bad;
  if (absl::Status bad = check(options.blocking); !bad.ok()) return bad;
  const size_t count = worker_count(options, host.get());
  if (host != nullptr && host->size() != count) {
    return absl::InvalidArgumentError(
        absl::StrCat("workers: ", count, ", but the host is for ", host->size()));
  }
  if (host == nullptr) host = std::make_unique<ThreadHost>(count);
  if (options.on_park || options.on_unpark) {
    host = internal::with_hooks(std::move(host), options, count);
  }
  std::unique_ptr<Engine> engine(new Engine(options, std::move(host)));
  absl::Status started = engine->start_threads(count);
  if (!started.ok()) return started;
  return engine;
}

Engine::Engine(const EngineOptions& options, std::unique_ptr<WorkerHost> host)
    : core_(std::make_unique<Core>(options, std::move(host))),
      scheduler_(&core_->scheduler),
      blocking_(core_->blocking) {}

Engine::~Engine() {
  process_.check("~Engine");
  if (on_own_thread()) {
    LOG(FATAL) << "Engine: destroyed by one of its own tasks or calls, which it would wait for; "
                  "destroy it from the thread that created it";
  }
  bring_forward(wait::Deadline());
  absl::MutexLock lock(&stop_mutex_);
  end_threads(/*wait_for_running=*/true);
  look_for_calls();
  if (left_.any()) leave_behind();
}

absl::Status Engine::no_such_worker(size_t index) const {
  return absl::InvalidArgumentError(absl::StrCat("spawn_on: there is no worker ", index,
                                                 ": the engine has ", workers(), ", from 0"));
}

absl::Status Engine::start_threads(size_t count) {
  for (size_t i = 0; i < count; ++i) {
    Worker& worker = scheduler_->add_worker(core_->host->parker(i));
    core_->cancel_waits.push_back(std::make_unique<CancelWaits>(*core_, worker));
  }
  core_->came_back.resize(count);
  (void)scheduler_->forks();  // here, where want of memory is an error, not in a worker
  const std::vector<int> cores = internal::usable_cores();
  std::vector<absl::Status> begun(count);
  absl::BlockingCounter all_begun(static_cast<int>(count));
  std::error_code refused;
  threads_.reserve(count);
  {
    const internal::AllSignalsBlocked blocked;
    for (size_t i = 0; i < count; ++i) {
      // Nothing else may throw here: the threads use what is on this stack.
      try {
        threads_.emplace_back([core = core_.get(), i, &cores, &begun, &all_begun] {
          core->run_worker(i, cores[i % cores.size()], begun[i], all_begun);
        });
      } catch (const std::system_error& error) {
        refused = error.code();
      } catch (const std::bad_alloc&) {
        refused = std::make_error_code(std::errc::not_enough_memory);
      }
      if (refused) {
        for (; i < count; ++i) {
          core_->cancel_waits[i] = nullptr;
          all_begun.DecrementCount();
        }
      }
    }
  }
  all_begun.Wait();
  if (refused) {
    return absl::ResourceExhaustedError(absl::StrCat("starting worker thread ", threads_.size(),
                                                     ": ", refused.message(),
                                                     "; raise ulimit -u or ask for fewer threads"));
  }
  absl::Status outcome;
  for (absl::Status& status : begun) outcome.Update(std::move(status));
  return outcome;
}

void Engine::Core::run_worker(size_t index, int cpu, absl::Status& begun,
                              absl::BlockingCounter& all_begun) {
  pthread_setname_np(pthread_self(),
                     absl::StrCat(options.thread_name.substr(0, 10), "-", index).c_str());
  if (options.pin_threads) begun = internal::pin_this_thread(cpu);
  if (begun.ok()) begun = host->begin(index);
  const bool works = begun.ok();
  if (works) {
    begun = call_on_start(index);
  } else {
    cancel_waits[index] = nullptr;
  }
  const bool started = begun.ok();
  {
    absl::MutexLock lock(&mutex);
    ++working;
  }
  all_begun.DecrementCount();  // behind this `begun` may be gone
  if (works) {
    // Also if the hook has failed: it may have spawned before.
    scheduler.worker(index).run();
    if (started) call_on_stop(index);
    host->end(index);
  }
  absl::MutexLock lock(&mutex);
  --working;
  came_back[index] = true;
}

absl::Status Engine::Core::call_on_start(size_t index) {
  if (!options.on_start) return absl::OkStatus();
  try {
    scheduler.worker(index).call([&] { options.on_start(index); });
  } catch (...) {
    return absl::InternalError(absl::StrCat("on_start of worker ", index, " threw: ",
                                            task::internal::describe(std::current_exception())));
  }
  return absl::OkStatus();
}

void Engine::Core::call_on_stop(size_t index) {
  {
    absl::MutexLock lock(&mutex);
    if (left) return;  // the hook's owner has been told that this worker does not come back
  }
  internal::call_hook("on_stop", options.on_stop, index);
}

size_t Engine::Core::await_cancelled(wait::Deadline until) { return await_none(cancelling, until); }

size_t Engine::Core::await_workers(wait::Deadline until) { return await_none(working, until); }

size_t Engine::Core::await_none(size_t& number, wait::Deadline until) {
  const auto none = +[](size_t* n) { return *n == 0; };
  absl::MutexLock lock(&mutex);
  (void)internal::await_until(mutex, absl::Condition(none, &number), until);
  return number;
}

bool Engine::on_own_thread() const {
  const Worker* const worker = Worker::current();
  return (worker != nullptr && &worker->scheduler() == scheduler_) || blocking_.on_own_thread();
}

void Engine::close() {
  scheduler_->close();
  stopping_.cancel();
}

absl::Status Engine::stop(wait::Deadline drain) {
  process_.check("stop");
  if (on_own_thread()) {
    return absl::FailedPreconditionError(
        "stop: called by a task or a blocking call of the engine, which would wait for itself; "
        "call close() there and stop() in the thread that created the engine");
  }
  bring_forward(drain);
  absl::MutexLock lock(&stop_mutex_);
  end_threads(/*wait_for_running=*/false);
  if (!left_.any()) return absl::OkStatus();
  return absl::DeadlineExceededError(left_.describe().data());
}

void Engine::bring_forward(wait::Deadline drain) {
  {
    absl::MutexLock lock(&drain_mutex_);
    drain_until_ = std::min(drain_until_, drain);
  }
  scheduler_->announce_progress();  // a stop that waits looks again
}

wait::Deadline Engine::drain_until() {
  absl::MutexLock lock(&drain_mutex_);
  return drain_until_;
}

// Under stop_mutex_. Needs no memory, for the destructor cannot do without it.
void Engine::end_threads(bool wait_for_running) noexcept {
  if (stopped_) return;
  close();
  bool idle = scheduler_->wait_until_idle([this] { return drain_until(); });
  if (!idle) {
    cancel_all_waits();
    blocking_.close();
    left_.workers = core_->await_cancelled(from_now(kToComeBack));
  }
  const wait::Deadline grace = from_now(core_->options.cancel_grace);
  const bool calls = blocking_.metrics().running > 0;
  if (!idle) idle = scheduler_->wait_until_idle(grace);
  left_.calls = await_calls(grace);
  if (wait_for_running && left_.any()) {
    report(kWaitsFor);
    (void)core_->await_cancelled(wait::kNever);
    left_.calls = blocking_.stop();
  }
  if (wait_for_running && (calls || left_.any())) {  // tasks go on with what came of it
    idle = scheduler_->wait_until_idle(from_now(core_->options.cancel_grace));
  }
  scheduler_->stop();
  // With no task alive only a hook or the host can keep a worker, and they return.
  left_.workers = core_->await_workers(idle ? wait::kNever : from_now(kToComeBack));
  if (wait_for_running && left_.workers > 0) {
    report(kWaitsFor);
    left_.workers = core_->await_workers(wait::kNever);
  }
  join_threads();
  left_.tasks = scheduler_->live();
  look_for_calls();
  if (left_.any()) report("stop: ");
  stopped_ = true;
}

// Until `grace`; or until drain_until(), for a call that a task of another engine waits for, which
// may go on though no task of this one lives.
size_t Engine::await_calls(wait::Deadline grace) {
  constexpr std::chrono::milliseconds kLook{20};
  for (;;) {
    const wait::Deadline until = std::max(grace, drain_until());
    const size_t running = blocking_.stop(std::min(until, from_now(kLook)));
    if (running == 0 || wait::Clock::now() >= until) return running;
  }
}

// Whether those that were left still run.
void Engine::look_for_calls() {
  if (left_.calls > 0) left_.calls = blocking_.stop(wait::Deadline());
}

std::array<char, 320> Engine::Left::describe() const noexcept {
  std::array<char, 320> text{};
  size_t used = 0;
  const auto add = [&](uint64_t number, const char* what) {
    if (number == 0) return;
    const int length =
        std::snprintf(text.data() + used, text.size() - used, "%s%llu %s", used > 0 ? "; " : "",
                      static_cast<unsigned long long>(number), what);
    used = std::min(used + static_cast<size_t>(std::max(length, 0)), text.size() - 1);
  };
  add(tasks,
      "tasks did not end, though all I/O and sleeps were cancelled; they wait for something else, "
      "or go on regardless; their frames are left as they are");
  add(calls, "blocking calls still run");
  add(workers, "workers are in a task that does not return");
  return text;
}

void Engine::report(const char* what) const noexcept {
  const auto left = left_.describe();
  try {
    LOG(ERROR) << "annulet: " << what << left.data();
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "annulet: %s%s\n", what, left.data());
  }
}

void Engine::cancel_all_waits() {
  const auto none = std::count(core_->cancel_waits.begin(), core_->cancel_waits.end(), nullptr);
  {
    absl::MutexLock lock(&core_->mutex);
    core_->cancelling = core_->cancel_waits.size() - static_cast<size_t>(none);
  }
  for (const auto& message : core_->cancel_waits) {
    if (message != nullptr) message->post();
  }
}

// Those that have come back; the others are on their own from now on.
void Engine::join_threads() {
  {
    absl::MutexLock lock(&core_->mutex);
    core_->left = core_->working > 0;
    for (size_t i = 0; i < threads_.size(); ++i) {
      if (!core_->came_back[i]) threads_[i].detach();
    }
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
  threads_.clear();
}

// What is left behind may still be woken, by a task of another engine or a token, and then posts to
// its home; and what runs uses all of it. So the core stays, for as long as the process does.
void Engine::leave_behind() noexcept {
  static absl::Mutex mutex(absl::kConstInit);
  static Core* latest = nullptr;
  blocking_.leave();
  absl::MutexLock lock(&mutex);
  core_->before.reset(latest);
  latest = core_.release();
}

}  // namespace annulet::sched
