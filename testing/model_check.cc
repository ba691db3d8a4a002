#include "annulet/testing/model_check.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <optional>

#include "absl/log/check.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "annulet/testing/internal/explore.h"

namespace annulet::model_check {

int Options::default_preemptions() {
  const char* const text = std::getenv("ANNULET_MODEL_PREEMPTIONS");
  if (text == nullptr || *text == '\0') return 2;
  int bound = 0;
  CHECK(absl::SimpleAtoi(text, &bound) && bound >= 0)
      << "ANNULET_MODEL_PREEMPTIONS=\"" << text << "\" is no number of preemptions";
  return bound;
}

std::ostream& operator<<(std::ostream& out, const Result& result) {
  if (result.ok()) {
    return out << "no failure in " << result.executions << " executions, " << result.states
               << " states";
  }
  out << result.failure << "\n(execution " << result.executions << ")\n" << result.trace;
  if (result.replay.empty()) return out;
  // As a shell wants it.
  return out << "Replay: ANNULET_MODEL_REPLAY='"
             << absl::StrReplaceAll(result.replay, {{"'", "'\\''"}}) << "'\n";
}

Result check(std::string_view name, const std::function<void()>& body, const Options& options) {
  Suite suite{std::string(name), {}, options};
  suite.scenario("", body);
  return suite.check();
}

bool MutantReport::ok() const {
  return error.empty() && !mutants.empty() &&
         std::none_of(mutants.begin(), mutants.end(),
                      [](const Mutant& mutant) { return mutant.killed_by.empty(); });
}

std::vector<std::string> MutantReport::names() const {
  std::vector<std::string> result;
  for (const Mutant& mutant : mutants) result.push_back(mutant.name);
  return result;
}

std::ostream& operator<<(std::ostream& out, const MutantReport& report) {
  if (!report.error.empty()) out << report.error << "\n";
  for (const Mutant& mutant : report.mutants) {
    out << (mutant.killed_by.empty() ? "SURVIVED  " : "killed    ") << mutant.name << "  ("
        << mutant.position << ")\n";
    if (!mutant.failure.empty()) {
      out << "          by \"" << mutant.killed_by << "\": " << mutant.failure << "\n";
    }
  }
  return out << report.mutants.size() << " mutants, " << report.executions << " executions\n";
}

Suite::Suite(std::string name, std::vector<std::string> files, Options options)
    : name_(std::move(name)), files_(std::move(files)), options_(options) {}

Suite& Suite::scenario(std::string name, std::function<void()> body) {
  scenarios_.push_back({std::move(name), std::move(body)});
  return *this;
}

std::string Suite::full_name(const Scenario& scenario, const internal::Mutation* mutation) const {
  std::string result = name_;
  if (!scenario.name.empty()) absl::StrAppend(&result, "/", scenario.name);
  if (mutation != nullptr) absl::StrAppend(&result, "/", mutation->name);
  return result;
}

Result Suite::check() {
  if (const auto request = internal::ReplayRequest::from_environment()) {
    for (const Scenario& scenario : scenarios_) {
      if (full_name(scenario, nullptr) != request->name) continue;
      Result result = internal::replay(*request, scenario.body, options_, sites_, nullptr);
      if (!result.ok()) result.failure = absl::StrCat(request->name, ": ", result.failure);
      return result;
    }
    std::cerr << name_ << ": nothing run, ANNULET_MODEL_REPLAY names another scenario\n";
    return Result();
  }
  return explore_all();
}

Result Suite::explore_all() {
  Result total;
  for (Scenario& scenario : scenarios_) {
    const std::string name = full_name(scenario, nullptr);
    Result result = internal::explore(name, scenario.body, options_, sites_, nullptr, true);
    scenario.executions = result.executions;
    total.executions += result.executions;
    total.states += result.states;
    if (!result.ok()) {
      result.failure = absl::StrCat(name, ": ", result.failure);
      return result;
    }
  }
  explored_ = true;
  return total;
}

MutantReport Suite::mutants() {
  MutantReport report;
  if (!explored_) {
    // Only what runs is known, and only code that passes can be judged by what makes it fail.
    const Result result = explore_all();
    if (!result.ok()) {
      report.error = absl::StrCat("the code fails without a mutant: ", result.failure);
      return report;
    }
  }
  // The cheapest scenario that notices a mutant will do.
  std::sort(scenarios_.begin(), scenarios_.end(), [](const Scenario& a, const Scenario& b) {
    return a.executions != b.executions ? a.executions < b.executions : a.name < b.name;
  });
  const std::vector<internal::Mutation> mutations = internal::mutations(sites_, files_);
  if (mutations.empty()) {
    report.error = absl::StrCat("nothing to weaken: no scenario executes an ordered access in ",
                                absl::StrJoin(files_, ", "));
  }
  for (const internal::Mutation& mutation : mutations) {
    report.mutants.push_back(try_mutant(mutation, report.executions));
  }
  return report;
}

Mutant Suite::try_mutant(const internal::Mutation& mutation, uint64_t& executions) {
  const auto request = internal::ReplayRequest::from_environment();
  Mutant mutant{.name = mutation.name, .position = mutation.site->position()};
  for (const Scenario& scenario : scenarios_) {
    const std::string name = full_name(scenario, &mutation);
    if (request.has_value() && request->name == name) {
      internal::replay(*request, scenario.body, options_, sites_, &mutation);
    }
    const Result result =
        internal::explore(name, scenario.body, options_, sites_, &mutation, false);
    executions += result.executions;
    if (result.ok()) continue;
    mutant.failure = result.failure;
    if (result.undecided) continue;
    mutant.killed_by = scenario.name;
    mutant.replay = result.replay;
    break;
  }
  return mutant;
}

}  // namespace annulet::model_check
