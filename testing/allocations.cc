#include "annulet/testing/allocations.h"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

#include "absl/base/config.h"

namespace annulet::faults {
namespace {

constexpr int kAll = -1;
constinit std::atomic<int> g_allocations{0};  // relaxed: a count, which orders nothing
constinit thread_local int t_granted = kAll;
constinit thread_local bool t_failed = false;

[[maybe_unused]] void* allocate(std::size_t bytes, std::size_t alignment) {
  t_failed |= t_granted == 0;
  if (t_granted == 0) throw std::bad_alloc();
  if (t_granted != kAll) --t_granted;
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  void* memory = nullptr;
  if (posix_memalign(&memory, alignment, bytes) != 0) throw std::bad_alloc();
  return memory;
}

}  // namespace

void AllocationTest::SetUp() {
#ifdef ABSL_HAVE_THREAD_SANITIZER
  GTEST_SKIP() << "operator new cannot be replaced here";
#endif
}

int allocations() { return g_allocations.load(std::memory_order_relaxed); }

AllocationsFail::AllocationsFail(int granted) {
  t_failed = false;
  t_granted = granted;
}
AllocationsFail::~AllocationsFail() { t_granted = kAll; }
bool AllocationsFail::any() const { return t_failed; }

}  // namespace annulet::faults

#ifndef ABSL_HAVE_THREAD_SANITIZER
// The other forms end in these; under AddressSanitizer arrays are its own, new and delete both.
void* operator new(std::size_t bytes) {
  return annulet::faults::allocate(bytes, __STDCPP_DEFAULT_NEW_ALIGNMENT__);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return annulet::faults::allocate(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
#endif
