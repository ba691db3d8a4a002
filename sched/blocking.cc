#include "annulet/sched/blocking.h"

#include <string_view>
#include <system_error>

#include "absl/log/check.h"
#include "absl/log/log.h"
#include "absl/strings/str_cat.h"
#include "annulet/sched/internal/await_until.h"
#include "annulet/sched/internal/blocked_signals.h"
#include "annulet/task/cancel.h"
#include "annulet/task/executor.h"
#include "annulet/wait/deadline.h"
#include "annulet/wait/thread_parker.h"

namespace annulet::sched {
namespace {

constinit thread_local const BlockingPool* t_pool = nullptr;  // whose thread this is

}  // namespace

absl::Status check(const BlockingOptions& options) {
  constexpr size_t kMostThreads = 16384;
  if (options.max_threads == 0 || options.max_threads > kMostThreads) {
    return absl::InvalidArgumentError(absl::StrCat("blocking.max_threads: ", options.max_threads,
                                                   " is not between 1 and ", kMostThreads));
  }
  if (options.keep_alive < options.keep_alive.zero()) {
    return absl::InvalidArgumentError(
        absl::StrCat("blocking.keep_alive: ", options.keep_alive.count(), " ms is negative"));
  }
  return absl::OkStatus();
}

namespace internal {

// What is refused goes through the queue, too: a task that retries must not keep its worker to
// itself.
void BlockingCall::begin(task::Runnable* waiter, task::internal::CancelState* cancel) noexcept {
  waiter_ = waiter;
  if (pool_ == nullptr) return refuse(Outcome::kNoPool);
  if (cancel != nullptr && !cancel->attach(this)) return refuse(Outcome::kCancelled);
  cancel_ = cancel;
  pool_->submit(*this);
}

void BlockingCall::on_cancel(CancelHook* hook) noexcept {
  auto* self = static_cast<BlockingCall*>(hook);
  if (!self->pool_->withdraw(*self)) return;
  self->outcome_ = Outcome::kCancelled;
  task::resume_at_home(self->waiter_);
}

void BlockingCall::detach() {
  if (cancel_ != nullptr) (void)cancel_->detach(this);
}

void BlockingCall::refuse(Outcome why, int start_error) noexcept {
  detach();
  outcome_ = why;
  start_error_ = start_error;
  task::resume_at_home(waiter_);
}

absl::Status BlockingCall::refusal() const {
  switch (outcome_) {
    case Outcome::kRan:
      break;
    case Outcome::kCancelled:
      return task::cancelled_error();
    case Outcome::kStopping:
      return absl::CancelledError("run_blocking: cancelled, the pool is stopping");
    case Outcome::kFull:
      return absl::ResourceExhaustedError(
          "run_blocking: refused, max_pending calls wait already; ask for less at once, or raise "
          "max_threads or max_pending");
    case Outcome::kNoThread:
      return absl::ResourceExhaustedError(
          absl::StrCat("run_blocking: starting a thread: ",
                       std::error_code(start_error_, std::generic_category()).message(),
                       "; raise ulimit -u or the container's limit on processes, or lower "
                       "max_threads"));
    case Outcome::kNoPool:
      return absl::FailedPreconditionError(
          "run_blocking: the caller's scheduler has no pool; name one, or use an engine");
  }
  return absl::OkStatus();
}

}  // namespace internal

// On the thread's own stack. But for the parker all of it is under the pool's lock.
struct BlockingPool::Thread {
  wait::ThreadParker parker;
  Thread* next_idle = nullptr;
  bool summoned = false;            // taken from the idle ones, to look for a call
  std::optional<pthread_t> former;  // that ended before this one, to be joined
};

BlockingPool::BlockingPool(const BlockingOptions& options) : options_(options) {
  CHECK_OK(check(options)) << "BlockingPool";
}

BlockingPool::~BlockingPool() { stop(); }

bool BlockingPool::on_own_thread() const { return t_pool == this; }

BlockingMetrics BlockingPool::metrics() const {
  absl::MutexLock lock(&mutex_);
  return {.threads = threads_,
          .queued = queue_.size(),
          .running = running_,
          .done = done_,
          .refused = refused_};
}

void BlockingPool::submit(internal::BlockingCall& call) noexcept {
  bool start = false;
  std::optional<Outcome> refused;
  {
    absl::MutexLock lock(&mutex_);
    refused = enqueue(call, start);
  }
  if (refused.has_value()) return call.refuse(*refused);
  if (start) start_thread();
}

// Queues the call, and sees to it that a thread comes for it if there is one to be had.
std::optional<BlockingPool::Outcome> BlockingPool::enqueue(internal::BlockingCall& call,
                                                           bool& start) {
  if (call.stage_ == Stage::kCancelled) return Outcome::kCancelled;
  if (closed_) return Outcome::kStopping;
  if (queue_.size() >= coming_) {
    if (idle_ != nullptr) {
      summon_idle();
    } else if (threads_ < options_.max_threads) {
      ++threads_;
      ++coming_;
      start = true;
    } else if (queue_.size() - coming_ >= options_.max_pending) {
      ++refused_;
      return Outcome::kFull;
    }
  }
  call.stage_ = Stage::kQueued;
  queue_.push(call);
  return std::nullopt;
}

bool BlockingPool::withdraw(internal::BlockingCall& call) noexcept {
  absl::MutexLock lock(&mutex_);
  if (call.stage_ == Stage::kNew) call.stage_ = Stage::kCancelled;  // submit() will see it
  if (call.stage_ != Stage::kQueued) return false;
  call.stage_ = Stage::kTaken;
  queue_.remove(call);
  return true;
}

// Unparks under the lock, without which the thread cannot go on and end.
void BlockingPool::summon_idle() {
  Thread& thread = *idle_;
  idle_ = thread.next_idle;
  thread.summoned = true;
  ++coming_;
  thread.parker.unpark();
}

// Not under the lock, since it takes long. The thread is counted already; when it has been started
// the pool is none of the caller's business any more.
void BlockingPool::start_thread() noexcept {
  const internal::AllSignalsBlocked blocked;
  pthread_t thread;
  const int error = pthread_create(&thread, nullptr, &thread_main, this);
  if (error != 0) start_failed(error);
}

// The calls that counted on the thread wait for others, as far as there are any.
void BlockingPool::start_failed(int error) noexcept {
  internal::BlockingCallQueue refused;
  {
    absl::MutexLock lock(&mutex_);
    --threads_;
    --coming_;
    ++failing_;
    while (queue_.size() > coming_ && idle_ != nullptr) summon_idle();
    const size_t most = threads_ == 0 ? 0 : coming_ + options_.max_pending;
    while (queue_.size() > most) {
      internal::BlockingCall& call = *queue_.pop_newest();
      call.stage_ = Stage::kTaken;
      refused.push(call);
      ++refused_;
    }
  }
  while (internal::BlockingCall* call = refused.pop()) call->refuse(Outcome::kNoThread, error);
  absl::MutexLock lock(&mutex_);
  --failing_;  // the last access: a stop may go on
}

void BlockingPool::close() {
  internal::BlockingCallQueue refused;
  {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
    while (internal::BlockingCall* call = queue_.pop()) {
      call->stage_ = Stage::kTaken;
      refused.push(*call);
    }
    for (Thread* thread = idle_; thread != nullptr; thread = thread->next_idle)
      thread->parker.unpark();
  }
  while (internal::BlockingCall* call = refused.pop()) call->refuse(Outcome::kStopping);
}

size_t BlockingPool::stop(wait::Deadline until) {
  if (on_own_thread()) {
    LOG(FATAL) << "BlockingPool: stopped by one of its own calls, which it would wait for; stop it "
                  "from the thread that created it";
  }
  close();
  absl::MutexLock lock(&mutex_);
  const absl::Condition gone(this, &BlockingPool::all_gone);
  if (!internal::await_until(mutex_, gone, until) && running_ > 0) return running_;
  mutex_.Await(gone);  // threads without a call are on their way out
  join_ended();
  return 0;
}

void BlockingPool::leave() {
  absl::MutexLock lock(&mutex_);
  left_ = true;
  join_ended();
}

// Under mutex_, which is free meanwhile: the threads that have ended so far, the last of which has
// joined, or will join, all the others.
void BlockingPool::join_ended() {
  const std::optional<pthread_t> last = std::exchange(ended_, std::nullopt);
  if (!last.has_value()) return;
  joining_ = true;
  mutex_.Unlock();
  pthread_join(*last, nullptr);
  mutex_.Lock();
  joining_ = false;
}

void* BlockingPool::thread_main(void* pool) noexcept {
  Thread self;
  static_cast<BlockingPool*>(pool)->run_thread(self);
  // The pool may be waited for by now, which joins this thread, but is not touched any more.
  if (self.former.has_value()) pthread_join(*self.former, nullptr);
  return nullptr;
}

void BlockingPool::run_thread(Thread& self) {
  t_pool = this;
  affinity_.apply();  // the caller that needed this thread may be pinned
  // A view, and a short string: a thread that begins needs no memory.
  std::string_view name = options_.thread_name;
  if (name.empty()) name = "annulet";
  pthread_setname_np(pthread_self(),
                     absl::StrCat(name.substr(0, 10), "-b", number() % 1000).c_str());
  while (internal::BlockingCall* call = next(self)) perform(*call);
}

uint64_t BlockingPool::number() {
  absl::MutexLock lock(&mutex_);
  return started_++;
}

// The oldest call, for which it waits if there is none. Null: the thread is none of the pool's any
// more. Finding no call and being idle is one step under the lock: a call that came in between
// would find neither a thread that is coming nor one that is idle.
internal::BlockingCall* BlockingPool::next(Thread& self) {
  absl::MutexLock lock(&mutex_);
  --coming_;
  while (queue_.empty()) {
    if (rest(self)) continue;
    --threads_;
    if (left_) {
      pthread_detach(pthread_self());
    } else {
      self.former = std::exchange(ended_, pthread_self());
    }
    return nullptr;
  }
  internal::BlockingCall* const call = queue_.pop();
  call->stage_ = Stage::kTaken;
  ++running_;
  return call;
}

// Idle, without mutex_ while it sleeps, until there may be a call. False: there has been none for
// keep_alive, or the pool is closed.
bool BlockingPool::rest(Thread& self) {
  const wait::Deadline until = wait::deadline_after(wait::Clock::now(), options_.keep_alive);
  self.summoned = false;
  self.next_idle = idle_;
  idle_ = &self;
  while (!self.summoned && queue_.empty() && !closed_ && wait::Clock::now() < until) {
    mutex_.Unlock();
    self.parker.park(until);
    mutex_.Lock();
  }
  if (self.summoned) {
    --coming_;  // it has come
    return true;
  }
  Thread** link = &idle_;
  while (*link != &self) link = &(*link)->next_idle;
  *link = self.next_idle;
  return !queue_.empty();
}

void BlockingPool::perform(internal::BlockingCall& call) {
  call.detach();
  call.perform_(&call);
  {
    absl::MutexLock lock(&mutex_);
    --running_;
    ++done_;
    ++coming_;  // before the task can ask for its next call, which then needs no other thread
  }
  task::resume_at_home(call.waiter_);
}

}  // namespace annulet::sched
