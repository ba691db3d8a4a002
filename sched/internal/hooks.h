// The hooks of EngineOptions, but on_start: calls that end no worker whatever they throw.
// Cost: a call; without the hooks of a sleep the host is as it was.
// Threads: each hook is called in its worker's thread.
#ifndef ANNULET_SCHED_INTERNAL_HOOKS_H_
#define ANNULET_SCHED_INTERNAL_HOOKS_H_

#include <cstddef>
#include <functional>
#include <memory>

#include "annulet/sched/engine.h"

namespace annulet::sched::internal {

// Calls a hook, if there is one, whose failure nobody waits for: it is reported.
void call_hook(const char* name, const std::function<void(size_t)>& hook, size_t worker);

// `host`, for so many workers, with parkers that tell on_park and on_unpark.
std::unique_ptr<WorkerHost> with_hooks(std::unique_ptr<WorkerHost> host,
                                       const EngineOptions& options, size_t workers);

}  // namespace annulet::sched::internal

#endif  // ANNULET_SCHED_INTERNAL_HOOKS_H_
