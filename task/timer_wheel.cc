#include "annulet/task/timer_wheel.h"

#include <algorithm>

namespace annulet::task {
namespace {

void append(TimerNode*& first, TimerNode* node) {
  if (first == nullptr) {
    first = node->next = node->previous = node;
    return;
  }
  node->next = first;
  node->previous = first->previous;
  first->previous->next = node;
  first->previous = node;
}

void unlink(TimerNode*& first, TimerNode* node) {
  if (node->next == node) {
    first = nullptr;
  } else {
    node->next->previous = node->previous;
    node->previous->next = node->next;
    if (first == node) first = node->next;
  }
  node->next = nullptr;
}

}  // namespace

// The origin when the node was armed if that is later: it has not moved on since.
TimerWheel::Time TimerWheel::time_of(const TimerNode& node) const {
  const int64_t when = node.when.time_since_epoch().count();
  return when < 0 ? origin_ : std::max(static_cast<Time>(when), origin_);
}

TimerWheel::Place TimerWheel::place_of(Time time) const {
  // The lowest bits do not matter: a deadline in the origin's own slot of level 0 has level 0.
  const size_t level =
      static_cast<size_t>(std::bit_width((time ^ origin_) | 1) - 1) / size_t{kSlotBits};
  return {level, time >> (level * kSlotBits) & (kSlots - 1)};
}

// Slots in use on a lower level come before those of a higher one.
TimerWheel::Place TimerWheel::first_place() const {
  const auto level = static_cast<size_t>(std::countr_zero(used_levels_));
  return {level, static_cast<size_t>(std::countr_zero(used_[level]))};
}

TimerWheel::Time TimerWheel::start_of(Place place) const {
  const size_t shift = place.level * kSlotBits;
  const Time digits_above = origin_ >> shift >> kSlotBits;
  return (digits_above << kSlotBits | place.index) << shift;
}

bool TimerWheel::arm(TimerNode* node) {
  if (closed_) return false;
  if (node->when == kNever) {
    append(never_, node);
    return true;
  }
  // Nothing holds the origin back. Without this, whatever is armed before the next expire() would
  // come to lie together on a high level.
  if (used_levels_ == 0) {
    origin_ = std::max(origin_,
                       static_cast<Time>(std::max<int64_t>(0, now().time_since_epoch().count())));
  }
  insert(node);
  return true;
}

void TimerWheel::insert(TimerNode* node) {
  const Time time = time_of(*node);
  const Place place = place_of(time);
  const uint64_t bit = uint64_t{1} << place.index;
  Slot& target = slot(place);
  if (!in_use(place)) {
    used_levels_ |= 1u << place.level;
    used_[place.level] |= bit;
    target = {nullptr, time};
  } else if (target.earliest != time) {
    mixed_[place.level] |= bit;
    target.earliest = std::min(target.earliest, time);
  }
  append(target.first, node);
}

void TimerWheel::disarm(TimerNode* node) {
  if (node->next == nullptr) return;
  if (node->when == kNever) return unlink(never_, node);
  const Place place = place_of(time_of(*node));
  unlink(slot(place).first, node);
  if (slot(place).first == nullptr) release(place);
}

// The slot is empty.
void TimerWheel::release(Place place) {
  const uint64_t bit = uint64_t{1} << place.index;
  used_[place.level] &= ~bit;
  mixed_[place.level] &= ~bit;
  if (used_[place.level] == 0) used_levels_ &= ~(1u << place.level);
}

Deadline TimerWheel::next() const {
  if (used_levels_ == 0) return kNever;
  const Place place = first_place();
  const auto time = static_cast<int64_t>(slots_[place.level][place.index].earliest);
  return Deadline(std::chrono::nanoseconds(time));
}

void TimerWheel::expire(size_t most) {
  if (used_levels_ == 0) return;
  const Time time = static_cast<Time>(std::max<int64_t>(0, now().time_since_epoch().count()));
  while (used_levels_ != 0) {
    const Place place = first_place();
    const Time start = start_of(place);
    if (start > time) break;
    if (most == 0) return;
    if (place.level > 0) {
      cascade(place, time);
    } else {
      origin_ = start;
      most -= fire(place, TimerEvent::kExpired, most);
    }
  }
  origin_ = std::max(origin_, time);
}

// Moves the origin into the slot, which is the first one in use, and its nodes down.
void TimerWheel::cascade(Place place, Time now) {
  const Slot from = slot(place);
  const bool one_deadline = (mixed_[place.level] >> place.index & 1) == 0;
  release(place);
  origin_ = std::min(from.earliest, now);
  if (one_deadline) {
    const Place to = place_of(from.earliest);  // has no node yet: levels below were empty
    used_levels_ |= 1u << to.level;
    used_[to.level] |= uint64_t{1} << to.index;
    slot(to) = from;
    return;
  }
  from.first->previous->next = nullptr;
  for (TimerNode* node = from.first; node != nullptr;) {
    TimerNode* const following = node->next;
    insert(node);
    node = following;
  }
}

// Fires the nodes of a slot of level 0, or, if closing, of any level; returns how many.
size_t TimerWheel::fire(Place place, TimerEvent event, size_t most) {
  size_t fired = 0;
  // What a function arms may move the origin of an empty wheel; the slot is then another one.
  const Time origin = origin_;
  while (origin_ == origin && in_use(place) && fired < most) {
    TimerNode* const node = slot(place).first;
    unlink(slot(place).first, node);
    if (slot(place).first == nullptr) release(place);
    ++fired;
    node->fire(node, event);
  }
  return fired;
}

void TimerWheel::close() {
  closed_ = true;
  while (used_levels_ != 0) fire(first_place(), TimerEvent::kClosed, SIZE_MAX);
  while (TimerNode* const node = never_) {
    unlink(never_, node);
    node->fire(node, TimerEvent::kClosed);
  }
}

}  // namespace annulet::task
