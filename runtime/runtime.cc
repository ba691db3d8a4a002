#include "annulet/runtime/runtime.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <exception>

#include "absl/log/log.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "annulet/runtime/internal/cores.h"
#include "annulet/task/executor.h"

namespace annulet::runtime {
namespace {

// The calling thread's reactor, for as long as it lives.
class BoundReactor {
 public:
  explicit BoundReactor(io::Reactor& reactor)
      : reactor_(reactor), status_(reactor.bind_to_thread()) {}
  ~BoundReactor() { reactor_.unbind_from_thread(); }
  BoundReactor(const BoundReactor&) = delete;
  BoundReactor& operator=(const BoundReactor&) = delete;
  const absl::Status& status() const { return status_; }

 private:
  io::Reactor& reactor_;
  absl::Status status_;
};

// Cancels, on its worker, everything that tasks wait for there.
class CancelWaits : public task::CallbackRunnable {
 public:
  CancelWaits(sched::Worker& worker, io::Reactor& reactor, absl::BlockingCounter& done)
      : CallbackRunnable(&run), worker_(worker), reactor_(reactor), done_(done) {}

 private:
  static void run(CallbackRunnable* runnable) noexcept {
    auto* self = static_cast<CancelWaits*>(runnable);
    self->reactor_.cancel_all();
    self->worker_.close_timers();
    self->done_.DecrementCount();  // the last access: the owner may go
  }

