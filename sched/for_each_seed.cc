#include "annulet/sched/for_each_seed.h"

#include <cstdlib>
#include <exception>

#include "absl/log/check.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace annulet::sched {
namespace {

constexpr const char* kReplayVariable = "ANNULET_SIMULATION_SEED";

absl::Status outcome_of(absl::FunctionRef<absl::Status(uint64_t)> body, uint64_t seed) {
  try {
    return body(seed);
  } catch (const std::exception& error) {
    return absl::UnknownError(error.what());
  } catch (...) {
    return absl::UnknownError("an exception that is no std::exception");
  }
}

}  // namespace

absl::Status for_each_seed(uint64_t first, uint64_t count,
                           absl::FunctionRef<absl::Status(uint64_t seed)> body) {
  if (const char* const replayed = std::getenv(kReplayVariable)) {
    CHECK(absl::SimpleAtoi(replayed, &first))
        << kReplayVariable << "=\"" << replayed << "\" is no seed";
    count = 1;
  }
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t seed = first + i;
    const absl::Status outcome = outcome_of(body, seed);
    if (outcome.ok()) continue;
    return absl::Status(outcome.code(), absl::StrCat("seed ", seed, ": ", outcome.message(),
                                                     "\nReplay: ", kReplayVariable, "=", seed));
  }
  return absl::OkStatus();
}

}  // namespace annulet::sched
