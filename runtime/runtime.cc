#include "annulet/runtime/runtime.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <vector>

#include "absl/log/log.h"
#include "absl/strings/str_cat.h"
#include "annulet/io/reactor.h"
#include "annulet/sched/internal/cores.h"
#include "annulet/task/internal/cancel_state.h"

namespace annulet::runtime {
namespace {

// A reactor for each worker to sleep in.
class ReactorHost final : public sched::WorkerHost {
 public:
  static absl::StatusOr<std::unique_ptr<ReactorHost>> create(size_t workers, io::Backend backend,
                                                             unsigned ring_entries) {
    auto host = std::make_unique<ReactorHost>();
    for (size_t i = 0; i < workers; ++i) {
      absl::StatusOr<std::unique_ptr<io::Reactor>> reactor =
          io::make_reactor(backend, {.ring_entries = ring_entries});
      if (!reactor.ok()) return reactor.status();
      host->reactors_.push_back(*std::move(reactor));
    }
    return host;
  }

  size_t size() const override { return reactors_.size(); }
  wait::Parker& parker(size_t worker) override { return *reactors_[worker]; }
  absl::Status begin(size_t worker) override {
    absl::Status bound = reactors_[worker]->bind_to_thread();
    if (!bound.ok()) reactors_[worker]->unbind_from_thread();
    return bound;
  }
  void end(size_t worker) override { reactors_[worker]->unbind_from_thread(); }
  void cancel_waits(size_t worker) override { reactors_[worker]->cancel_all(); }

 private:
  std::vector<std::unique_ptr<io::Reactor>> reactors_;
};

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

// A descriptor that is ready to be read once a token is cancelled.
class CancelEvent : private task::internal::CancelHook {
 public:
  explicit CancelEvent(const task::CancelToken& token) : CancelHook(&write), token_(token) {}
  ~CancelEvent() {
    if (attached_) (void)token_.state()->detach(this);
    if (fd_ >= 0) close(fd_);
  }

  absl::Status open() {
    fd_ = eventfd(0, EFD_CLOEXEC);
    if (fd_ < 0) return absl::ErrnoToStatus(errno, "run_until_signal: eventfd");
    attached_ = token_.state()->attach(this);
    if (!attached_) write(this);  // cancelled already
    return absl::OkStatus();
  }
  int fd() const { return fd_; }

 private:
  static void write(CancelHook* hook) noexcept {
    // It cannot fail: the count is far from its end.
    (void)eventfd_write(static_cast<CancelEvent*>(hook)->fd_, 1);
  }

  const task::CancelToken token_;
  int fd_ = -1;
  bool attached_ = false;
};

// Until a signal of the set has been taken, or the token is cancelled.
absl::Status wait_for_stop(const sigset_t& set, const task::CancelToken& token) {
  CancelEvent stopped(token);
  if (absl::Status opened = stopped.open(); !opened.ok()) return opened;
  const int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) return absl::ErrnoToStatus(errno, "run_until_signal: signalfd");
  signalfd_siginfo taken;
  pollfd ready[] = {{.fd = signals, .events = POLLIN, .revents = 0},
                    {.fd = stopped.fd(), .events = POLLIN, .revents = 0}};
  do {
    ready[1].revents = 0;
    (void)poll(ready, std::size(ready), -1);  // EINTR: looks, and waits again
  } while (read(signals, &taken, sizeof(taken)) < 0 && ready[1].revents == 0);
  close(signals);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Runtime>> Runtime::create(const RuntimeOptions& options) {
  constexpr size_t kMost = sched::EngineOptions::kMostWorkers;
  const size_t asked = options.engine.workers;
  if (asked > kMost) {
    return absl::InvalidArgumentError(
        absl::StrCat("engine.workers: ", asked, " is more than ", kMost));
  }
  absl::StatusOr<io::BackendChoice> backend = io::choose_backend(options.backend);
  if (!backend.ok()) return backend.status();
  const size_t threads = asked != 0 ? asked : sched::internal::default_worker_count();
  absl::StatusOr<std::unique_ptr<ReactorHost>> host =
      ReactorHost::create(threads, backend->backend, options.ring_entries);
  if (!host.ok() && backend->may_fall_back) {
    // One ring works here, but not one for each worker.
    LOG(WARNING) << "annulet: I/O through epoll: " << host.status().message();
    *backend = {io::Backend::kEpoll, std::string(host.status().message())};
    host = ReactorHost::create(threads, backend->backend, options.ring_entries);
  }
  if (!host.ok()) return host.status();
  absl::StatusOr<std::unique_ptr<sched::Engine>> engine =
      sched::Engine::create(options.engine, *std::move(host));
  if (!engine.ok()) return engine.status();
  return std::unique_ptr<Runtime>(new Runtime(*std::move(engine), *std::move(backend)));
}

Runtime::Runtime(std::unique_ptr<sched::Engine> engine, io::BackendChoice backend)
    : engine_(std::move(engine)), backend_(std::move(backend)) {}

void block_stop_signals() {
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

absl::Status Runtime::run_until_signal(std::chrono::milliseconds drain) {
  const sigset_t set = stop_signals();
  if (absl::Status waited = wait_for_stop(set, stop_token()); !waited.ok()) return waited;
  engine_->close();
  wait::Deadline until = wait::deadline_after(wait::Clock::now(), drain);
  // Looks now and then, while tasks finish, for a second signal, and whether somebody else's stop
  // has not waited for them.
  constexpr std::chrono::milliseconds kLook{20};
  constexpr timespec kNoWait{};
  while (wait::Clock::now() < until && !engine_->scheduler().stopped()) {
    if (engine_->wait_until_idle(std::min(until, wait::Clock::now() + kLook))) break;
    if (sigtimedwait(&set, nullptr, &kNoWait) > 0) until = wait::Clock::now();
  }
  return shutdown(until);
}

}  // namespace annulet::runtime