  sched::Worker& worker_;
  io::Reactor& reactor_;
  absl::BlockingCounter& done_;
};

// Signals are for the program's own threads, but for those that report what a thread itself did
// wrong, and a profiler's. Set before the threads start, since they inherit the mask.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    for (int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF})
      sigdelset(&all, own);
    pthread_sigmask(SIG_SETMASK, &all, &former_);
  }
  ~AllSignalsBlocked() { pthread_sigmask(SIG_SETMASK, &former_, nullptr); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  sigset_t former_;
};

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Runtime>> Runtime::create(const RuntimeOptions& options) {
  constexpr size_t kMostThreads = 1024;
  if (options.threads > kMostThreads) {
    return absl::InvalidArgumentError(
        absl::StrCat("threads: ", options.threads, " is more than ", kMostThreads));
  }
  absl::StatusOr<io::BackendChoice> backend = io::choose_backend(options.backend);
  if (!backend.ok()) return backend.status();
  std::unique_ptr<Runtime> runtime(new Runtime(options, *std::move(backend)));
  const size_t count = options.threads != 0 ? options.threads : internal::usable_core_count();
  absl::Status made = runtime->make_reactors(count);
  if (!made.ok() && runtime->backend_.may_fall_back) {
    // One ring works here, but not one for each worker.
    LOG(WARNING) << "annulet: I/O through epoll: " << made.message();
    runtime->backend_ = {io::Backend::kEpoll, std::string(made.message())};
    made = runtime->make_reactors(count);
  }
  if (!made.ok()) return made;
  absl::Status started = runtime->start_threads();
  if (!started.ok()) return started;
  return runtime;
}

Runtime::Runtime(const RuntimeOptions& options, io::BackendChoice backend)
    : options_(options),
      backend_(std::move(backend)),
      scheduler_(std::make_unique<sched::Scheduler>()) {}

Runtime::~Runtime() {
  if (!shutdown(wait::Deadline()).ok()) leave_behind();
}

absl::Status Runtime::make_reactors(size_t count) {
  reactors_.clear();
  for (size_t i = 0; i < count; ++i) {
    absl::StatusOr<std::unique_ptr<io::Reactor>> reactor =
        io::make_reactor(backend_.backend, {.ring_entries = options_.ring_entries});
    if (!reactor.ok()) return reactor.status();
    reactors_.push_back(*std::move(reactor));
  }
  return absl::OkStatus();
}

absl::Status Runtime::start_threads() {
  const size_t count = reactors_.size();
  for (const auto& reactor : reactors_) scheduler_->add_worker(*reactor);
  std::vector<absl::Status> bound(count);
  absl::BlockingCounter all_bound(static_cast<int>(count));
  absl::Status outcome;
  threads_.reserve(count);
  {
    AllSignalsBlocked blocked;
    for (size_t i = 0; i < count; ++i) {
      try {
        threads_.emplace_back(
            [this, i, &bound, &all_bound] { run_worker(i, bound[i], all_bound); });
      } catch (const std::exception& error) {
        outcome = absl::ResourceExhaustedError(
            absl::StrCat("starting worker thread ", i, ": ", error.what(),
                         "; raise ulimit -u or ask for fewer threads"));
        for (; i < count; ++i) all_bound.DecrementCount();
      }
    }
  }
  all_bound.Wait();
  for (absl::Status& status : bound) outcome.Update(std::move(status));
  return outcome;
}

void Runtime::run_worker(size_t index, absl::Status& bound, absl::BlockingCounter& all_bound) {
  pthread_setname_np(pthread_self(),
                     absl::StrCat(options_.thread_name.substr(0, 10), "-", index).c_str());
  absl::Status pinned;
  if (options_.pin_threads) {
    const std::vector<int> cores = internal::usable_cores();
    pinned = internal::pin_this_thread(cores[index % cores.size()]);
  }
  BoundReactor reactor(*reactors_[index]);
  bound = pinned.ok() ? reactor.status() : pinned;
  const bool works = bound.ok();
  all_bound.DecrementCount();
  if (works) scheduler_->worker(index).run();
}

absl::Status Runtime::shutdown(wait::Deadline until) {
  if (task::current_worker() != nullptr && task::current_worker()->group == scheduler_.get()) {
    LOG(FATAL) << "Runtime: shut down, or destroyed, by one of its own tasks, which it would wait "
                  "for; end it from the thread that created it";
  }
  absl::MutexLock lock(&shutdown_mutex_);
  if (shut_down_) return shutdown_outcome_;
  shut_down_ = true;
  shutdown_outcome_ = drain(until);
  scheduler_->stop();
  join_threads();
  return shutdown_outcome_;
}

absl::Status Runtime::drain(wait::Deadline until) {
  begin_stop();
  if (scheduler_->wait_until_idle(until)) return absl::OkStatus();
  cancel_all_waits();
  const wait::Deadline grace = wait::deadline_after(wait::Clock::now(), options_.cancel_grace);
  if (scheduler_->wait_until_idle(grace)) return absl::OkStatus();
  absl::Status left = absl::DeadlineExceededError(absl::StrCat(
      "shutdown: ", scheduler_->live(),
      " tasks did not end, though all I/O and sleeps were cancelled; they wait for something else, "
      "or go on regardless; their frames are left as they are"));
  LOG(ERROR) << "annulet: " << left.message();
  return left;
}

void Runtime::cancel_all_waits() {
  absl::BlockingCounter done(static_cast<int>(reactors_.size()));
  std::vector<std::unique_ptr<CancelWaits>> messages;
  for (size_t i = 0; i < reactors_.size(); ++i) {
    messages.push_back(std::make_unique<CancelWaits>(scheduler_->worker(i), *reactors_[i], done));
  }
  // From here on nothing may throw: the workers know the messages.
  for (size_t i = 0; i < reactors_.size(); ++i) scheduler_->worker(i).post(messages[i].get());
  done.Wait();
}

// What is left behind may still be woken, by a task of another runtime or a token, and then posts
// to its home. So the homes stay, for as long as the process does.
void Runtime::leave_behind() {
  struct Remains {
    std::vector<std::unique_ptr<io::Reactor>> reactors;
    std::unique_ptr<sched::Scheduler> scheduler;
  };
  static absl::Mutex mutex(absl::kConstInit);
  static std::vector<Remains>* const remains = new std::vector<Remains>();
  absl::MutexLock lock(&mutex);
  remains->push_back({std::move(reactors_), std::move(scheduler_)});
}

void Runtime::join_threads() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void block_stop_signals() {
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

absl::Status Runtime::run_until_signal(std::chrono::milliseconds drain) {
  const sigset_t set = stop_signals();
  int received = 0;
  while (sigwait(&set, &received) == EINTR) {
  }
  begin_stop();
  wait::Deadline until = wait::deadline_after(wait::Clock::now(), drain);
  // Looks for a second signal now and then, while tasks finish.
  constexpr std::chrono::milliseconds kLook{20};
  constexpr timespec kNoWait{};
  while (wait::Clock::now() < until) {
    if (scheduler_->wait_until_idle(std::min(until, wait::Clock::now() + kLook))) break;
    if (sigtimedwait(&set, nullptr, &kNoWait) > 0) until = wait::Clock::now();
  }
  return shutdown(until);
}

void Runtime::begin_stop() {
  scheduler_->close();
  stopping_.cancel();
}

}  // namespace annulet::runtime
