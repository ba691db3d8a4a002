// The C++ memory model as axioms: what a small program may do, by the letter of the standard.
//
// Use it to check the model checker against something of another making. judge() makes up the
// executions of a program, each load reading each store in turn, drops those that break an axiom
// and says how the others end. It knows no views, clocks or fingerprints, only relations between
// the events of an execution and what the standard demands of these.
//
// What it assumes, as the model checker does: the modification order of each location and the order
// S of the seq_cst operations are the order of execution, and a load reads a store executed before
// it. So it leaves out load buffering, stores that overtake each other in modification order, and
// a seq_cst operation that stands in S before another that happens before it (P0668 allows that
// when the two do not strongly happen before one another).
//
// Cost: exponential in the number of steps; a few milliseconds for eight, 30 with four threads.
// Threads: any.
// Source: C++20 [intro.races], [atomics.order] and [atomics.fences]; P0668, "Revising the C++
// memory model", which gave C++20 its seq_cst.
#ifndef ANNULET_TESTING_AXIOMS_H_
#define ANNULET_TESTING_AXIOMS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <set>
#include <vector>

namespace annulet::model_check::axioms {

inline constexpr int kLocations = 2;     // atomic ones, 0 in the beginning; there is one cell
inline constexpr size_t kMaxSteps = 14;  // of all threads together

enum class Kind : uint8_t {
  kLoad,
  kStore,
  kFetchAdd,
  kCompareExchange,  // strong
  kFence,
  kCellRead,
  kCellWrite,
};

struct Step {
  Kind kind;
  std::memory_order order = std::memory_order_relaxed;
  int location = 0;
  uint32_t value = 0;  // that is stored or added
  // Of a compare-exchange.
  uint32_t expected = 0;
  std::memory_order failure = std::memory_order_relaxed;
  // Left out unless the thread has read something and the last was not 0.
  bool guarded = false;

  friend std::ostream& operator<<(std::ostream& out, const Step& step);
};

using Program = std::vector<std::vector<Step>>;  // by thread

// All that the threads read, thread by thread, and then what each location holds in the end.
using Outcome = std::vector<uint32_t>;

struct Verdict {
  bool data_race = false;      // in some execution; then the outcomes mean nothing
  std::set<Outcome> outcomes;  // of all executions that keep the axioms
};

Verdict judge(const Program& program);

}  // namespace annulet::model_check::axioms

#endif  // ANNULET_TESTING_AXIOMS_H_
