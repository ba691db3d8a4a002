// The operations of model threads on shared state. Part of Execution.
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "annulet/testing/internal/execution.h"

namespace annulet::model_check::internal {

void Execution::count_step() {
  if (++step_ <= static_cast<uint32_t>(limits_.steps)) return;
  fail(absl::StrCat("livelock: no end after ", limits_.steps,
                    " steps; a loop that waits must call pause() or yield()"));
}

const Site* Execution::begin(Op op, const Where& where, Order order, Order failure) {
  count_step();
  reschedule();
  return self().last = find(op, where, order, failure);
}

// --- atomic locations ---

LocationId Execution::construct(const void* address, uint64_t value, const Where& where) {
  const Site* const site = find(Op::kConstruct, where, {}, {});
  ThreadMemory& memory = self().memory;
  const LocationId id = memory_.construct(memory, value, step_);
  Location& location = memory_.at(id);
  location.address = address;
  location.lifetime.write(memory.id, memory.now.clock, site);
  return id;
}

void Execution::destroy(LocationId id, const Where& where) {
  const Site* const site = find(Op::kDestroy, where, {}, {});
  Location& location = memory_.at(id);
  const ThreadMemory& memory = self().memory;
  if (const auto* other = location.lifetime.write(memory.id, memory.now.clock, site)) {
    report_race(*other, site, "is destroyed here while another thread may still use it");
  }
  location.alive = false;
}

Location& Execution::use(LocationId id, const Site* site) {
  Location& location = memory_.at(id);
  if (!location.alive) {
    fail(absl::StrCat("use after free: ", name_of(location.address), " is gone when ",
                      describe(site), " uses it"));
  }
  const ThreadMemory& memory = self().memory;
  if (const auto* other = location.lifetime.read(memory.id, memory.now.clock, site)) {
    report_race(*other, site, "is used here before its construction is visible");
  }
  return location;
}

// What a load may read at the oldest, given also that a spin reads nothing twice.
StoreIndex Execution::oldest_readable(LocationId id, Order order) {
  StoreIndex oldest = memory_.oldest_visible(self().memory, id, order);
  for (const auto& [location, index] : self().passed) {
    if (location != id) continue;
    if (oldest <= index) oldest = static_cast<StoreIndex>(index + 1);
    self().passed.clear();
    break;
  }
  return oldest;
}

uint64_t Execution::take(LocationId id, StoreIndex index, Order order) {
  self().reads.emplace_back(id, index);
  return memory_.read(self().memory, id, index, order);
}

uint64_t Execution::load(LocationId id, Order order, const Where& where) {
  const Site* const site = begin(Op::kLoad, where, order, order);
  order = effective(site, order);
  const Location& location = use(id, site);
  const StoreIndex newest = location.newest();
  const StoreIndex oldest = oldest_readable(id, order);
  const StoreIndex index = static_cast<StoreIndex>(newest - search_.choose(newest - oldest + 1));
  const uint64_t value = take(id, index, order);
  const Store& store = location.stores[newest];
  if (!tracing()) return value;
  std::string age;
  if (index != newest)
    age = absl::StrCat("  (old: step ", store.step, " stored ", store.value, ")");
  note(site, "load ", name(order), " ", name_of(location.address), " -> ", value, age);
  return value;
}

void Execution::store(LocationId id, uint64_t value, Order order, const Where& where) {
  const Site* const site = begin(Op::kStore, where, order, order);
  order = effective(site, order);
  const Location& location = use(id, site);
  memory_.write(self().memory, id, value, order, step_);
  idle_spins_ = 0;
  if (tracing()) note(site, "store ", name(order), " ", name_of(location.address), " = ", value);
}

uint64_t Execution::newest_value(LocationId id, const Site* site) {
  const Location& location = use(id, site);
  return location.stores.back().value;
}

void Execution::finish_read_modify_write(LocationId id, uint64_t before, uint64_t after,
                                         Order order, const Site* site) {
  self().reads.emplace_back(id, memory_.at(id).newest());
  memory_.read_modify_write(self().memory, id, after, order, step_);
  idle_spins_ = 0;
  if (tracing())
    note(site, name(site->op), " ", name(order), " ", name_of(memory_.at(id).address), ": ", before,
         " -> ", after);
}

bool Execution::compare_exchange(LocationId id, uint64_t& expected, uint64_t desired, Order success,
                                 Order failure, bool weak, const Where& where) {
  const Site* const site = begin(Op::kCompareExchange, where, success, failure);
  success = effective(site, success);
  failure = effective_failure(site, failure);
  const Location& location = use(id, site);
  const StoreIndex newest = location.newest();
  // The newest store first. It fails by any older one that has another value, since that much is a
  // plain load; a weak one also for no reason.
  absl::InlinedVector<StoreIndex, 8> choices{newest};
  const StoreIndex oldest = oldest_readable(id, failure);
  for (StoreIndex i = newest; i-- > oldest;) {
    if (location.stores[i].value != expected) choices.push_back(i);
  }
  const bool matches = location.stores[newest].value == expected;
  const bool may_be_spurious = weak && matches && spurious_ < limits_.spurious;
  const size_t pick = static_cast<size_t>(
      search_.choose(static_cast<int>(choices.size()) + (may_be_spurious ? 1 : 0)));
  if (pick == 0 && matches) {
    finish_read_modify_write(id, expected, desired, success, site);
    return true;
  }
  const bool spurious = pick == choices.size();
  if (spurious) {
    ++spurious_;
    self().memory.remember(pick);
  }
  const uint64_t value = take(id, spurious ? newest : choices[pick], failure);
  if (tracing())
    note(site, "compare_exchange ", name(failure), " ", name_of(location.address), " fails",
         spurious ? " for no reason" : "", ": is ", value, ", expected ", expected);
  expected = value;
  return false;
}

void Execution::fence(Order order, const Where& where) {
  // Only seq_cst fences act on what others can see.
  const Site* const site = order == std::memory_order_seq_cst
                               ? begin(Op::kFence, where, order, order)
                               : find(Op::kFence, where, order, order);
  order = effective(site, order);
  memory_.fence(self().memory, order);
  if (tracing()) note(site, "fence ", name(order));
}

void Execution::pause(const Where& where) {
  if (self().reads.empty()) return;  // still the same spin
  count_step();
  if (tracing()) note(find(Op::kPause, where, {}, {}), "pause");
  if (started_ == 0) return;  // the body alone
  self().status = Status::kPaused;
  reschedule();
}

// --- plain memory ---

void Execution::read(PlainAccess& cell, const Where& where) {
  const Site* const site = find(Op::kRead, where, {}, {});
  const ThreadMemory& memory = self().memory;
  if (const auto* other = cell.read(memory.id, memory.now.clock, site)) {
    report_race(*other, site, "is read here");
  }
}

void Execution::write(PlainAccess& cell, Op op, const Where& where) {
  const Site* const site = find(op, where, {}, {});
  const ThreadMemory& memory = self().memory;
  if (const auto* other = cell.write(memory.id, memory.now.clock, site)) {
    report_race(*other, site, op == Op::kDestroy ? "is destroyed here" : "is written here");
  }
}

// --- blocking ---

bool Execution::lock(MutexState& mutex, const Where& where) {
  const Site* const site = begin(Op::kLock, where, {}, {});
  if (dropped(site)) {
    if (tracing()) note(site, "lock left out");
    return false;
  }
  if (mutex.owner == running_) fail(absl::StrCat("locked twice by one thread: ", describe(site)));
  while (mutex.owner != MutexState::kNobody) {
    self().status = Status::kLocking;
    self().wanted = &mutex;
    self().waits_at = site;
    reschedule();
  }
  acquire(mutex);
  if (tracing()) note(site, "lock");
  return true;
}

bool Execution::try_lock(MutexState& mutex, const Where& where) {
  const Site* const site = begin(Op::kTryLock, where, {}, {});
  const bool free = mutex.owner == MutexState::kNobody;
  self().memory.remember(free);
  if (free) acquire(mutex);
  if (tracing()) note(site, "try_lock -> ", free ? "locked" : "busy");
  return free;
}

void Execution::acquire(MutexState& mutex) {
  mutex.owner = running_;
  self().memory.now.join(mutex.released);
  self().memory.remember(mutex.version);
}

void Execution::unlock(MutexState& mutex, const Where& where) {
  const Site* const site = find(Op::kUnlock, where, {}, {});
  if (mutex.owner != running_) {
    fail(absl::StrCat("unlocked by a thread that does not hold the lock: ", describe(site)));
  }
  ThreadMemory& memory = self().memory;
  memory.remember(0);
  mutex.owner = MutexState::kNobody;
  mutex.released = memory.now;
  mutex.version = mix(memory.history, memory.id);
  memory.tick();
  if (tracing()) note(site, "unlock");
}

bool Execution::sleep(const void* address, bool timed, const Site* site) {
  Thread& thread = self();
  thread.status = Status::kAsleep;
  thread.asleep_on = address;
  thread.timed = timed;
  thread.woken = false;
  thread.waits_at = site;
  reschedule();
  const bool woken = thread.woken;
  thread.woken = false;
  thread.memory.remember(woken);
  return woken;
}

int Execution::wake(const void* address, int count) {
  int woken = 0;
  for (; woken < count; ++woken) {
    absl::InlinedVector<int, kMaxThreads> sleepers;
    for (int i = 1; i <= started_; ++i) {
      const Thread& thread = threads_[i];
      if (thread.status == Status::kAsleep && thread.asleep_on == address) sleepers.push_back(i);
    }
    if (sleepers.empty()) break;
    // Which of them is not promised.
    const bool all = count - woken >= static_cast<int>(sleepers.size());
    Thread& chosen =
        threads_[sleepers[all ? 0 : search_.choose(static_cast<int>(sleepers.size()))]];
    chosen.woken = true;
    chosen.status = Status::kReady;
  }
  return woken;
}

void Execution::futex_wait(const void* address, LocationId word, uint64_t expected, bool timed,
                           const Where& where) {
  const Site* const site = begin(Op::kFutexWait, where, {}, {});
  // The kernel looks at the word under the lock that futex_wake takes, too: it sees the newest.
  const Location& location = use(word, site);
  const uint64_t value = take(word, location.newest(), std::memory_order_relaxed);
  if (value != expected) {
    if (tracing()) note(site, "futex_wait ", name_of(address), ": is ", value, ", not ", expected);
    return;
  }
  if (tracing()) note(site, "futex_wait ", name_of(address), ": sleeps");
  const bool woken = sleep(address, timed, site);
  if (tracing()) note(site, "futex_wait ", woken ? "is woken" : "returns for no reason");
}

void Execution::futex_wake(const void* address, int count, const Where& where) {
  const Site* const site = begin(Op::kFutexWake, where, {}, {});
  if (dropped(site)) {
    if (tracing()) note(site, "futex_wake left out");
    return;
  }
  const int woken = wake(address, count);
  if (tracing()) note(site, "futex_wake ", name_of(address), ": wakes ", woken);
}

bool Execution::wait(const void* condition, MutexState& mutex, bool timed, const Where& where) {
  const Site* const site = begin(Op::kWait, where, {}, {});
  if (tracing()) note(site, "wait: sleeps");
  unlock(mutex, where);
  const bool woken = sleep(condition, timed, site);
  if (tracing()) note(site, "wait ", woken ? "is notified" : "returns for no reason");
  lock(mutex, where);
  return woken;
}

void Execution::notify(const void* condition, int count, const Where& where) {
  const Site* const site = begin(Op::kNotify, where, {}, {});
  if (dropped(site)) {
    if (tracing()) note(site, "notify left out");
    return;
  }
  const int woken = wake(condition, count);
  if (tracing()) note(site, "notify: wakes ", woken);
}

// --- reports ---

void Execution::report_race(const PlainAccess::Access& other, const Site* site,
                            std::string_view what) {
  fail(absl::StrCat("data race: ", what, ", ", describe(site), " by ", self().name,
                    ", and nothing orders that behind the ", name(other.site->op), " at ",
                    describe(other.site), " by ", threads_[other.thread].name));
}

std::string Execution::describe(const Site* site) {
  if (site == nullptr) return "the beginning";
  return absl::StrCat(site->position(), " (", site->function(), ")");
}

void Execution::label(const void* begin, size_t size, std::string_view text) {
  if (trace_ == nullptr) return;
  labels_.push_back({static_cast<const char*>(begin), size, std::string(text)});
}

std::string Execution::name_of(const void* address) const {
  const char* const at = static_cast<const char*>(address);
  for (const Label& label : labels_) {
    if (at < label.begin || at >= label.begin + label.size) continue;
    return at == label.begin ? label.text : absl::StrCat(label.text, "+", at - label.begin);
  }
  for (size_t id = memory_.size(); id-- > 0;) {
    if (memory_.at(static_cast<LocationId>(id)).address == address) {
      return absl::StrCat("atomic#", id);
    }
  }
  return "?";
}

}  // namespace annulet::model_check::internal
