#include "annulet/task/timer_heap.h"

namespace annulet::task {

bool TimerHeap::arm(TimerNode* node) {
  if (closed_) return false;
  heap_.push_back({});
  sift_up(heap_.size() - 1, {node->when, node});
  return true;
}

void TimerHeap::disarm(TimerNode* node) {
  const size_t hole = node->position;
  if (hole == TimerNode::kNotArmed) return;
  node->position = TimerNode::kNotArmed;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (hole == heap_.size()) return;
  if (hole > 0 && last.when < heap_[(hole - 1) / 2].when) {
    sift_up(hole, last);
  } else {
    sift_down(hole, last);
  }
}

void TimerHeap::expire() {
  if (heap_.empty()) return;
  const Deadline time = now();
  // A kNever node never fires, though a steered clock may reach it.
  while (!heap_.empty() && heap_.front().when <= time && heap_.front().when != kNever) {
    TimerNode* node = heap_.front().node;
    disarm(node);
    node->fire(node, TimerEvent::kExpired);
  }
}

void TimerHeap::close() {
  closed_ = true;
  while (!heap_.empty()) {
    TimerNode* node = heap_.back().node;
    disarm(node);
    node->fire(node, TimerEvent::kClosed);
  }
}

void TimerHeap::place(size_t position, Entry entry) {
  heap_[position] = entry;
  entry.node->position = position;
}

void TimerHeap::sift_up(size_t position, Entry entry) {
  while (position > 0) {
    const size_t parent = (position - 1) / 2;
    if (heap_[parent].when <= entry.when) break;
    place(position, heap_[parent]);
    position = parent;
  }
  place(position, entry);
}

void TimerHeap::sift_down(size_t position, Entry entry) {
  for (size_t child = 2 * position + 1; child < heap_.size(); child = 2 * position + 1) {
    if (child + 1 < heap_.size() && heap_[child + 1].when < heap_[child].when) ++child;
    if (entry.when <= heap_[child].when) break;
    place(position, heap_[child]);
    position = child;
  }
  place(position, entry);
}

}  // namespace annulet::task
