// Runs a scenario along one path of choices: its threads, who of them runs, and what they do to
// the memory.
//
// All threads are fibers of the calling one. Each operation on shared state is a step; before it
// another thread may be chosen. The first failure ends the execution where it stands.
//
// Two parts: threads and who of them runs (execution.cc), the operations (operations.cc).
#ifndef ANNULET_TESTING_INTERNAL_EXECUTION_H_
#define ANNULET_TESTING_INTERNAL_EXECUTION_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "annulet/testing/internal/fiber.h"
#include "annulet/testing/internal/memory.h"
#include "annulet/testing/internal/plain_access.h"
#include "annulet/testing/internal/search.h"
#include "annulet/testing/internal/site.h"
#include "annulet/testing/internal/trace.h"

namespace annulet::model_check::internal {

struct Limits {
  int preemptions = 2;
  int spurious = 1;
  int steps = 2000;
};

struct ModelThread {
  std::string name;
  std::function<void()> body;
};

// What a mutex remembers; it lies in the mutex itself.
struct MutexState {
  static constexpr int kNobody = -1;
  int owner = kNobody;
  Knowledge released;
  uint64_t version = 0;  // a fingerprint of the last unlock
};

class Execution {
 public:
  using Where = std::source_location;
  using Order = std::memory_order;

  // What is given here outlives the object; `mutation` may be null.
  Execution(Search& search, SiteTable& sites, const Limits& limits, const Mutation* mutation);

  // The one that the calling fiber belongs to. Ends the process when there is none.
  static Execution& current();

  // Runs the body along the path that the search is at. What went wrong, if anything. `trace` may
  // be null.
  std::optional<std::string> run(const std::function<void()>& body, Trace* trace);

  // --- from within the scenario ---
  void run_threads(std::vector<ModelThread> threads);
  [[noreturn]] void fail(std::string what);
  // For the trace: what lies between these addresses.
  void label(const void* begin, size_t size, std::string_view text);
  // What was allocated for the scenario and must be gone at its end; freed with the execution.
  void* allocate(size_t size, size_t alignment);
  void release(void* memory);

  // --- atomic locations ---
  LocationId construct(const void* address, uint64_t value, const Where& where);
  void destroy(LocationId location, const Where& where);
  uint64_t load(LocationId location, Order order, const Where& where);
  void store(LocationId location, uint64_t value, Order order, const Where& where);
  // `change` gives the new value for the old one.
  template <class Change>
  uint64_t read_modify_write(Op op, LocationId location, Order order, const Where& where,
                             Change change) {
    const Site* const site = begin(op, where, order, order);
    const uint64_t before = newest_value(location, site);
    finish_read_modify_write(location, before, change(before), effective(site, order), site);
    return before;
  }
  bool compare_exchange(LocationId location, uint64_t& expected, uint64_t desired, Order success,
                        Order failure, bool weak, const Where& where);
  void fence(Order order, const Where& where);
  void pause(const Where& where);

  // --- plain memory ---
  void read(PlainAccess& cell, const Where& where);
  void write(PlainAccess& cell, Op op, const Where& where);

  // --- blocking ---
  // False: a mutant leaves this lock out.
  bool lock(MutexState& mutex, const Where& where);
  bool try_lock(MutexState& mutex, const Where& where);
  void unlock(MutexState& mutex, const Where& where);
  void futex_wait(const void* address, LocationId word, uint64_t expected, bool timed,
                  const Where& where);
  void futex_wake(const void* address, int count, const Where& where);
  // True if notified, false if time ran out or for no reason.
  bool wait(const void* condition, MutexState& mutex, bool timed, const Where& where);
  void notify(const void* condition, int count, const Where& where);

 private:
  enum class Status : uint8_t {
    kIdle,    // not part of the scenario now
    kReady,   // runs or could
    kPaused,  // spins: goes on when something that it read has changed
    kLocking,
    kAsleep,   // until woken; if timed, also for no reason
    kJoining,  // the body, until all its threads are done
  };

