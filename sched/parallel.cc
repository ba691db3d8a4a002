#include "annulet/sched/parallel.h"

#include <algorithm>

namespace annulet::sched::internal {

size_t grain_of(size_t size, const ParallelOptions& options) {
  constexpr size_t kPieces = 64;
  constexpr size_t kMax = 2048;
  if (options.grain > 0) return options.grain;
  const ForkJoinWorker* const worker = ForkJoinWorker::current();
  if (worker == nullptr) return std::max<size_t>(size, 1);
  return std::clamp<size_t>(size / (kPieces * worker->domain_size()), 1, kMax);
}

bool somebody_is_idle() {
  const ForkJoinWorker* const worker = ForkJoinWorker::current();
  return worker != nullptr && worker->wanted();
}

}  // namespace annulet::sched::internal
