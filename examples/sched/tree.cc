// Forks of tasks: the sum of a tree whose nodes come from a store, at times at once and at times
// after a while.
#include <chrono>
#include <cstdint>
#include <cstdio>

#include "annulet/sched/engine.h"
#include "annulet/sched/fork_join_tasks.h"
#include "annulet/task/task.h"
#include "annulet/task/this_task.h"

namespace sched = annulet::sched;
using annulet::task::Task;

struct Node {
  uint64_t value;
  uint32_t left, right;  // 0: none
};

// Invented: node n has the children 2n and 2n + 1, as long as there are such. One in 64 is not at
// hand.
Task<Node> fetch(uint32_t n) {
  constexpr uint32_t kNodes = 100'000;
  const auto child = [](uint32_t id) { return id <= kNodes ? id : 0; };
  if (n % 64 == 0) (void)co_await annulet::task::sleep_for(std::chrono::microseconds(100));
  co_return Node{.value = n, .left = child(2 * n), .right = child(2 * n + 1)};
}

Task<uint64_t> sum(uint32_t n) {
  if (n == 0) co_return 0;
  const Node node = co_await fetch(n);  // may wait; the worker then goes on with others
  const auto [left, right] = co_await sched::fork_join(sum(node.left), sum(node.right));
  co_return left + node.value + right;
}

int main() {
  auto engine = sched::Engine::create({.workers = 4});
  if (!engine.ok()) {
    std::fprintf(stderr, "tree: %s\n", engine.status().ToString().c_str());
    return 1;
  }
  std::printf("the sum is %llu\n", static_cast<unsigned long long>((*engine)->block_on(sum(1))));
}
