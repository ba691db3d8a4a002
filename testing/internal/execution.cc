#include "annulet/testing/internal/execution.h"

#include <algorithm>
#include <cstddef>
#include <exception>

#include "absl/base/config.h"
#include "absl/log/check.h"
#include "absl/strings/str_cat.h"

#ifdef ABSL_HAVE_ADDRESS_SANITIZER
#include <sanitizer/lsan_interface.h>
#endif

namespace annulet::model_check::internal {

namespace {

thread_local Execution* current_execution = nullptr;

// An execution that fails is left where it stands, with all that its frames own: no leak of the
// code under test.
class LeaksAllowed {
 public:
#ifdef ABSL_HAVE_ADDRESS_SANITIZER
  LeaksAllowed() { __lsan_disable(); }
  ~LeaksAllowed() { __lsan_enable(); }
#else
  LeaksAllowed() {}
#endif
  LeaksAllowed(const LeaksAllowed&) = delete;
  LeaksAllowed& operator=(const LeaksAllowed&) = delete;
};

// Fibers are kept from one execution to the next: between executions each of them rests behind the
// end of its last thread. One that was left elsewhere is given up.
struct Fibers {
  Fiber outside;
  std::array<std::unique_ptr<Fiber>, kMaxThreads> threads;
};

Fibers& fibers() {
  thread_local Fibers result;
  return result;
}

}  // namespace

Execution::Execution(Search& search, SiteTable& sites, const Limits& limits,
                     const Mutation* mutation)
    : search_(search), sites_(sites), limits_(limits), mutation_(mutation) {
  for (int i = 0; i < kMaxThreads; ++i) threads_[i].memory.id = i;
}

Execution& Execution::current() {
  CHECK(current_execution != nullptr)
      << "ModelSync works only inside a scenario that model_check explores";
  return *current_execution;
}

std::optional<std::string> Execution::run(const std::function<void()>& body, Trace* trace) {
  CHECK(current_execution == nullptr) << "a scenario cannot explore another one";
  trace_ = trace;
  reset();
  search_.begin();
  current_execution = this;
  threads_[0].body = body;
  threads_[0].status = Status::kReady;
  std::unique_ptr<Fiber>& main = fibers().threads[0];
  if (main == nullptr) main = std::make_unique<Fiber>([] { thread_loop(0); });
  {
    const LeaksAllowed leaks_allowed;
    fibers().outside.switch_to(*main);
  }
  current_execution = nullptr;
  if (!failure_.has_value()) search_.end();
  if (failure_.has_value()) {
    for (int i = 0; i < kMaxThreads; ++i) {
      if (threads_[i].status == Status::kIdle && i != running_) continue;  // at rest
      fibers().threads[i] = nullptr;
    }
  }
  return failure_;
}

void Execution::reset() {
  memory_.clear();
  for (Thread& thread : threads_) {
    thread.memory.now = thread.memory.at_release_fence = thread.memory.pending = Knowledge();
    thread.memory.now.clock.at[thread.memory.id] = 1;
    thread.memory.history = 0;
    thread.status = Status::kIdle;
    thread.reads.clear();
    thread.busy.clear();
    thread.news.clear();
    thread.same_spin = false;
    thread.last = nullptr;
  }
  threads_[0].name = "body";
  running_ = started_ = 0;
  step_ = 0;
  preemptions_ = spurious_ = timeouts_ = 0;
  idle_spins_ = last_idle_ = 0;
  cells_.clear();
  mutexes_.clear();
  conditions_.clear();
  allocations_.clear();
  labels_.clear();
  failure_.reset();
}

void Execution::thread_loop(int id) {
  for (;;) current().thread_main(id);
}

void Execution::thread_main(int id) {
  try {
    threads_[id].body();
    if (id == 0) check_leaks();
  } catch (const std::exception& e) {
    fail(absl::StrCat("an exception escaped: ", e.what()));
  } catch (...) {
    fail("an exception escaped");
  }
  threads_[id].body = nullptr;
  threads_[id].status = Status::kIdle;
  if (id == 0) {
    fibers().threads[0]->switch_to(fibers().outside);
  } else {
    finish_thread();
  }
}

void Execution::run_threads(std::vector<ModelThread> threads) {
  if (running_ != 0) fail("run_threads() inside a model thread: only the body may start threads");
  if (threads.empty() || threads.size() >= kMaxThreads) {
    fail(absl::StrCat("run_threads() with ", threads.size(), " threads; 1 to ", kMaxThreads - 1,
                      " are possible"));
  }
  Thread& body = threads_[0];
  started_ = static_cast<int>(threads.size());
  for (int i = 1; i <= started_; ++i) {
    Thread& thread = threads_[i];
    thread.name = std::move(threads[i - 1].name);
    thread.body = std::move(threads[i - 1].body);
    thread.memory.now.join(body.memory.now);
    thread.memory.at_release_fence = thread.memory.pending = Knowledge();
    thread.memory.tick();
    thread.memory.remember(body.memory.history);
    thread.reads.clear();
    thread.busy.clear();
    thread.news.clear();
    thread.same_spin = false;
    thread.status = Status::kReady;
    std::unique_ptr<Fiber>& fiber = fibers().threads[i];
    if (fiber == nullptr) fiber = std::make_unique<Fiber>([i] { thread_loop(i); });
  }
  body.memory.tick();
  body.status = Status::kJoining;
  reschedule();
  for (int i = 1; i <= started_; ++i) {
    body.memory.now.join(threads_[i].memory.now);
    body.memory.remember(threads_[i].memory.history);
  }
  started_ = 0;
}

void Execution::finish_thread() {
  if (tracing()) note(nullptr, "ends");
  const bool last = std::all_of(threads_.begin() + 1, threads_.end(),
                                [](const Thread& other) { return other.status == Status::kIdle; });
  if (last) threads_[0].status = Status::kReady;
  reschedule();
}

// The first store behind the one at `index` that would tell a reader something else, or 0.
StoreIndex Execution::next_other_value(LocationId id, StoreIndex index) const {
  const Location& location = memory_.at(id);
  for (StoreIndex i = index + 1; i <= location.newest(); ++i) {
    if (location.stores[i].value != location.stores[index].value) return i;
  }
  return 0;
}

bool Execution::has_news(const Thread& thread) const {
  const auto changed = [this](const auto& read) {
    return next_other_value(read.first, read.second) != 0;
  };
  const auto free = [this](uint32_t mutex) { return mutexes_[mutex].owner == Mutex::kNobody; };
  return std::any_of(thread.reads.begin(), thread.reads.end(), changed) ||
         std::any_of(thread.busy.begin(), thread.busy.end(), free);
}

bool Execution::can_run(const Thread& thread) const {
  switch (thread.status) {
    case Status::kReady:
      return true;
    case Status::kPaused:
      return has_news(thread);
    case Status::kLocking:
      return mutexes_[thread.wanted].owner == Mutex::kNobody;
    case Status::kIdle:
    case Status::kJoining:
    case Status::kAsleep:
      return false;
  }
  return false;
}

// Chooses who goes on. The calling thread's status says whether it is one of them. Returns when it
// is the calling thread's turn again.
void Execution::reschedule() {
  if (started_ == 0 && self().status == Status::kReady) return;  // the body alone
  const bool preempts = self().status == Status::kReady;
  Candidates candidates;
  if (preempts) candidates.push_back({running_, Cost::kNone});
  if (!preempts || preemptions_ < limits_.preemptions) {
    for (int i = 0; i <= started_; ++i) {
      if (preempts && i == running_) continue;
      if (can_run(threads_[i])) candidates.push_back({i, Cost::kNone});
    }
    if (!candidates.empty()) add_candidates_at_a_cost(candidates);
  }
  if (candidates.empty()) add_candidates_when_nobody_can(candidates);
  if (search_.on_new_ground()) {
    // Where their number does not matter, no state is explored anew for having been met with fewer.
    search_.visit(fingerprint(), limits_.preemptions < kUnbounded ? preemptions_ : 0);
  }
  const Candidate next = candidates[choose(static_cast<int>(candidates.size()))];
  if (next.cost == Cost::kSpurious) ++spurious_;
  if (next.cost == Cost::kTimeout) ++timeouts_;
  if (preempts && next.id == running_) return;
  if (preempts) ++preemptions_;
  go_on(threads_[next.id]);
  switch_to(next.id);
}

// Those who need not run now but may: a deadline may pass, a sleep end for no reason, a spin go on
// though nothing has changed.
void Execution::add_candidates_at_a_cost(Candidates& candidates) const {
  for (int i = 0; i <= started_; ++i) {
    const Thread& thread = threads_[i];
    const bool asleep = thread.status == Status::kAsleep;
    if (asleep && thread.timed) {
      if (timeouts_ < limits_.timeouts) candidates.push_back({i, Cost::kTimeout});
    } else if (asleep || (thread.status == Status::kPaused && !has_news(thread))) {
      if (spurious_ < limits_.spurious) candidates.push_back({i, Cost::kSpurious});
    }
  }
}

// Nobody can go on by himself. First any deadline passes; else those who spin go on, for as long as
// there are steps: at first any of them, then in turn.
void Execution::add_candidates_when_nobody_can(Candidates& candidates) {
  for (int i = 0; i <= started_; ++i) {
    const Thread& thread = threads_[i];
    if (thread.status == Status::kAsleep && thread.timed) candidates.push_back({i, Cost::kNone});
  }
  if (!candidates.empty()) return;
  for (int i = 1; i <= started_; ++i) {
    const int id = 1 + (last_idle_ + i - 1) % started_;
    if (threads_[id].status != Status::kPaused) continue;
    candidates.push_back({id, Cost::kNone});
    if (idle_spins_ > 0) break;
  }
  if (candidates.empty()) report_deadlock();
  ++idle_spins_;
}

// The thread's turn has come.
void Execution::go_on(Thread& thread) {
  if (thread.status == Status::kPaused) {
    thread.news.clear();
    for (const auto& [location, index] : thread.reads) {
      const StoreIndex news = next_other_value(location, index);
      if (news == 0) continue;
      thread.news.emplace_back(location, news);
      thread.memory.remember(memory_.at(location).key);
    }
    thread.reads.clear();
    thread.busy.clear();
    last_idle_ = thread.memory.id;
  }
  thread.status = Status::kReady;
}

void Execution::switch_to(int next) {
  if (next == running_) return;
  Fiber& from = *fibers().threads[running_];
  running_ = next;
  from.switch_to(*fibers().threads[next]);
}

uint64_t Execution::fingerprint() {
  uint64_t sum = memory_.fingerprint();
  for (int i = 0; i <= started_; ++i) {
    const Thread& thread = threads_[i];
    const uint64_t status = static_cast<uint64_t>(thread.status) * 2 + thread.woken;
    sum += mix(thread.memory.history, mix(i, status));
  }
  const int running = self().status == Status::kReady ? running_ : kMaxThreads;
  // Only while all spin it matters who did so last.
  const int last_idle = idle_spins_ > 0 ? last_idle_ : 0;
  return mix(sum, mix(mix(running, last_idle), mix(spurious_, timeouts_)));
}

void Execution::report_deadlock() {
  std::string waiting;
  bool spin = false;
  bool sleep = false;
  for (int i = 0; i <= started_; ++i) {
    const Thread& thread = threads_[i];
    if (thread.status == Status::kIdle || thread.status == Status::kJoining) continue;
    const bool waits = thread.status == Status::kAsleep || thread.status == Status::kLocking;
    spin = spin || !waits;
    sleep = sleep || thread.status == Status::kAsleep;
    absl::StrAppend(&waiting, waiting.empty() ? "" : "; ", thread.name,
                    waits ? absl::StrCat(" waits at ", describe(thread.waits_at)) : " spins");
  }
  fail(
      absl::StrCat(spin ? "livelock: " : "deadlock: ", waiting, sleep ? " (a lost wake-up?)" : ""));
}

void Execution::fail(std::string what) {
  if (!failure_.has_value()) failure_ = std::move(what);
  fibers().threads[running_]->switch_to(fibers().outside);
  std::abort();  // nobody comes back here
}

void* Execution::allocate(size_t size, size_t alignment) {
  Allocation allocation{.memory = std::make_unique<char[]>(size + alignment),
                        .made_after = self().last};
  void* start = allocation.memory.get();
  size_t space = size + alignment;
  allocation.start = std::align(alignment, size, start, space);
  allocations_.push_back(std::move(allocation));
  return allocations_.back().start;
}

// Stays allocated to the end of the execution, so that a later use of what lay there is recognized.
void Execution::release(void* memory) {
  const auto found = std::find_if(allocations_.begin(), allocations_.end(),
                                  [memory](const Allocation& a) { return a.start == memory; });
  if (found == allocations_.end()) fail("destroy() of something that create() did not make");
  if (found->freed) {
    fail(absl::StrCat("destroyed twice, the second time by ", self().name, " after ",
                      describe(self().last)));
  }
  found->freed = true;
}

void Execution::check_leaks() {
  for (const Allocation& allocation : allocations_) {
    if (allocation.freed) continue;
    fail(absl::StrCat("leak: never destroyed what was created after ",
                      describe(allocation.made_after)));
  }
}

}  // namespace annulet::model_check::internal
