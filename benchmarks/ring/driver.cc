#include "annulet/benchmarks/ring/driver.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <thread>

#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/log/check.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace annulet::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kBadFlags = 2;
constexpr int kUnsupported = 3;

// Who comes last notes the time and lets all go.
class StartBarrier {
 public:
  explicit StartBarrier(size_t threads) : threads_(threads) {}

  // Returns when all have come, with the time of that.
  Clock::time_point arrive_and_wait() {
    const uint64_t generation = generation_.load(std::memory_order_relaxed);  // ours has not ended
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads_) {
      arrived_.store(0, std::memory_order_relaxed);  // published by the line after next
      start_ = Clock::now();
      generation_.store(generation + 1, std::memory_order_release);  // pairs with the acquire below
    } else {
      while (generation_.load(std::memory_order_acquire) == generation) sched_yield();
    }
    return start_;
  }

 private:
  const size_t threads_;
  std::atomic<size_t> arrived_{0};
  std::atomic<uint64_t> generation_{0};
  Clock::time_point start_;
};

void pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(cpu), &set);
  PCHECK(sched_setaffinity(0, sizeof(set), &set) == 0) << "cannot run on cpu " << cpu;
}

// How long this thread was runnable but did not run; 0 on a kernel that does not say.
uint64_t run_delay_ns() {
  char text[128];
  const int file = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  const ssize_t size = read(file, text, sizeof(text) - 1);
  close(file);
  unsigned long long ran = 0, waited = 0;
  text[std::max<ssize_t>(size, 0)] = '\0';
  return std::sscanf(text, "%llu %llu", &ran, &waited) == 2 ? waited : 0;
}

// What one thread notes of one repeat.
struct Note {
  Clock::time_point start;
  Clock::time_point end;
  uint64_t waited_ns;
};

double percentile(Latencies latencies, double share) {
  const auto at =
      latencies.begin() + static_cast<ptrdiff_t>(share * static_cast<double>(latencies.size() - 1));
  std::nth_element(latencies.begin(), at, latencies.end());
  return *at;
}

// The life of one thread. The first one also takes the percentiles, before it lets the others on.
void run_worker(const Options& options, const Plan& plan, size_t index, StartBarrier& barrier,
                std::vector<Note>& notes, Measured& measured) {
  pin_to(options.cpus[index % options.cpus.size()]);
  const Worker& worker = plan.workers[index];
  for (int repeat = -1; repeat < options.repeats; ++repeat) {
    const uint64_t waited_before = run_delay_ns();
    const Clock::time_point start = barrier.arrive_and_wait();
    const uint64_t sum = worker.run();
    const Clock::time_point end = Clock::now();
    CHECK_EQ(sum, worker.expected) << "thread " << index << " lost, doubled or changed an event";
    if (repeat < 0) continue;
    notes.push_back({start, end, run_delay_ns() - waited_before});
    if (index == 0 && plan.latencies != nullptr) {
      measured.p50_ns.push_back(percentile(*plan.latencies, 0.50));
      measured.p99_ns.push_back(percentile(*plan.latencies, 0.99));
    }
  }
}

std::string list(const std::vector<double>& values, int digits) {
  return absl::StrJoin(values, ",", [digits](std::string* out, double value) {
    absl::StrAppendFormat(out, "%.*f", digits, value);
  });
}

}  // namespace

Measured measure(const Options& options, const Plan& plan) {
  Measured measured;
  StartBarrier barrier(plan.workers.size());
  std::vector<std::vector<Note>> notes(plan.workers.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < plan.workers.size(); ++i) {
    threads.emplace_back([&, i] { run_worker(options, plan, i, barrier, notes[i], measured); });
  }
  for (std::thread& thread : threads) thread.join();

  for (size_t repeat = 0; repeat < static_cast<size_t>(options.repeats); ++repeat) {
    Clock::time_point end = notes[0][repeat].end;
    uint64_t waited_ns = 0;
    for (const std::vector<Note>& of_thread : notes) {
      end = std::max(end, of_thread[repeat].end);
      waited_ns = std::max(waited_ns, of_thread[repeat].waited_ns);
    }
    const double ns = static_cast<double>((end - notes[0][repeat].start).count());
    measured.ns_per_event.push_back(ns / static_cast<double>(options.events));
    measured.wait_share.push_back(static_cast<double>(waited_ns) / ns);
  }
  return measured;
}

std::string to_json(std::string_view contestant, const Options& options, const Measured& measured) {
  std::string out = absl::StrFormat(R"({"contestant":"%s","topology":"%s")", contestant,
                                    name_of(options.topology));
  if (options.topology == Topology::kPingpong) {
    absl::StrAppendFormat(&out, R"(,"p50_ns":[%s],"p99_ns":[%s])", list(measured.p50_ns, 0),
                          list(measured.p99_ns, 0));
  } else {
    absl::StrAppendFormat(&out, R"(,"ns_per_event":[%s])", list(measured.ns_per_event, 3));
  }
  absl::StrAppendFormat(&out, R"(,"wait_share":[%s]})", list(measured.wait_share, 4));
  return out;
}

int run_contestant(int argc, char** argv, std::string_view contestant, const PlanMaker& make_plan) {
  absl::SetProgramUsageMessage("one contestant of benchmarks/ring; prints one line of JSON");
  const auto fail = [&](const absl::Status& status, int code) {
    std::fprintf(stderr, "%.*s: %s\n", static_cast<int>(contestant.size()), contestant.data(),
                 std::string(status.message()).c_str());
    return code;
  };
  if (absl::ParseCommandLine(argc, argv).size() > 1) {
    return fail(absl::InvalidArgumentError("takes flags only"), kBadFlags);
  }
  const absl::StatusOr<Options> options = options_from_flags();
  if (!options.ok()) return fail(options.status(), kBadFlags);
  const absl::StatusOr<Plan> plan = make_plan(*options);
  if (!plan.ok()) {
    return fail(plan.status(), absl::IsUnimplemented(plan.status()) ? kUnsupported : 1);
  }
  CHECK_EQ(plan->workers.size(), threads_of(options->topology));
  std::puts(to_json(contestant, *options, measure(*options, *plan)).c_str());
  return 0;
}

}  // namespace annulet::bench
