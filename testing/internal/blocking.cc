// How model threads wait for each other: mutexes, futexes and condition variables. Part of
// Execution.
#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "annulet/testing/internal/execution.h"

namespace annulet::model_check::internal {

// --- mutexes ---

uint32_t Execution::construct_mutex(const void* address, const Where& where) {
  born(mutexes_.emplace_back().lifetime, address, where);
  return static_cast<uint32_t>(mutexes_.size() - 1);
}

void Execution::destroy_mutex(Ref ref) {
  end(mutex(ref.id), ref.address);
  if (mutexes_[ref.id].owner != Mutex::kNobody) {
    fail(absl::StrCat("a mutex goes while ", threads_[mutexes_[ref.id].owner].name,
                      " holds it, after ", describe(self().last)));
  }
}

Execution::Mutex& Execution::use_mutex(Ref ref, const Site* site) {
  use(mutex(ref.id), ref.address, site);
  return mutexes_[ref.id];
}

bool Execution::lock(Ref ref, const Where& where) {
  const Site* const site = begin(Op::kLock, where, {}, {});
  if (dropped(site)) {
    if (tracing()) note(site, "lock left out");
    return false;
  }
  if (use_mutex(ref, site).owner == running_) {
    fail(absl::StrCat("locked twice by one thread: ", describe(site)));
  }
  wait_for_lock(ref, site);
  return true;
}

void Execution::wait_for_lock(Ref ref, const Site* site) {
  while (use_mutex(ref, site).owner != Mutex::kNobody) {
    self().status = Status::kLocking;
    self().wanted = ref.id;
    self().waits_at = site;
    reschedule();
  }
  acquire(mutexes_[ref.id]);
  if (tracing()) note(site, "lock");
}

bool Execution::try_lock(Ref ref, const Where& where) {
  const Site* const site = begin(Op::kTryLock, where, {}, {});
  Mutex& mutex = use_mutex(ref, site);
  const bool free = mutex.owner == Mutex::kNobody;
  // It may fail for no reason, which stands also for a lock that was held a moment ago.
  const bool spurious = free && spurious_ < limits_.spurious && choose(2) == 1;
  if (spurious) ++spurious_;
  const bool locked = free && !spurious;
  self().memory.remember(locked);
  if (locked) {
    acquire(mutex);
  } else {
    self().busy.push_back(ref.id);
  }
  if (tracing()) note(site, "try_lock -> ", locked ? "locked" : "busy");
  return locked;
}

void Execution::acquire(Mutex& mutex) {
  mutex.owner = running_;
  self().memory.now.join(mutex.released);
  self().memory.remember(mutex.version);
}

void Execution::unlock(Ref ref, const Where& where) {
  const Site* const site = find(Op::kUnlock, where, {}, {});
  Mutex& mutex = use_mutex(ref, site);
  if (mutex.owner != running_) {
    fail(absl::StrCat("unlocked by a thread that does not hold the lock: ", describe(site)));
  }
  ThreadMemory& memory = self().memory;
  memory.remember(0);
  mutex.owner = Mutex::kNobody;
  mutex.released = memory.now;
  mutex.version = mix(memory.history, memory.id);
  memory.tick();
  if (tracing()) note(site, "unlock");
}

// --- sleeping ---

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
    Thread& chosen = threads_[sleepers[all ? 0 : choose(static_cast<int>(sleepers.size()))]];
    // The kernel orders a wake-up behind what the waker stored before, though the C++ memory model
    // knows nothing of it: the view goes along, the clock does not.
    chosen.memory.now.view.join(self().memory.now.view);
    chosen.memory.remember(self().memory.history);
    chosen.woken = true;
    chosen.status = Status::kReady;
  }
  return woken;
}

void Execution::futex_wait(Ref word, uint64_t expected, bool timed, const Where& where) {
  const Site* const site = begin(Op::kFutexWait, where, {}, {});
  // The kernel looks at the word under the lock that futex_wake takes, too: it sees the newest.
  const Location& location = use(word, site);
  const uint64_t value = take(word.id, location.newest(), std::memory_order_relaxed);
  if (value != expected) {
    if (tracing()) {
      note(site, "futex_wait ", name_of(word.address), ": is ", value, ", not ", expected);
    }
    return;
  }
  if (tracing()) note(site, "futex_wait ", name_of(word.address), ": sleeps");
  const bool woken = sleep(word.address, timed, site);
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

uint32_t Execution::construct_condition(const void* address, const Where& where) {
  born(conditions_.emplace_back(), address, where);
  return static_cast<uint32_t>(conditions_.size() - 1);
}

void Execution::destroy_condition(Ref ref) {
  end(condition(ref.id), ref.address);
  for (int i = 0; i <= started_; ++i) {
    const Thread& thread = threads_[i];
    if (thread.status != Status::kAsleep || thread.asleep_on != ref.address) continue;
    fail(absl::StrCat(name_of(ref.address), " goes while ", thread.name, " waits for it, at ",
                      describe(thread.waits_at)));
  }
}

bool Execution::wait(Ref ref, Ref lock, bool timed, const Where& where) {
  const Site* const site = begin(Op::kWait, where, {}, {});
  use(condition(ref.id), ref.address, site);
  if (tracing()) note(site, "wait: sleeps");
  unlock(lock, where);
  bool notified = sleep(ref.address, timed, site);
  if (tracing()) note(site, "wait ", notified ? "is notified" : "returns for no reason");
  if (!notified && timed && spurious_ < limits_.spurious && choose(2) == 1) {
    ++spurious_;
    notified = true;
  }
  self().memory.remember(notified);
  begin(Op::kWait, where, {}, {});
  wait_for_lock(lock, site);
  return notified || !timed;
}

void Execution::notify(Ref ref, int count, const Where& where) {
  const Site* const site = begin(Op::kNotify, where, {}, {});
  use(condition(ref.id), ref.address, site);
  if (dropped(site)) {
    if (tracing()) note(site, "notify left out");
    return;
  }
  const int woken = wake(ref.address, count);
  if (tracing()) note(site, "notify: wakes ", woken);
}

}  // namespace annulet::model_check::internal
