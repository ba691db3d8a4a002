// What timers cost: those of the loops, beside a binary heap of (deadline, node).
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "annulet/task/timer_wheel.h"

namespace annulet::task {
namespace {

class SteeredWheel final : public TimerWheel {
 public:
  Deadline now() override { return time; }
  Deadline time{};
};

// The rival: as small as a heap can be, but for each node's position, without which nothing could
// be disarmed.
class SteeredHeap {
 public:
  struct Node : TimerNode {
    using TimerNode::TimerNode;
    size_t position = 0;
  };

  bool arm(TimerNode* node) {
    heap_.push_back({});
    sift_up(heap_.size() - 1, {node->when, static_cast<Node*>(node)});
    return true;
  }

  void disarm(TimerNode* node) {
    const size_t hole = static_cast<Node*>(node)->position;
    const Entry last = heap_.back();
    heap_.pop_back();
    if (hole == heap_.size()) return;
    if (hole > 0 && last.when < heap_[(hole - 1) / 2].when) {
      sift_up(hole, last);
    } else {
      sift_down(hole, last);
    }
  }

  Deadline next() const { return heap_.empty() ? kNever : heap_.front().when; }

  void expire() {
    while (!heap_.empty() && heap_.front().when <= time) {
      TimerNode* const node = heap_.front().node;
      disarm(node);
      node->fire(node, TimerEvent::kExpired);
    }
  }

  Deadline time{};

 private:
  struct Entry {
    Deadline when;
    Node* node;
  };

  void place(size_t position, Entry entry) {
    heap_[position] = entry;
    entry.node->position = position;
  }

  void sift_up(size_t position, Entry entry) {
    while (position > 0) {
      const size_t parent = (position - 1) / 2;
      if (heap_[parent].when <= entry.when) break;
      place(position, heap_[parent]);
      position = parent;
    }
    place(position, entry);
  }

  void sift_down(size_t position, Entry entry) {
    for (size_t child = 2 * position + 1; child < heap_.size(); child = 2 * position + 1) {
      if (child + 1 < heap_.size() && heap_[child + 1].when < heap_[child].when) ++child;
      if (entry.when <= heap_[child].when) break;
      place(position, heap_[child]);
      position = child;
    }
    place(position, entry);
  }

  std::vector<Entry> heap_;
};

void ignore(TimerNode* node, TimerEvent) noexcept { benchmark::DoNotOptimize(node); }

// As far apart as the timers of sleeping tasks, which lie in their frames.
template <class Base>
struct alignas(16) Sleeper : Base {
  Sleeper() : Base(&ignore) {}
  char frame[64];
};

template <class Timers>
struct NodeOf {
  using type = TimerNode;
};
template <>
struct NodeOf<SteeredHeap> {
  using type = SteeredHeap::Node;
};

enum Deadlines { kEqual, kAscending, kRandom };

// Deadlines between one second and two from now.
template <class Nodes>
void set_deadlines(Nodes& nodes, Deadlines kind) {
  std::mt19937_64 random(1);
  const auto count = static_cast<int64_t>(nodes.size());
  for (int64_t i = 0; i < count; ++i) {
    int64_t ns = 1'000'000'000;
    if (kind == kAscending) ns += 1'000'000'000 / count * i;
    if (kind == kRandom) ns += std::uniform_int_distribution<int64_t>(0, 999'999'999)(random);
    nodes[static_cast<size_t>(i)].when = Deadline(std::chrono::nanoseconds(ns));
  }
}

// --- Arming and firing each of many timers, that many at once. ---

template <class Timers, Deadlines kKind>
void ArmAndFire(benchmark::State& state) {
  std::vector<Sleeper<typename NodeOf<Timers>::type>> nodes(static_cast<size_t>(state.range(0)));
  set_deadlines(nodes, kKind);
  for (auto iteration : state) {
    Timers timers;
    for (auto& node : nodes) benchmark::DoNotOptimize(timers.arm(&node));
    while (timers.next() != kNever) {
      timers.time = timers.next() + std::chrono::microseconds(100);
      timers.expire();
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

// --- A timeout that does not come, beside many others: arming and disarming. ---

template <class Timers>
void ArmAndDisarm(benchmark::State& state) {
  std::vector<Sleeper<typename NodeOf<Timers>::type>> nodes(static_cast<size_t>(state.range(0)));
  set_deadlines(nodes, kRandom);
  Timers timers;
  for (auto& node : nodes) benchmark::DoNotOptimize(timers.arm(&node));
  size_t i = 0;
  for (auto iteration : state) {
    timers.disarm(&nodes[i]);
    benchmark::DoNotOptimize(timers.arm(&nodes[i]));
    if (++i == nodes.size()) i = 0;
  }
  for (auto& node : nodes) timers.disarm(&node);
}

// Ten million take minutes where nothing is optimised.
#ifdef NDEBUG
#define ANNULET_COUNTS ->Arg(1)->Arg(1'000)->Arg(100'000)->Arg(10'000'000)
#else
#define ANNULET_COUNTS ->Arg(1)->Arg(1'000)
#endif
BENCHMARK(ArmAndFire<SteeredWheel, kEqual>) ANNULET_COUNTS;
BENCHMARK(ArmAndFire<SteeredHeap, kEqual>) ANNULET_COUNTS;
BENCHMARK(ArmAndFire<SteeredWheel, kAscending>) ANNULET_COUNTS;
BENCHMARK(ArmAndFire<SteeredHeap, kAscending>) ANNULET_COUNTS;
BENCHMARK(ArmAndFire<SteeredWheel, kRandom>) ANNULET_COUNTS;
BENCHMARK(ArmAndFire<SteeredHeap, kRandom>) ANNULET_COUNTS;
BENCHMARK(ArmAndDisarm<SteeredWheel>) ANNULET_COUNTS;
BENCHMARK(ArmAndDisarm<SteeredHeap>) ANNULET_COUNTS;

}  // namespace
}  // namespace annulet::task
