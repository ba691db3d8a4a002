// A stack of its own, to which the thread can switch: the model's threads are fibers of one thread,
// so that the checker alone decides who runs.
//
// Lifetime: a fiber that was left in the middle of something is not unwound; what its frames own is
// never freed.
// Source: ucontext (POSIX.1-2001), told to the sanitizers by their fiber interfaces.
#ifndef ANNULET_TESTING_INTERNAL_FIBER_H_
#define ANNULET_TESTING_INTERNAL_FIBER_H_

#include <ucontext.h>

#include <array>
#include <cstddef>
#include <functional>

namespace annulet::model_check::internal {

class Fiber {
 public:
  // The calling thread's own stack: where switch_to() comes back to.
  Fiber();
  // Runs `body` when first switched to. It never returns.
  explicit Fiber(std::function<void()> body);
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // From this fiber, which is running, to the other one.
  void switch_to(Fiber& other);

 private:
  static void enter(unsigned low, unsigned high);
  void arrived();

  // The exceptions that are being handled belong to a stack, yet the C++ runtime keeps them per
  // thread: two words of the Itanium ABI.
  using ExceptionState = std::array<void*, 2>;

  std::function<void()> body_;
  ucontext_t context_{};
  void* stack_ = nullptr;  // begins with a guard page; null: the thread's own
  const void* bottom_ = nullptr;
  size_t size_ = 0;
  ExceptionState exceptions_{};
  void* fake_stack_ = nullptr;  // the sanitizers'
  void* tsan_fiber_ = nullptr;
  Fiber* came_from_ = nullptr;
};

}  // namespace annulet::model_check::internal

#endif  // ANNULET_TESTING_INTERNAL_FIBER_H_
