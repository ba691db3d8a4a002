#include "annulet/testing/internal/memory.h"

#include <algorithm>
#include <utility>

#include "annulet/testing/internal/site.h"

namespace annulet::model_check::internal {

void Memory::clear() {
  count_ = 0;
  seq_cst_ = light_ = heavy_ = View();
  orders_ = 0;
}

LocationId Memory::construct(ThreadMemory& thread, uint64_t value, uint32_t step) {
  if (count_ == locations_.size()) locations_.emplace_back();
  const LocationId id = static_cast<LocationId>(count_++);
  Location& location = locations_[id];
  location.stores.clear();  // keeps the memory for the next execution
  thread.remember(0);
  // From what the thread did and not from `id`, which depends on the other threads.
  location.key = mix(thread.history, thread.id);
  location.order = 0;
  // Constructing is not an atomic operation: it hands nothing on, and whoever gets here without
  // having synchronized with it is caught through `lifetime`.
  location.stores.push_back({value, Knowledge(), location.key, thread.id, step});
  return id;
}

StoreIndex Memory::oldest_visible(const ThreadMemory& thread, LocationId location,
                                  std::memory_order order) const {
  const StoreIndex known = thread.now.view.at(location);
  if (order != std::memory_order_seq_cst) return known;
  return std::max(known, seq_cst_.at(location));
}

uint64_t Memory::read(ThreadMemory& thread, LocationId location, StoreIndex index,
                      std::memory_order order) {
  const Store& store = locations_[location].stores[index];
  thread.now.view.raise(location, index);
  if (order == std::memory_order_seq_cst) seq_cst_.raise(location, index);
  (acquires(order) ? thread.now : thread.pending).join(store.released);
  thread.remember(store.identity);
  return store.value;
}

void Memory::write(ThreadMemory& thread, LocationId location, uint64_t value,
                   std::memory_order order, uint32_t step) {
  append(thread, location, value, order, nullptr, step);
}

void Memory::read_modify_write(ThreadMemory& thread, LocationId location, uint64_t value,
                               std::memory_order order, uint32_t step) {
  const StoreIndex newest = locations_[location].newest();
  read(thread, location, newest, order);
  // A copy: appending may move the stores.
  const Knowledge continued = locations_[location].stores[newest].released;
  append(thread, location, value, order, &continued, step);
}

void Memory::append(ThreadMemory& thread, LocationId id, uint64_t value, std::memory_order order,
                    const Knowledge* continued, uint32_t step) {
  Location& location = locations_[id];
  thread.remember(location.key);
  Store store{value, releases(order) ? thread.now : thread.at_release_fence,
              mix(thread.history, thread.id), thread.id, step};
  const StoreIndex index = static_cast<StoreIndex>(location.stores.size());
  store.released.view.raise(id, index);
  if (continued != nullptr) store.released.join(*continued);
  orders_ -= mix(location.key, location.order);
  location.order = mix(location.order, store.identity);
  orders_ += mix(location.key, location.order);
  location.stores.push_back(std::move(store));
  thread.now.view.raise(id, index);
  if (order == std::memory_order_seq_cst) seq_cst_.raise(id, index);
  thread.tick();
}

void Memory::fence(ThreadMemory& thread, std::memory_order order) {
  if (acquires(order)) thread.now.join(thread.pending);
  if (order == std::memory_order_seq_cst) {
    thread.remember(fingerprint_of(seq_cst_));
    thread.now.view.join(seq_cst_);
    seq_cst_.join(thread.now.view);
  }
  if (releases(order)) {
    thread.at_release_fence = thread.now;
    thread.tick();
  }
}

void Memory::fence_light(ThreadMemory& thread) {
  thread.remember(fingerprint_of(heavy_));
  thread.now.view.join(heavy_);
  light_.join(thread.now.view);
}

void Memory::fence_heavy(ThreadMemory& thread) {
  fence(thread, std::memory_order_seq_cst);
  thread.remember(fingerprint_of(light_));
  thread.now.view.join(light_);
  heavy_.join(thread.now.view);
}

uint64_t Memory::fingerprint() const {
  const uint64_t asymmetric = mix(fingerprint_of(light_), fingerprint_of(heavy_));
  return mix(mix(orders_, fingerprint_of(seq_cst_)), asymmetric);
}

uint64_t Memory::fingerprint_of(const View& view) const {
  uint64_t sum = 0;
  for (LocationId id = 0; id < view.size(); ++id) {
    if (view.at(id) != 0) sum += mix(locations_[id].key, view.at(id));
  }
  return sum;
}

}  // namespace annulet::model_check::internal