  struct Thread {
    std::string name;
    std::function<void()> body;
    ThreadMemory memory;
    Status status = Status::kIdle;
    const void* asleep_on = nullptr;  // futex word or condition variable
    const MutexState* wanted = nullptr;
    bool timed = false;
    bool woken = false;
    const Site* last = nullptr;      // of its steps
    const Site* waits_at = nullptr;  // for the report of a deadlock
    // What was read since the last pause, and what the next load must not read again: a spin that
    // sees nothing new is the same execution.
    using Reads = absl::InlinedVector<std::pair<LocationId, StoreIndex>, 4>;
    Reads reads;
    Reads passed;
  };

  struct Label {
    const char* begin;
    size_t size;
    std::string text;
  };

  struct Allocation {
    std::unique_ptr<char[]> memory;
    const Site* made_after;
    void* start;
    bool freed = false;
  };

  // --- execution.cc ---
  void reset();
  static void thread_loop(int id);
  void thread_main(int id);
  void finish_thread();
  void reschedule();
  bool can_run(const Thread& thread) const;
  bool has_news(const Thread& thread) const;
  int next_idle_spinner();
  void switch_to(int next);
  uint64_t fingerprint();
  [[noreturn]] void report_deadlock();
  void check_leaks();

  // --- operations.cc ---
  Thread& self() { return threads_[running_]; }
  void count_step();
  // A step begins: registers the site, counts, and lets others go first.
  const Site* begin(Op op, const Where& where, Order order, Order failure);
  const Site* find(Op op, const Where& where, Order order, Order failure) {
    return sites_.find(op, where, order, failure);
  }
  Order effective(const Site* site, Order order) const {
    const bool mutated = mutation_ != nullptr && mutation_->site == site &&
                         mutation_->part == Mutation::Part::kOrder;
    return mutated ? mutation_->order : order;
  }
  Order effective_failure(const Site* site, Order order) const {
    const bool mutated = mutation_ != nullptr && mutation_->site == site &&
                         mutation_->part == Mutation::Part::kFailure;
    return mutated ? mutation_->order : order;
  }
  bool dropped(const Site* site) const { return mutation_ != nullptr && mutation_->drops(site); }
  Location& use(LocationId location, const Site* site);
  StoreIndex oldest_readable(LocationId location, Order order);
  uint64_t take(LocationId location, StoreIndex index, Order order);
  uint64_t newest_value(LocationId location, const Site* site);
  void finish_read_modify_write(LocationId location, uint64_t before, uint64_t after, Order order,
                                const Site* site);
  void acquire(MutexState& mutex);
  // Sleeps until woken; false if it was for another reason.
  bool sleep(const void* address, bool timed, const Site* site);
  int wake(const void* address, int count);
  [[noreturn]] void report_race(const PlainAccess::Access& other, const Site* site,
                                std::string_view what);
  static std::string describe(const Site* site);
  std::string name_of(const void* address) const;
  bool tracing() const { return trace_ != nullptr; }
  // Only when tracing.
  template <class... Parts>
  void note(const Site* site, const Parts&... parts) {
    trace_->add(step_, self().name, absl::StrCat(parts...), site);
  }

  Search& search_;
  SiteTable& sites_;
  const Limits limits_;
  const Mutation* const mutation_;

  Trace* trace_ = nullptr;
  Memory memory_;
  std::array<Thread, kMaxThreads> threads_;
  int running_ = 0;
  int started_ = 0;  // model threads of the present run_threads()
  uint32_t step_ = 0;
  int preemptions_ = 0;
  int spurious_ = 0;
  int idle_spins_ = 0;  // wake-ups of spinning threads since anything was stored
  std::vector<Allocation> allocations_;
  std::vector<Label> labels_;
  std::optional<std::string> failure_;
};

}  // namespace annulet::model_check::internal

#endif  // ANNULET_TESTING_INTERNAL_EXECUTION_H_
