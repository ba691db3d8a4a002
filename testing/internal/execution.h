// Runs a scenario along one path of choices: its threads, who of them runs, and what they do to
// the memory.
//
// All threads are fibers of the calling one. Each operation on shared state is a step; before it
// another thread may be chosen. The first failure ends the execution where it stands.
//
// Three parts: threads and who of them runs (execution.cc), operations on memory (operations.cc),
// blocking ones (blocking.cc).
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

inline constexpr int kUnbounded = 1 << 20;

struct Limits {
  int preemptions = 2;
  int spurious = 1;
  int timeouts = 1;
  int steps = 2000;
};

struct ModelThread {
  std::string name;
  std::function<void()> body;
};

// How an object of ModelSync names itself.
struct Ref {
  const void* address;
  uint32_t id;
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
  // For reports: what lies here.
  void label(const void* begin, size_t size, std::string_view text);
  // What was allocated for the scenario and must be gone at its end; freed with the execution.
  void* allocate(size_t size, size_t alignment);
  void release(void* memory);

  // --- atomic locations ---
  uint32_t construct(const void* address, uint64_t value, const Where& where);
  void destroy(Ref atomic);
  uint64_t load(Ref atomic, Order order, const Where& where);
  void store(Ref atomic, uint64_t value, Order order, const Where& where);
  // `change` gives the new value for the old one.
  template <class Change>
  uint64_t read_modify_write(Op op, Ref atomic, Order order, const Where& where, Change change) {
    const Site* const site = begin(op, where, order, order);
    const uint64_t before = use(atomic, site).stores.back().value;
    finish_read_modify_write(atomic.id, before, change(before), effective(site, order), site);
    return before;
  }
  bool compare_exchange(Ref atomic, uint64_t& expected, uint64_t desired, Order success,
                        Order failure, bool weak, const Where& where);
  void fence(Order order, const Where& where);
  void fence_light(const Where& where);
  void fence_heavy(const Where& where);
  void pause(const Where& where);

  // --- plain memory ---
  uint32_t construct_cell(const void* address, const Where& where);
  void destroy_cell(Ref cell);
  void read(Ref cell, const Where& where);
  void write(Ref cell, const Where& where);

  // --- blocking ---
  uint32_t construct_mutex(const void* address, const Where& where);
  void destroy_mutex(Ref mutex);
  // False: a mutant leaves this lock out.
  bool lock(Ref mutex, const Where& where);
  bool try_lock(Ref mutex, const Where& where);
  void unlock(Ref mutex, const Where& where);
  void futex_wait(Ref word, uint64_t expected, bool timed, const Where& where);
  void futex_wake(const void* address, int count, const Where& where);
  uint32_t construct_condition(const void* address, const Where& where);
  void destroy_condition(Ref condition);
  // False if time ran out. True if notified, or for no reason.
  bool wait(Ref condition, Ref mutex, bool timed, const Where& where);
  void notify(Ref condition, int count, const Where& where);

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
    uint32_t wanted = 0;              // mutex
    bool timed = false;
    bool woken = false;
    const Site* last = nullptr;      // of its steps
    const Site* waits_at = nullptr;  // for the report of a deadlock
    // What the thread has read and which locks it found taken since its last pause: it goes on when
    // one of them has changed.
    using Reads = absl::InlinedVector<std::pair<LocationId, StoreIndex>, 4>;
    Reads reads;
    absl::InlinedVector<uint32_t, 1> busy;
    // What had changed when it went on, and the first store that tells it so: it must read one of
    // them, for a spin that sees nothing new is the same execution.
    Reads news;
    bool same_spin = false;  // it has done nothing since its last pause
  };

  // Somebody who may be the next to run, and what that uses up.
  enum class Cost : uint8_t { kNone, kSpurious, kTimeout };
  struct Candidate {
    int id;
    Cost cost;
  };
  using Candidates = absl::InlinedVector<Candidate, kMaxThreads>;

  struct Mutex {
    static constexpr int kNobody = -1;
    Lifetime lifetime;
    int owner = kNobody;
    Knowledge released;
    uint64_t version = 0;  // a fingerprint of the last unlock
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
  StoreIndex next_other_value(LocationId location, StoreIndex index) const;
  bool has_news(const Thread& thread) const;
  void add_candidates_at_a_cost(Candidates& candidates) const;
  void add_candidates_when_nobody_can(Candidates& candidates);
  void go_on(Thread& thread);
  void switch_to(int next);
  uint64_t fingerprint();
  [[noreturn]] void report_deadlock();
  void check_leaks();

  // --- operations.cc ---
  Thread& self() { return threads_[running_]; }
  int choose(int alternatives) { return search_.choose(alternatives, self().memory.history); }
  void count_step();
  // A step begins: registers the site, counts, and lets others go first.
  const Site* begin(Op op, const Where& where, Order order, Order failure);
  const Site* find(Op op, const Where& where, Order order, Order failure) {
    return sites_.find(op, where, order, failure);
  }
  // The order that the mutant, if there is one, makes of it.
  Order effective(const Site* site, Order order,
                  Mutation::Part part = Mutation::Part::kOrder) const {
    const bool mutated = mutation_ != nullptr && mutation_->site == site && mutation_->part == part;
    return mutated ? mutation_->order : order;
  }
  bool dropped(const Site* site) const { return mutation_ != nullptr && mutation_->drops(site); }
  void born(Lifetime& lifetime, const void* address, const Where& where);
  // Null when there is no such object.
  Lifetime* atomic(uint32_t id) { return id < memory_.size() ? &memory_.at(id).lifetime : nullptr; }
  Lifetime* cell(uint32_t id) { return id < cells_.size() ? &cells_[id] : nullptr; }
  Lifetime* mutex(uint32_t id) { return id < mutexes_.size() ? &mutexes_[id].lifetime : nullptr; }
  Lifetime* condition(uint32_t id) { return id < conditions_.size() ? &conditions_[id] : nullptr; }
  void use(Lifetime* lifetime, const void* address, const Site* site);
  void end(Lifetime* lifetime, const void* address);
  Location& use(Ref atomic, const Site* site);
  Mutex& use_mutex(Ref mutex, const Site* site);
  StoreIndex oldest_readable(LocationId location, Order order);
  uint64_t take(LocationId location, StoreIndex index, Order order);
  void has_read(LocationId location, StoreIndex index);
  void finish_read_modify_write(LocationId location, uint64_t before, uint64_t after, Order order,
                                const Site* site);
  void acquire(Mutex& mutex);
  void wait_for_lock(Ref mutex, const Site* site);
  // Sleeps until woken; false if it was for another reason.
  bool sleep(const void* address, bool timed, const Site* site);
  int wake(const void* address, int count);
  // The calling thread does something to an object that is not ordered behind what `other` did.
  [[noreturn]] void report_race(const PlainAccess::Access& other, std::string_view does,
                                const void* address, const Site* site);
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
  int timeouts_ = 0;
  int idle_spins_ = 0;  // turns of spinning threads since anything was stored
  int last_idle_ = 0;   // whose turn was the last
  std::vector<Lifetime> cells_;
  std::vector<Mutex> mutexes_;
  std::vector<Lifetime> conditions_;
  std::vector<Allocation> allocations_;
  std::vector<Label> labels_;
  std::optional<std::string> failure_;
};

}  // namespace annulet::model_check::internal

#endif  // ANNULET_TESTING_INTERNAL_EXECUTION_H_
