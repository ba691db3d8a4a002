#include "annulet/testing/internal/explore.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <utility>
#include <vector>

#include "absl/log/check.h"
#include "absl/log/log.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "annulet/testing/internal/execution.h"
#include "annulet/testing/internal/search.h"
#include "annulet/testing/internal/trace.h"

namespace annulet::model_check::internal {

namespace {

constexpr int kMostSteps = 50'000;  // each may be a store, whose index has 16 bits

Limits limits_of(const Options& options) {
  return {.preemptions = options.preemptions,
          .spurious = options.spurious,
          .timeouts = options.timeouts,
          .steps = options.steps};
}

// A line on stderr that says how far a long exploration has come, if somebody is there to read it.
class Progress {
 public:
  explicit Progress(std::string_view name) : name_(name) {}
  ~Progress() {
    if (shown_) std::fputs("\r\033[K", stderr);
  }

  void update(uint64_t executions, const Search& search) {
    if (!terminal_ || executions % 8192 != 0) return;
    const absl::Time now = absl::Now();
    if (now < next_) return;
    next_ = now + absl::Seconds(1);
    shown_ = true;
    std::fprintf(stderr, "\r\033[K%s: %llu executions, %zu states", name_.c_str(),
                 static_cast<unsigned long long>(executions), search.states());
  }

 private:
  const std::string name_;
  const bool terminal_ = isatty(STDERR_FILENO) != 0;
  absl::Time next_ = absl::Now() + absl::Seconds(1);
  bool shown_ = false;
};

// One execution, written down.
struct Followed {
  std::string failure;
  std::string trace;
};

Followed follow(std::string_view choices, const std::function<void()>& body, const Options& options,
                SiteTable& sites, const Mutation* mutation) {
  absl::StatusOr<Search> search = Search::following(choices);
  if (!search.ok()) return {.failure = std::string(search.status().message()), .trace = ""};
  Trace trace;
  Execution execution(*search, sites, limits_of(options), mutation);
  std::string failure = execution.run(body, &trace).value_or("");
  if (!search->status().ok()) failure = std::string(search->status().message());
  return {.failure = std::move(failure), .trace = trace.text()};
}

// Runs the failing path once more, this time writing it down.
void write_down(const std::string& choices, const std::function<void()>& body,
                const Options& options, SiteTable& sites, const Mutation* mutation,
                Result& result) {
  const Followed again = follow(choices, body, options, sites, mutation);
  result.trace = again.trace;
  if (again.failure != result.failure) {
    absl::StrAppend(&result.failure, "\nWhen run again this execution ended otherwise (",
                    again.failure.empty() ? "no failure" : again.failure,
                    "): the scenario does not repeat itself");
  }
}

}  // namespace

Result explore(std::string_view name, const std::function<void()>& body, const Options& options,
               SiteTable& sites, const Mutation* mutation, bool trace_failure) {
  Search search(options.reduction);
  Execution execution(search, sites, limits_of(options), mutation);
  Progress progress(name);
  Result result;
  if (options.preemptions < 0 || options.spurious < 0 || options.timeouts < 0 ||
      options.steps < 1 || options.steps > kMostSteps) {
    result.failure = absl::StrCat(
        "Options: preemptions, spurious and timeouts must not be negative, steps "
        "must lie between 1 and ",
        kMostSteps);
    return result;
  }
  std::optional<std::string> failure;
  do {
    failure = execution.run(body, nullptr);
    progress.update(++result.executions, search);
    if (!failure.has_value() && !search.status().ok()) {
      failure = std::string(search.status().message());
      result.undecided = true;
    }
    if (!failure.has_value() && result.executions >= options.executions) {
      failure = absl::StrCat("gave up after ", result.executions,
                             " executions: fewer threads or steps, or a lower bound, would help");
      result.undecided = true;
    }
  } while (!failure.has_value() && search.advance());
  result.states = search.states();
  if (failure.has_value()) {
    result.failure = *std::move(failure);
    if (result.undecided) return result;
    const std::string choices = search.replay_string();
    result.replay = absl::StrCat(name, "@", options.preemptions, ".", options.spurious, ".",
                                 options.timeouts, "@", choices);
    if (trace_failure) write_down(choices, body, options, sites, mutation, result);
  }
  return result;
}

std::optional<ReplayRequest> ReplayRequest::from_environment() {
  const char* const text = std::getenv("ANNULET_MODEL_REPLAY");
  if (text == nullptr || *text == '\0') return std::nullopt;
  ReplayRequest request;
  // From the right, since a name may have anything in it.
  const std::string all = text;
  const size_t second = all.rfind('@');
  const size_t first = second == 0 || second == all.npos ? all.npos : all.rfind('@', second - 1);
  if (first != all.npos) {
    const std::vector<std::string> bounds =
        absl::StrSplit(all.substr(first + 1, second - first - 1), '.');
    if (bounds.size() == 3 && absl::SimpleAtoi(bounds[0], &request.preemptions) &&
        absl::SimpleAtoi(bounds[1], &request.spurious) &&
        absl::SimpleAtoi(bounds[2], &request.timeouts)) {
      request.name = all.substr(0, first);
      request.choices = all.substr(second + 1);
      return request;
    }
  }
  LOG(FATAL) << "ANNULET_MODEL_REPLAY=\"" << text
             << "\" is no replay string; a failing model test prints one, of the form "
                "NAME@PREEMPTIONS.SPURIOUS.TIMEOUTS@CHOICES";
}

Result replay(const ReplayRequest& request, const std::function<void()>& body,
              const Options& options, SiteTable& sites, const Mutation* mutation) {
  Options same = options;
  same.preemptions = request.preemptions;
  same.spurious = request.spurious;
  same.timeouts = request.timeouts;
  const Followed followed = follow(request.choices, body, same, sites, mutation);
  Result result{.failure = followed.failure, .trace = followed.trace, .executions = 1};
  std::cerr << "Replay of " << request.name << "\n"
            << result.trace << "Ends with: " << (result.ok() ? "no failure" : result.failure)
            << std::endl;
  return result;
}

}  // namespace annulet::model_check::internal
