// The operations of model threads on shared state. Part of Execution.
#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "annulet/testing/internal/execution.h"

namespace annulet::model_check::internal {

void Execution::count_step() {
  if (++step_ <= static_cast<uint32_t>(limits_.steps)) return;
  if (idle_spins_ > 0) report_deadlock();
  fail(absl::StrCat("livelock: no end after ", limits_.steps,
                    " steps; a loop that waits must call pause() or yield()"));
}

const Site* Execution::begin(Op op, const Where& where, Order order, Order failure) {
  count_step();
  reschedule();
  self().same_spin = false;
  // Each step leaves a trace in the history, or the state behind it would seem an old one.
  self().memory.remember(static_cast<uint64_t>(op));
  return self().last = find(op, where, order, failure);
}

// --- lifetimes ---

void Execution::born(Lifetime& lifetime, const void* address, const Where& where) {
  const ThreadMemory& memory = self().memory;
  lifetime = {.address = address};
  lifetime.accesses.write(memory.id, memory.now.clock, find(Op::kConstruct, where, {}, {}));
}

// `lifetime` is null when the object's id is none.
void Execution::use(Lifetime* lifetime, const void* address, const Site* site) {
  if (lifetime == nullptr || lifetime->address != address || !lifetime->alive) {
    fail(absl::StrCat("use after free: ", name_of(address), " is gone when ", self().name,
                      " uses it, ", describe(site)));
  }
  const ThreadMemory& memory = self().memory;
  if (const auto* other = lifetime->accesses.read(memory.id, memory.now.clock, site)) {
    report_race(*other, "uses", address, site);
  }
}

void Execution::end(Lifetime* lifetime, const void* address) {
  if (lifetime == nullptr || lifetime->address != address || !lifetime->alive) {
    fail(absl::StrCat("destroyed twice: ", name_of(address), ", by ", self().name, " after ",
                      describe(self().last)));
  }
  const ThreadMemory& memory = self().memory;
  if (const auto* other = lifetime->accesses.write(memory.id, memory.now.clock, self().last)) {
    report_race(*other, "ends the life of", address, self().last);
  }
  lifetime->alive = false;
}

// --- atomic locations ---

uint32_t Execution::construct(const void* address, uint64_t value, const Where& where) {
  const LocationId id = memory_.construct(self().memory, value, step_);
  born(memory_.at(id).lifetime, address, where);
  return id;
}

void Execution::destroy(Ref ref) { end(atomic(ref.id), ref.address); }

Location& Execution::use(Ref ref, const Site* site) {
  use(atomic(ref.id), ref.address, site);
  return memory_.at(ref.id);
}

// What a load may read at the oldest, given also that a spin must see something new.
StoreIndex Execution::oldest_readable(LocationId id, Order order) {
  const StoreIndex oldest = memory_.oldest_visible(self().memory, id, order);
  const Thread::Reads& news = self().news;
  const bool must_be_new = news.size() == 1 && news.front().first == id;
  return must_be_new ? std::max(oldest, news.front().second) : oldest;
}

uint64_t Execution::take(LocationId id, StoreIndex index, Order order) {
  has_read(id, index);
  return memory_.read(self().memory, id, index, order);
}

void Execution::has_read(LocationId id, StoreIndex index) {
  const auto is_it = [id](const auto& read) { return read.first == id; };
  Thread::Reads& news = self().news;
  if (const auto found = std::find_if(news.begin(), news.end(), is_it); found != news.end()) {
    if (index >= found->second) {
      news.clear();
    } else {
      news.erase(found);
    }
  }
  Thread::Reads& reads = self().reads;
  if (const auto found = std::find_if(reads.begin(), reads.end(), is_it); found != reads.end()) {
    found->second = index;
  } else {
    reads.emplace_back(id, index);
  }
}

uint64_t Execution::load(Ref atomic, Order order, const Where& where) {
  const Site* const site = begin(Op::kLoad, where, order, order);
  order = effective(site, order);
  const Location& location = use(atomic, site);
  const StoreIndex newest = location.newest();
  const StoreIndex oldest = oldest_readable(atomic.id, order);
  const StoreIndex index = static_cast<StoreIndex>(newest - choose(newest - oldest + 1));
  const uint64_t value = take(atomic.id, index, order);
  const Store& store = location.stores[newest];
  if (!tracing()) return value;
  std::string age;
  if (index != newest) {
    age = absl::StrCat("  (old: step ", store.step, " stored ", store.value, ")");
  }
  note(site, "load ", name(order), " ", name_of(location.lifetime.address), " -> ", value, age);
  return value;
}

void Execution::store(Ref atomic, uint64_t value, Order order, const Where& where) {
  const Site* const site = begin(Op::kStore, where, order, order);
  order = effective(site, order);
  const Location& location = use(atomic, site);
  memory_.write(self().memory, atomic.id, value, order, step_);
  idle_spins_ = 0;
  if (tracing()) {
    note(site, "store ", name(order), " ", name_of(location.lifetime.address), " = ", value);
  }
}

void Execution::finish_read_modify_write(LocationId id, uint64_t before, uint64_t after,
                                         Order order, const Site* site) {
  has_read(id, memory_.at(id).newest());
  memory_.read_modify_write(self().memory, id, after, order, step_);
  idle_spins_ = 0;
  if (tracing()) {
    note(site, name(site->op), " ", name(order), " ", name_of(memory_.at(id).lifetime.address),
         ": ", before, " -> ", after);
  }
}

bool Execution::compare_exchange(Ref atomic, uint64_t& expected, uint64_t desired, Order success,
                                 Order failure, bool weak, const Where& where) {
  const Site* const site = begin(Op::kCompareExchange, where, success, failure);
  success = effective(site, success);
  failure = effective(site, failure, Mutation::Part::kFailure);
  const Location& location = use(atomic, site);
  const StoreIndex newest = location.newest();
  // The newest store first. It fails by any older one that has another value, since that much is a
  // plain load; a weak one also for no reason.
  absl::InlinedVector<StoreIndex, 8> choices{newest};
  const StoreIndex oldest = oldest_readable(atomic.id, failure);
  for (StoreIndex i = newest; i-- > oldest;) {
    if (location.stores[i].value != expected) choices.push_back(i);
  }
  const bool matches = location.stores[newest].value == expected;
  const bool may_be_spurious = weak && matches && spurious_ < limits_.spurious;
  const size_t pick =
      static_cast<size_t>(choose(static_cast<int>(choices.size()) + (may_be_spurious ? 1 : 0)));
  if (pick == 0 && matches) {
    finish_read_modify_write(atomic.id, expected, desired, success, site);
    return true;
  }
  const bool spurious = pick == choices.size();
  if (spurious) {
    ++spurious_;
    self().memory.remember(pick);
  }
  const uint64_t value = take(atomic.id, spurious ? newest : choices[pick], failure);
  if (tracing()) {
    note(site, "compare_exchange ", name(failure), " ", name_of(location.lifetime.address),
         " fails", spurious ? " for no reason" : "", ": is ", value, ", expected ", expected);
  }
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

void Execution::fence_light(const Where& where) {
  const Site* const site = begin(Op::kFenceLight, where, {}, {});
  if (!dropped(site)) memory_.fence_light(self().memory);
  if (tracing()) note(site, "fence_light", dropped(site) ? " left out" : "");
}

void Execution::fence_heavy(const Where& where) {
  const Site* const site = begin(Op::kFenceHeavy, where, {}, {});
  if (dropped(site)) {
    memory_.fence(self().memory, std::memory_order_seq_cst);
  } else {
    memory_.fence_heavy(self().memory);
  }
  if (tracing()) note(site, dropped(site) ? "fence seq_cst" : "fence_heavy");
}

void Execution::pause(const Where& where) {
  count_step();
  if (self().same_spin) return;
  self().same_spin = true;
  if (tracing()) note(find(Op::kPause, where, {}, {}), "pause");
  self().memory.remember(static_cast<uint64_t>(Op::kPause));
  if (started_ == 0) return;  // the body alone
  self().status = Status::kPaused;
  reschedule();
}

// --- plain memory ---

uint32_t Execution::construct_cell(const void* address, const Where& where) {
  born(cells_.emplace_back(), address, where);
  return static_cast<uint32_t>(cells_.size() - 1);
}

void Execution::destroy_cell(Ref ref) { end(cell(ref.id), ref.address); }

void Execution::read(Ref ref, const Where& where) {
  count_step();
  self().same_spin = false;
  const Site* const site = find(Op::kRead, where, {}, {});
  use(cell(ref.id), ref.address, site);
  if (tracing()) note(site, "read ", name_of(ref.address));
}

void Execution::write(Ref ref, const Where& where) {
  count_step();
  self().same_spin = false;
  const Site* const site = find(Op::kWrite, where, {}, {});
  use(cell(ref.id), ref.address, site);
  const ThreadMemory& memory = self().memory;
  if (const auto* other = cells_[ref.id].accesses.write(memory.id, memory.now.clock, site)) {
    report_race(*other, "writes", ref.address, site);
  }
  if (tracing()) note(site, "write ", name_of(ref.address));
}

// --- reports ---

void Execution::report_race(const PlainAccess::Access& other, std::string_view does,
                            const void* address, const Site* site) {
  // Whoever ended a life is known by what he did last.
  const std::string_view what = other.site == nullptr ? "what is" : name(other.site->op);
  fail(absl::StrCat("data race: ", self().name, " ", does, " ", name_of(address), " at ",
                    describe(site), ", and nothing orders that behind the ", what, " at ",
                    describe(other.site), " by ", threads_[other.thread].name));
}

std::string Execution::describe(const Site* site) {
  if (site == nullptr) return "the beginning";
  return absl::StrCat(site->position(), " (", site->function(), ")");
}

void Execution::label(const void* begin, size_t size, std::string_view text) {
  labels_.push_back({static_cast<const char*>(begin), size, std::string(text)});
}

std::string Execution::name_of(const void* address) const {
  const char* const at = static_cast<const char*>(address);
  for (const Label& label : labels_) {
    if (at < label.begin || at >= label.begin + label.size) continue;
    return at == label.begin ? label.text : absl::StrCat(label.text, "+", at - label.begin);
  }
  for (size_t id = memory_.size(); id-- > 0;) {
    const LocationId location = static_cast<LocationId>(id);
    if (memory_.at(location).lifetime.address == at) return absl::StrCat("atomic#", id);
  }
  for (size_t id = cells_.size(); id-- > 0;) {
    if (cells_[id].address == at) return absl::StrCat("cell#", id);
  }
  for (size_t id = mutexes_.size(); id-- > 0;) {
    if (mutexes_[id].lifetime.address == at) return absl::StrCat("mutex#", id);
  }
  for (size_t id = conditions_.size(); id-- > 0;) {
    if (conditions_[id].address == at) return absl::StrCat("condition#", id);
  }
  return "an object";
}

}  // namespace annulet::model_check::internal
