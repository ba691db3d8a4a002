#include "annulet/sched/internal/hooks.h"

#include <cstdio>
#include <exception>
#include <utility>
#include <vector>

#include "annulet/task/unobserved.h"
#include "annulet/wait/deadline.h"
#include "annulet/wait/parker.h"

namespace annulet::sched::internal {
namespace {

// Tells the hooks of each sleep.
class HookedParker final : public wait::Parker {
 public:
  HookedParker(wait::Parker& parker, const EngineOptions& options, size_t worker)
      : parker_(parker), options_(options), worker_(worker) {}

  void poll() override { parker_.poll(); }
  void park(wait::Deadline until) override {
    call_hook("on_park", options_.on_park, worker_);
    parker_.park(until);
    call_hook("on_unpark", options_.on_unpark, worker_);
  }
  void unpark() override { parker_.unpark(); }

 private:
  wait::Parker& parker_;
  const EngineOptions& options_;
  const size_t worker_;
};

// A host whose parkers tell the hooks.
class HookedHost final : public WorkerHost {
 public:
  HookedHost(std::unique_ptr<WorkerHost> host, const EngineOptions& options, size_t workers)
      : options_(options), host_(std::move(host)) {
    for (size_t i = 0; i < workers; ++i) {
      parkers_.push_back(std::make_unique<HookedParker>(host_->parker(i), options_, i));
    }
  }
  size_t size() const override { return parkers_.size(); }
  wait::Parker& parker(size_t worker) override { return *parkers_[worker]; }
  absl::Status begin(size_t worker) override { return host_->begin(worker); }
  void end(size_t worker) override { host_->end(worker); }
  void cancel_waits(size_t worker) override { host_->cancel_waits(worker); }

 private:
  const EngineOptions options_;
  std::unique_ptr<WorkerHost> host_;
  std::vector<std::unique_ptr<HookedParker>> parkers_;
};

}  // namespace

void call_hook(const char* name, const std::function<void(size_t)>& hook, size_t worker) {
  if (!hook) return;
  try {
    hook(worker);
  } catch (...) {
    char whose[48];  // the report needs no memory
    std::snprintf(whose, sizeof(whose), "%s of worker %zu", name, worker);
    task::internal::report_unobserved(std::current_exception(), whose,
                                      task::UnobservedFailure::Source::kHook);
  }
}

std::unique_ptr<WorkerHost> with_hooks(std::unique_ptr<WorkerHost> host,
                                       const EngineOptions& options, size_t workers) {
  return std::make_unique<HookedHost>(std::move(host), options, workers);
}

}  // namespace annulet::sched::internal
