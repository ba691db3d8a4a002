#include <cstdio>

#include "annulet/runtime/runtime.h"
#include "annulet/task/when_all.h"

using namespace annulet;

task::Task<int> twice(int n) { co_return 2 * n; }

task::Task<int> sum_of_both() {
  auto [a, b] = co_await task::when_all(twice(3), twice(4));  // beside each other
  co_return a + b;
}

int main() {
  auto runtime = runtime::Runtime::create({.engine = {.workers = 2}}).value();
  std::printf("%d\n", runtime->block_on(sum_of_both()));
}
