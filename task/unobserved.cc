#include "annulet/task/unobserved.h"

#include <atomic>
#include <new>
#include <string>

#include "absl/log/log.h"

namespace annulet::task {
namespace {

// Hooks have a line of their own, so that a hook that always throws does not silence the tasks.
void log_failure(const UnobservedFailure& failure) noexcept {
  const char* const name = failure.name != nullptr ? failure.name : "";
  try {
    if (failure.source == UnobservedFailure::Source::kHook) {
      LOG_EVERY_N_SEC(ERROR, 1) << "annulet: the hook " << name
                                << " threw: " << internal::describe(failure.exception) << " ("
                                << unobserved_failures() << " failures so far)";
    } else {
      const bool forked = failure.source == UnobservedFailure::Source::kFork;
      LOG_EVERY_N_SEC(ERROR, 1) << "annulet: a " << (forked ? "forked function" : "task")
                                << " failed unobserved" << (*name != '\0' ? ", " : "") << name
                                << ": " << internal::describe(failure.exception) << " ("
                                << unobserved_failures() << " failures so far)";
    }
  } catch (const std::bad_alloc&) {
    // The failure is counted; there is no memory to say more.
  }
}

std::atomic<uint64_t> g_failures{0};
std::atomic<UnobservedHandler> g_handler{&log_failure};

}  // namespace

UnobservedHandler set_unobserved_handler(UnobservedHandler handler) noexcept {
  // Release pairs with report_unobserved(): what the handler needs is visible to it.
  return g_handler.exchange(handler != nullptr ? handler : &log_failure, std::memory_order_acq_rel);
}

uint64_t unobserved_failures() noexcept { return g_failures.load(std::memory_order_relaxed); }

namespace internal {

std::string describe(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

void report_unobserved(std::exception_ptr exception, const char* name,
                       UnobservedFailure::Source source) noexcept {
  g_failures.fetch_add(1, std::memory_order_relaxed);  // a count, which orders nothing
  g_handler.load(std::memory_order_acquire)(           // pairs with set_unobserved_handler()
      {source, std::move(exception), name});
}

}  // namespace internal
}  // namespace annulet::task
