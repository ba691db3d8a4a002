#include "annulet/task/worker_context.h"

namespace annulet::task {
namespace {

constinit thread_local WorkerContext* t_context = nullptr;

}  // namespace

WorkerContext* current_worker() noexcept { return t_context; }

ScopedWorkerContext::ScopedWorkerContext(WorkerContext* context) noexcept : former_(t_context) {
  t_context = context;
}

ScopedWorkerContext::~ScopedWorkerContext() { t_context = former_; }

}  // namespace annulet::task
