#include "annulet/benchmarks/sched/driver.h"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/log/check.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

ABSL_FLAG(std::string, case, "", "what to measure");
ABSL_FLAG(uint64_t, workers, 2, "threads that run tasks");
ABSL_FLAG(uint64_t, count, 10'000, "tasks, items, yields or samples of a repeat");
ABSL_FLAG(int, repeats, 5, "measured repeats");

namespace annulet::bench {
namespace {

constexpr int kBadFlags = 2;
constexpr int kUnsupported = 3;
constexpr uint64_t kMostWorkers = 1024;
constexpr uint64_t kMostCount = 1'000'000'000;

double percentile(std::vector<double>& values, double share) {
  const auto at =
      values.begin() + static_cast<ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

double user_ns() {
  rusage usage{};
  PCHECK(getrusage(RUSAGE_SELF, &usage) == 0);
  return static_cast<double>(usage.ru_utime.tv_sec) * 1e9 +
         static_cast<double>(usage.ru_utime.tv_usec) * 1e3;
}

}  // namespace

void Run::measure(uint64_t operations, uint64_t expected, const std::function<Taken()>& repeat) {
  const auto per_operation = static_cast<double>(operations);
  for (int i = -1; i < options_.repeats; ++i) {
    const Taken taken = repeat();
    check(taken.result, expected);
    if (i < 0) continue;
    note("ns", taken.ns / per_operation);
    note("cpu_ns", taken.cpu_ns / per_operation);
  }
}

void Run::measure_latencies(const std::function<std::vector<double>()>& repeat) {
  for (int i = 0; i < options_.repeats; ++i) note_latencies(repeat());
}

void Run::note_latencies(std::vector<double> latencies) {
  check(latencies.size(), count());
  note("p50_ns", percentile(latencies, 0.50));
  note("p99_ns", percentile(latencies, 0.99));
}

void Run::check(uint64_t result, uint64_t expected) const {
  CHECK_EQ(result, expected) << options_.name << ": a task or an item was lost or done twice";
}

std::string Run::to_json(std::string_view contestant) const {
  std::string out =
      absl::StrFormat(R"({"contestant":"%s","case":"%s","workers":%d,"count":%d,"user_ns":%.0f)",
                      contestant, options_.name, workers(), count(), user_ns());
  const auto number = [](std::string* to, double value) {
    absl::StrAppendFormat(to, "%.3f", value);
  };
  absl::StrAppend(&out, R"(,"figures":{)",
                  absl::StrJoin(figures_, ",",
                                [&](std::string* to, const auto& figure) {
                                  absl::StrAppend(to, "\"", figure.first, "\":[",
                                                  absl::StrJoin(figure.second, ",", number), "]");
                                }),
                  "}}");
  return out;
}

uint64_t resident_bytes() {
  uint64_t size = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

double process_cpu_ns() {
  timespec time{};
  PCHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

int run_contestant(int argc, char** argv, std::string_view contestant,
                   std::span<const CaseEntry> cases) {
  absl::SetProgramUsageMessage("one contestant of benchmarks/sched; prints one line of JSON");
  const auto fail = [&](const std::string& why, int code) {
    std::fprintf(stderr, "%s\n", absl::StrCat(contestant, ": ", why).c_str());
    return code;
  };
  if (absl::ParseCommandLine(argc, argv).size() > 1) return fail("takes flags only", kBadFlags);
  const Options options{.name = absl::GetFlag(FLAGS_case),
                        .workers = absl::GetFlag(FLAGS_workers),
                        .count = absl::GetFlag(FLAGS_count),
                        .repeats = absl::GetFlag(FLAGS_repeats)};
  if (options.workers < 1 || options.workers > kMostWorkers) {
    return fail("--workers: 1 to 1024", kBadFlags);
  }
  if (options.count < 1 || options.count > kMostCount) return fail("--count: 1 to 10^9", kBadFlags);
  if (options.repeats < 1) return fail("--repeats: at least 1", kBadFlags);
  const auto found = std::find_if(cases.begin(), cases.end(), [&](const CaseEntry& entry) {
    return entry.name == options.name;
  });
  if (found == cases.end()) {
    return fail(absl::StrCat("has no case \"", options.name, "\""), kUnsupported);
  }
  Run run(options);
  found->function(run);
  std::puts(run.to_json(contestant).c_str());
  return 0;
}

}  // namespace annulet::bench
