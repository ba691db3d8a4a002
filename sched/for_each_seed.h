// Tries seeds until one fails, and says which it was.
//
//   absl::Status passed = for_each_seed(1, 1000, [](uint64_t seed) -> absl::Status {
//     Simulation simulation({.seed = seed});
//     return simulation.run(transfer()) == 100 ? absl::OkStatus() : absl::InternalError("lost");
//   });
//   EXPECT_TRUE(passed.ok()) << passed;
//
// Use it for tests that a seed decides, such as those under a Simulation. The body makes all that
// it uses anew, so that a seed behaves the same alone. Threads: the body runs in the caller's.
#ifndef ANNULET_SCHED_FOR_EACH_SEED_H_
#define ANNULET_SCHED_FOR_EACH_SEED_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

namespace annulet::sched {

// Calls `body` for each of `count` seeds from `first` on until it returns an error or throws, and
// returns that with the seed before it and how to replay it behind: with
// ANNULET_SIMULATION_SEED=<seed> in the environment every call of this runs that seed alone.
absl::Status for_each_seed(uint64_t first, uint64_t count,
                           absl::FunctionRef<absl::Status(uint64_t seed)> body);

}  // namespace annulet::sched

#endif  // ANNULET_SCHED_FOR_EACH_SEED_H_
