#include "annulet/sched/engine.h"

#include <pthread.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <new>
#include <system_error>

#include "absl/log/log.h"
#include "absl/strings/str_cat.h"
#include "annulet/sched/internal/blocked_signals.h"
#include "annulet/sched/internal/cores.h"
#include "annulet/sched/internal/hooks.h"
#include "annulet/task/executor.h"
#include "annulet/task/unobserved.h"
#include "annulet/wait/thread_parker.h"

namespace annulet::sched {
namespace {

constexpr size_t kMostWorkers = 1024;
// Behind their number.
constexpr const char* kLeft =
    " tasks did not end, though all I/O and sleeps were cancelled; they wait for something else, or"
    " go on regardless; their frames are left as they are";

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

size_t worker_count(const EngineOptions& options, const WorkerHost* host) {
  if (options.workers != 0) return options.workers;
  if (host != nullptr) return host->size();
  return std::max<size_t>(2, internal::usable_core_count());
}

BlockingOptions blocking_options(const EngineOptions& options) {
  BlockingOptions result = options.blocking;
  if (result.thread_name.empty()) result.thread_name = options.thread_name;
  return result;
}

}  // namespace

struct Engine::Remains {
  std::unique_ptr<WorkerHost> host;
  std::unique_ptr<Scheduler> scheduler;
  std::unique_ptr<Remains> before;
};

// Cancels, on its worker, everything that tasks wait for there.
class Engine::CancelWaits : public task::CallbackRunnable {
 public:
  CancelWaits(Worker& worker, WorkerHost& host)
      : CallbackRunnable(&run), worker_(worker), host_(host) {}

  void post(absl::BlockingCounter& done) {
    done_ = &done;
    worker_.post(this);
  }

 private:
  static void run(CallbackRunnable* runnable) noexcept {
    auto* self = static_cast<CancelWaits*>(runnable);
    self->host_.cancel_waits(self->worker_.index());
    self->worker_.close_timers();
    self->done_->DecrementCount();  // the last access: the owner may go
  }

