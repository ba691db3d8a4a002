// A model checker for lock-free code: runs a small scenario under every interleaving of its threads
// that needs at most a few preemptions, with every value that the memory model lets each load read.
//
// Use it for code written against the Sync policy (wait/sync.h), the very headers that run in
// production. A scenario is a function that makes a structure with ModelSync, runs two or three
// threads on it, and checks the end:
//
//   Suite suite("Inbox", {"annulet/task/inbox.h"});
//   suite.scenario("a pushed node is taken once", [] {
//     Inbox<Node, ModelSync> inbox;
//     run_threads({{"pusher", [&] { ... }}, {"owner", [&] { ... }}});
//     ensure(taken == 1, "taken twice or never");
//   });
//   const Result result = suite.check();         // ok, or a trace and how to replay it
//   const MutantReport mutants = suite.mutants();  // each weakened access must be noticed
//
// What it finds: failed ensure(), data races on ModelSync::cell, use before construction and after
// destruction, double free and leaks (create, destroy), deadlocks and lost wake-ups, livelocks,
// exceptions that escape.
//
// What it does not explore:
// - more preemptions than Options::preemptions, and more of the other events than Options says. A
//   switch at a blocking operation, a pause or the end of a thread is no preemption.
// - the slow path of a loop that gives up after n pauses, unless n is at most Options::spurious or
//   nobody else can run meanwhile: let the structure spin less under the model.
// - loads that read a store executed later (load buffering), and modification orders other than
//   that of execution (two threads that store to one location, each behind the other). The order
//   of seq_cst operations is that of execution, too (P0668 lets some stand before what they
//   follow).
// - a thread that a futex woke and that misses what its waker stored before: no kernel does that,
//   though C++ says nothing of it.
// - plain memory that is no cell, and how long a reference from a cell is used.
// - time: a deadline may pass at any moment, however far it is. Code that reads the clock itself
//   reads the real one.
// - thread_local variables and thread ids: all threads of a scenario share them.
// - the reuse of memory that was destroyed (ABA by the allocator); a structure's own free list is
//   seen.
// A scenario must do the same each time but for what it learns through ModelSync. Its threads may
// share plain variables only where the code under test orders the accesses; they should write
// what they found to variables of their own, which the body reads after run_threads().
//
// Cost: 0.2 to 0.5 million executions a second for two threads with a dozen accesses.
// Threads: the explored threads are fibers of the calling one. Explorations in several threads do
// not disturb each other.
// Lifetime: a scenario that fails is left where it stands; what its threads' stacks own stays
// allocated.
// Source: the search is that of CHESS (Musuvathi and Qadeer, 2007), the memory model that of Relacy
// and loom.
#ifndef ANNULET_TESTING_MODEL_CHECK_H_
#define ANNULET_TESTING_MODEL_CHECK_H_

#include <cstdint>
#include <functional>
#include <new>
#include <ostream>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "annulet/testing/internal/execution.h"
#include "annulet/testing/model_sync.h"

namespace annulet::model_check {

using ModelThread = internal::ModelThread;  // {name, function}

// --- inside a scenario ---

// Runs up to seven threads beside each other; returns when all have ended. The body only, any
// number of times.
inline void run_threads(std::vector<ModelThread> threads) {
  internal::Execution::current().run_threads(std::move(threads));
}

// Fails the scenario unless the condition holds.
inline void ensure(bool condition, std::string_view what) {
  if (!condition) internal::Execution::current().fail(std::string(what));
}

// A node of the structure under test: must be destroyed by the end of the scenario, once, and not
// be used afterwards.
template <class T, class... Args>
T* create(Args&&... args) {
  void* const memory = internal::Execution::current().allocate(sizeof(T), alignof(T));
  return new (memory) T(std::forward<Args>(args)...);
}

template <class T>
void destroy(T* object) {
  internal::Execution::current().release(object);
  object->~T();
}

// Names an object in traces; what lies inside it is shown as name+offset.
template <class T>
void label(const T& object, std::string_view name) {
  internal::Execution::current().label(&object, sizeof object, name);
}

// --- exploring ---

using internal::kUnbounded;  // preemptions

struct Options {
  // How often a thread may be interrupted where it could have gone on. Most errors need two.
  int preemptions = default_preemptions();
  // How many events come for no reason: a sleep without a deadline ends, a weak compare-exchange or
  // a try_lock fails, a pause ends though nothing has changed.
  int spurious = 1;
  // How many deadlines pass while another thread could go on. When none can, they pass anyway.
  int timeouts = 1;
  // Steps of one execution, beyond which it counts as a livelock.
  int steps = 2000;
  // Executions, beyond which the exploration gives up, which counts as a failure.
  uint64_t executions = 20'000'000;
  // Whether executions that only repeat explored ones are cut short. Off to check the checker.
  bool reduction = true;

  // 2, or what the environment variable ANNULET_MODEL_PREEMPTIONS says.
  static int default_preemptions();
};

struct Result {
  std::string failure;  // empty: none in any execution
  std::string trace;    // of the failing execution
  std::string replay;   // the value of ANNULET_MODEL_REPLAY that runs just this execution
  uint64_t executions = 0;
  uint64_t states = 0;  // distinct ones
  // The exploration could not be finished, and `failure` says why: neither right nor wrong.
  bool undecided = false;

  bool ok() const { return failure.empty(); }
  friend std::ostream& operator<<(std::ostream& out, const Result& result);
};

// Explores one scenario. For several of them, and for mutants, use a Suite.
Result check(std::string_view name, const std::function<void()>& body, const Options& options = {});

struct Mutant {
  std::string name;       // "SymmetricFence::notifier fence: seq_cst -> acq_rel"
  std::string position;   // "wait/event_count.h:53"
  std::string killed_by;  // the scenario that noticed; empty: it survived
  std::string failure;    // how, or why it could not be decided
  std::string replay;     // the value of ANNULET_MODEL_REPLAY that shows it
};

struct MutantReport {
  std::vector<Mutant> mutants;
  std::string error;  // why mutants could not be tried at all
  uint64_t executions = 0;

  // There are some, and each was killed.
  bool ok() const;
  std::vector<std::string> names() const;
  friend std::ostream& operator<<(std::ostream& out, const MutantReport& report);
};

// Scenarios that together test some headers.
class Suite {
 public:
  // `files`: ends of the paths of the headers under test. Their accesses are what mutants weaken.
  Suite(std::string name, std::vector<std::string> files, Options options = {});

  Suite& scenario(std::string name, std::function<void()> body);

  // Explores scenario by scenario until one fails. Under ANNULET_MODEL_REPLAY runs only what that
  // names.
  Result check();

  // Weakens each access of the files under test to the next weaker order, drops each lock and
  // wake-up, one at a time, and looks whether a scenario fails.
  MutantReport mutants();

 private:
  struct Scenario {
    std::string name;
    std::function<void()> body;
    uint64_t executions = 0;  // when last explored
  };
  Result explore_all();
  Mutant try_mutant(const internal::Mutation& mutation, uint64_t& executions);
  std::string full_name(const Scenario& scenario, const internal::Mutation* mutation) const;

  std::string name_;
  std::vector<std::string> files_;
  Options options_;
  std::vector<Scenario> scenarios_;
  internal::SiteTable sites_;
  bool explored_ = false;
};

}  // namespace annulet::model_check

#endif  // ANNULET_TESTING_MODEL_CHECK_H_
