// A computation divided among the workers: which numbers below two million are prime, how many of
// them, and all in order of their last digit.
#include <cstdint>
#include <cstdio>
#include <functional>
#include <vector>

#include "annulet/sched/engine.h"
#include "annulet/sched/parallel.h"
#include "annulet/sched/parallel_sort.h"

namespace sched = annulet::sched;

bool is_prime(uint32_t n) {
  if (n < 2) return false;
  for (uint32_t d = 2; d * d <= n; ++d) {
    if (n % d == 0) return false;
  }
  return true;
}

int main() {
  constexpr uint32_t kBelow = 2'000'000;
  auto engine = sched::Engine::create();
  if (!engine.ok()) {
    std::fprintf(stderr, "primes: %s\n", engine.status().ToString().c_str());
    return 1;
  }
  std::vector<char> prime(kBelow);
  std::vector<uint32_t> primes;
  const size_t count = (*engine)->run([&] {
    sched::parallel_for(uint32_t{0}, kBelow, [&](uint32_t n) { prime[n] = is_prime(n); });
    const size_t found = sched::parallel_reduce(
        uint32_t{0}, kBelow, size_t{0}, [&](uint32_t n) { return size_t{prime[n] != 0}; },
        std::plus<>());
    for (uint32_t n = 0; n < kBelow; ++n) {
      if (prime[n]) primes.push_back(n);
    }
    sched::parallel_sort(primes.begin(), primes.end(), [](uint32_t a, uint32_t b) {
      return a % 10 != b % 10 ? a % 10 < b % 10 : a < b;
    });
    return found;
  });
  std::printf("%zu primes, the last %u\n", count, primes.back());
}
