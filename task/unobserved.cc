#include "annulet/task/unobserved.h"

#include <atomic>
#include <new>
#include <string>

#include "absl/log/log.h"

namespace annulet::task {
namespace {

void log_failure(std::exception_ptr failure, const char* name) noexcept {
  try {
    LOG_EVERY_N_SEC(ERROR, 1) << "annulet: a task that nobody awaits failed"
                              << (name != nullptr ? ", " : "") << (name != nullptr ? name : "")
                              << ": " << internal::describe(failure) << " ("
                              << unobserved_failures() << " so far)";
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

void report_unobserved(std::exception_ptr failure, const char* name) noexcept {
  g_failures.fetch_add(1, std::memory_order_relaxed);  // a count, which orders nothing
  g_handler.load(std::memory_order_acquire)(           // pairs with set_unobserved_handler()
      std::move(failure), name);
}

}  // namespace internal
}  // namespace annulet::task
