// Explores a scenario to its end or its first failure. What check() and Suite stand on.
#ifndef ANNULET_TESTING_INTERNAL_EXPLORE_H_
#define ANNULET_TESTING_INTERNAL_EXPLORE_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "annulet/testing/internal/site.h"
#include "annulet/testing/model_check.h"

namespace annulet::model_check::internal {

// `mutation` may be null. With `trace_failure` a failure is run once more to be written down.
Result explore(std::string_view name, const std::function<void()>& body, const Options& options,
               SiteTable& sites, const Mutation* mutation, bool trace_failure);

// What ANNULET_MODEL_REPLAY asks for, as Result::replay says it:
// "NAME@PREEMPTIONS.SPURIOUS.TIMEOUTS@CHOICES".
struct ReplayRequest {
  std::string name;
  int preemptions = 0;
  int spurious = 0;
  int timeouts = 0;
  std::string choices;

  // None when the variable is not set. Ends the process when it makes no sense.
  static std::optional<ReplayRequest> from_environment();
};

// Runs just that execution, and writes its trace to stderr.
Result replay(const ReplayRequest& request, const std::function<void()>& body,
              const Options& options, SiteTable& sites, const Mutation* mutation);

}  // namespace annulet::model_check::internal

#endif  // ANNULET_TESTING_INTERNAL_EXPLORE_H_
