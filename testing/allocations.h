// For tests: counts what goes to the heap by operator new, and lets it fail in the calling thread.
// A test that links this has these operators replaced in all of its program.
// Cost: an atomic addition for each allocation.
#ifndef ANNULET_TESTING_ALLOCATIONS_H_
#define ANNULET_TESTING_ALLOCATIONS_H_

#include <gtest/gtest.h>

namespace annulet::faults {

// Skips its tests under ThreadSanitizer, whose own operators a program cannot replace.
class AllocationTest : public ::testing::Test {
 protected:
  void SetUp() override;
};

// How many there have been in the process. Any thread.
int allocations();

// While it lives, allocations of this thread fail behind the next `granted` ones: std::bad_alloc.
// One at a time in a thread.
class AllocationsFail {
 public:
  explicit AllocationsFail(int granted = 0);
  ~AllocationsFail();
  bool any() const;  // whether one has failed
};

}  // namespace annulet::faults

#endif  // ANNULET_TESTING_ALLOCATIONS_H_
