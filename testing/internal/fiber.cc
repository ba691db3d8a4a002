#include "annulet/testing/internal/fiber.h"

#include <cxxabi.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/base/config.h"
#include "absl/log/check.h"

#ifdef ABSL_HAVE_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef ABSL_HAVE_THREAD_SANITIZER
#include <sanitizer/tsan_interface.h>
#endif

namespace annulet::model_check::internal {

namespace {

// What each sanitizer wants to hear of a switch; empty without one.
#ifdef ABSL_HAVE_ADDRESS_SANITIZER
void leaving(void** fake_stack, const void* bottom, size_t size) {
  __sanitizer_start_switch_fiber(fake_stack, bottom, size);
}
void entered(void* fake_stack, const void** old_bottom, size_t* old_size) {
  __sanitizer_finish_switch_fiber(fake_stack, old_bottom, old_size);
}
void forget(const void* stack, size_t size) { __asan_unpoison_memory_region(stack, size); }
#else
void leaving(void**, const void*, size_t) {}
void entered(void*, const void**, size_t*) {}
void forget(const void*, size_t) {}
#endif

#ifdef ABSL_HAVE_THREAD_SANITIZER
void* current_tsan_fiber() { return __tsan_get_current_fiber(); }
void* make_tsan_fiber() { return __tsan_create_fiber(0); }
void free_tsan_fiber(void* fiber) { __tsan_destroy_fiber(fiber); }
void switch_tsan_fiber(void* fiber) { __tsan_switch_to_fiber(fiber, 0); }
#else
void* current_tsan_fiber() { return nullptr; }
void* make_tsan_fiber() { return nullptr; }
void free_tsan_fiber(void*) {}
void switch_tsan_fiber(void*) {}
#endif

constexpr size_t kStack = size_t{256} << 10;  // touched only as far as it is used

size_t page() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

}  // namespace

Fiber::Fiber() : tsan_fiber_(current_tsan_fiber()) {}

Fiber::Fiber(std::function<void()> body) : body_(std::move(body)), tsan_fiber_(make_tsan_fiber()) {
  stack_ = mmap(nullptr, kStack + page(), PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  PCHECK(stack_ != MAP_FAILED) << "mmap of a fiber's stack";
  PCHECK(mprotect(stack_, page(), PROT_NONE) == 0) << "mprotect of a fiber's guard page";
  char* const bottom = static_cast<char*>(stack_) + page();
  bottom_ = bottom;
  size_ = kStack;
  PCHECK(getcontext(&context_) == 0) << "getcontext";
  context_.uc_stack.ss_sp = bottom;
  context_.uc_stack.ss_size = kStack;
  context_.uc_link = nullptr;
  // makecontext passes ints only.
  const uintptr_t self = reinterpret_cast<uintptr_t>(this);
  makecontext(&context_, reinterpret_cast<void (*)()>(&Fiber::enter), 2,
              static_cast<unsigned>(self), static_cast<unsigned>(self >> 32));
}

Fiber::~Fiber() {
  if (stack_ == nullptr) return;
  free_tsan_fiber(tsan_fiber_);
  forget(bottom_, size_);
  munmap(stack_, kStack + page());
}

void Fiber::switch_to(Fiber& other) {
  other.came_from_ = this;
  std::memcpy(&exceptions_, abi::__cxa_get_globals(), sizeof exceptions_);
  std::memcpy(abi::__cxa_get_globals(), &other.exceptions_, sizeof exceptions_);
  leaving(&fake_stack_, other.bottom_, other.size_);
  switch_tsan_fiber(other.tsan_fiber_);
  PCHECK(swapcontext(&context_, &other.context_) == 0) << "swapcontext";
  arrived();
}

// The first thing on this stack after a switch to it.
void Fiber::arrived() {
  const void* bottom = nullptr;
  size_t size = 0;
  entered(fake_stack_, &bottom, &size);
  if (came_from_->stack_ == nullptr) {  // nobody else knows where the thread's own stack lies
    came_from_->bottom_ = bottom;
    came_from_->size_ = size;
  }
}

void Fiber::enter(unsigned low, unsigned high) {
  Fiber* const self = reinterpret_cast<Fiber*>(uintptr_t{low} | uintptr_t{high} << 32);
  self->arrived();
  self->body_();
  std::abort();  // a body never returns
}

}  // namespace annulet::model_check::internal