  Worker& worker_;
  WorkerHost& host_;
  absl::BlockingCounter* done_ = nullptr;
};

absl::StatusOr<std::unique_ptr<Engine>> Engine::create(const EngineOptions& options) {
  return create(options, nullptr);
}

absl::StatusOr<std::unique_ptr<Engine>> Engine::create(const EngineOptions& options,
                                                       std::unique_ptr<WorkerHost> host) {
  if (options.workers > kMostWorkers) {
    return absl::InvalidArgumentError(
        absl::StrCat("workers: ", options.workers, " is more than ", kMostWorkers));
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
    : options_(options),
      host_(std::move(host)),
      scheduler_(std::make_unique<Scheduler>(options.scheduler)),
      blocking_(blocking_options(options)),
      remains_(std::make_unique<Remains>()) {
  scheduler_->set_blocking(&blocking_);
}

Engine::~Engine() {
  process_.check("~Engine");
  if (on_own_thread()) {
    LOG(FATAL) << "Engine: destroyed by one of its own tasks or calls, which it would wait for; "
                  "destroy it from the thread that created it";
  }
  absl::MutexLock lock(&stop_mutex_);
  end_threads(wait::Deadline());
  if (left_ > 0) leave_behind();
}

absl::Status Engine::no_such_worker(size_t index) const {
  return absl::InvalidArgumentError(absl::StrCat("spawn_on: there is no worker ", index,
                                                 ": the engine has ", workers(), ", from 0"));
}

absl::Status Engine::start_threads(size_t count) {
  for (size_t i = 0; i < count; ++i) {
    Worker& worker = scheduler_->add_worker(host_->parker(i));
    cancel_waits_.push_back(std::make_unique<CancelWaits>(worker, *host_));
  }
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
        threads_.emplace_back([this, i, &cores, &begun, &all_begun] {
          run_worker(i, cores[i % cores.size()], begun[i], all_begun);
        });
      } catch (const std::system_error& error) {
        refused = error.code();
      } catch (const std::bad_alloc&) {
        refused = std::make_error_code(std::errc::not_enough_memory);
      }
      if (refused) {
        for (; i < count; ++i) {
          cancel_waits_[i] = nullptr;
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

void Engine::run_worker(size_t index, int core, absl::Status& begun,
                        absl::BlockingCounter& all_begun) {
  pthread_setname_np(pthread_self(),
                     absl::StrCat(options_.thread_name.substr(0, 10), "-", index).c_str());
  if (options_.pin_threads) begun = internal::pin_this_thread(core);
  if (begun.ok()) begun = host_->begin(index);
  const bool works = begun.ok();
  if (works) {
    begun = call_on_start(index);
  } else {
    cancel_waits_[index] = nullptr;
  }
  const bool started = begun.ok();
  all_begun.DecrementCount();  // behind this `begun` may be gone
  if (!works) return;
  // Also if the hook has failed: it may have spawned before.
  scheduler_->worker(index).run();
  if (started) internal::call_hook("on_stop", options_.on_stop, index);
  host_->end(index);
}

absl::Status Engine::call_on_start(size_t index) {
  if (!options_.on_start) return absl::OkStatus();
  try {
    scheduler_->worker(index).call([&] { options_.on_start(index); });
  } catch (...) {
    return absl::InternalError(absl::StrCat("on_start of worker ", index, " threw: ",
                                            task::internal::describe(std::current_exception())));
  }
  return absl::OkStatus();
}

bool Engine::on_own_thread() const {
  const Worker* const worker = Worker::current();
  return (worker != nullptr && &worker->scheduler() == scheduler_.get()) ||
         blocking_.on_own_thread();
}

void Engine::close() {
  scheduler_->close();
  stopping_.cancel();
}

absl::Status Engine::stop(wait::Deadline until) {
  process_.check("stop");
  if (on_own_thread()) {
    return absl::FailedPreconditionError(
        "stop: called by a task or a blocking call of the engine, which would wait for itself; "
        "call close() there and stop() in the thread that created the engine");
  }
  absl::MutexLock lock(&stop_mutex_);
  end_threads(until);
  if (left_ == 0) return absl::OkStatus();
  return absl::DeadlineExceededError(absl::StrCat("stop: ", left_, kLeft));
}

// Under stop_mutex_. Needs no memory, for the destructor cannot do without it.
void Engine::end_threads(wait::Deadline until) noexcept {
  if (stopped_) return;
  left_ = drain(until);
  if (left_ > 0) report_left();
  scheduler_->stop();
  join_threads();
  blocking_.stop();
  stopped_ = true;
}

void Engine::report_left() const noexcept {
  try {
    LOG(ERROR) << "annulet: stop: " << left_ << kLeft;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "annulet: stop: %llu%s\n", static_cast<unsigned long long>(left_), kLeft);
  }
}

// How many tasks did not end.
uint64_t Engine::drain(wait::Deadline until) {
  close();
  if (scheduler_->wait_until_idle(until)) return 0;
  cancel_all_waits();
  blocking_.close();
  const bool blocked = blocking_.metrics().running > 0;  // none is added any more
  if (wait_for_grace()) return 0;
  if (blocked) {
    // The calls are waited for in any case, so their tasks shall have what comes of them.
    blocking_.stop();
    if (wait_for_grace()) return 0;
  }
  return scheduler_->live();
}

bool Engine::wait_for_grace() {
  return scheduler_->wait_until_idle(
      wait::deadline_after(wait::Clock::now(), options_.cancel_grace));
}

void Engine::cancel_all_waits() {
  const auto none = std::count(cancel_waits_.begin(), cancel_waits_.end(), nullptr);
  absl::BlockingCounter done(static_cast<int>(cancel_waits_.size()) - static_cast<int>(none));
  for (const auto& message : cancel_waits_) {
    if (message != nullptr) message->post(done);
  }
  done.Wait();
}

// What is left behind may still be woken, by a task of another engine or a token, and then posts to
// its home. So the homes stay, for as long as the process does.
void Engine::leave_behind() noexcept {
  static absl::Mutex mutex(absl::kConstInit);
  static Remains* latest = nullptr;
  remains_->host = std::move(host_);
  remains_->scheduler = std::move(scheduler_);
  absl::MutexLock lock(&mutex);
  remains_->before.reset(latest);
  latest = remains_.release();
}

void Engine::join_threads() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace annulet::sched
