#include "annulet/sched/options.h"

#include <initializer_list>
#include <utility>

#include "absl/strings/str_cat.h"

namespace annulet::sched {

absl::Status check(const SchedulerOptions& options) {
  constexpr uint32_t kMost = 1'000'000;
  using Field = std::pair<const char*, uint32_t>;
  for (const auto& [name, value] :
       {Field("weights.high", options.weights.high),
        Field("weights.normal", options.weights.normal), Field("weights.low", options.weights.low),
        Field("poll_interval", options.poll_interval)}) {
    if (value == 0 || value > kMost) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, ": ", value, " is not between 1 and ", kMost));
    }
  }
  if (options.share_threshold > kMost) {
    return absl::InvalidArgumentError(
        absl::StrCat("share_threshold: ", options.share_threshold, " is more than ", kMost));
  }
  constexpr uint64_t kMostLive = uint64_t{1} << 40;
  if (options.max_live > kMostLive) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_live: ", options.max_live, " is more than ", kMostLive));
  }
  return absl::OkStatus();
}

}  // namespace annulet::sched
