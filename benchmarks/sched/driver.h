// The instrument: runs one case of a contestant as often as asked, checks what came out, and prints
// the figures.
//
// When: in the main() of a contestant, which is then a table of cases and one call of
// run_contestant(). A case builds its scheduler, and measures as often as Run asks for:
//
//   void spawn_join(Run& run) {
//     Pool pool(run.workers());
//     run.measure(run.count(), expected, [&] {
//       Stopwatch watch;
//       return watch.stop(spawn_and_join_all(pool));
//     });
//   }
//   constexpr CaseEntry kCases[] = {{"spawn_join", spawn_join}};
//   int main(int argc, char** argv) { return run_contestant(argc, argv, "name", kCases); }
//
// A case takes its times itself, mostly on a worker: the way there is another case's business.
// Threads: main thread, except Stopwatch and spin_for(). Lifetime: a Run is valid in its case.
#ifndef ANNULET_BENCHMARKS_SCHED_DRIVER_H_
#define ANNULET_BENCHMARKS_SCHED_DRIVER_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace annulet::bench {

using Clock = std::chrono::steady_clock;

inline double ns_between(Clock::time_point from, Clock::time_point to) {
  return static_cast<double>((to - from).count());
}

// What one repeat took, in time and in CPU time of the whole process, and what came out of it, for
// the check.
struct Taken {
  double ns = 0;
  double cpu_ns = 0;
  uint64_t result = 0;
};

double process_cpu_ns();

class Stopwatch {
 public:
  Taken stop(uint64_t result = 0) const {
    const Clock::time_point end = Clock::now();
    return {ns_between(start_, end), process_cpu_ns() - cpu_start_, result};
  }

 private:
  const double cpu_start_ = process_cpu_ns();
  const Clock::time_point start_ = Clock::now();
};

// Makes the compiler believe that somebody looks at the bytes and changes them.
inline void touch(void* bytes) { asm volatile("" : : "r"(bytes) : "memory"); }

// Computes for so long.
inline void spin_for(std::chrono::nanoseconds time) {
  for (const Clock::time_point end = Clock::now() + time; Clock::now() < end;) {
  }
}

struct Options {
  std::string name;  // of the case
  size_t workers = 2;
  uint64_t count = 10'000;
  int repeats = 5;
};

class Run {
 public:
  explicit Run(const Options& options) : options_(options) {}

  size_t workers() const { return options_.workers; }
  uint64_t count() const { return options_.count; }

  // Figures "ns" and "cpu_ns" of each repeat, per operation, from what `repeat` says it took. One
  // repeat comes first that does not count.
  void measure(uint64_t operations, uint64_t expected, const std::function<Taken()>& repeat);

  // Figures "p50_ns" and "p99_ns" of the latencies that each repeat returns.
  void measure_latencies(const std::function<std::vector<double>()>& repeat);

  // One more value of a figure.
  void note(const std::string& figure, double value) { figures_[figure].push_back(value); }
  void note_latencies(std::vector<double> latencies);

  // Ends the program when a result is wrong.
  void check(uint64_t result, uint64_t expected) const;

  // One line: case, options and figures, and "user_ns", what the process has computed outside of
  // the kernel in all.
  std::string to_json(std::string_view contestant) const;

 private:
  const Options options_;
  std::map<std::string, std::vector<double>> figures_;
};

struct CaseEntry {
  std::string_view name;
  void (*function)(Run&);
};

// A whole main(): flags, the case, one line of JSON. Returns 2 for bad flags and 3 for a case that
// is not in the table, each with one line on stderr.
int run_contestant(int argc, char** argv, std::string_view contestant,
                   std::span<const CaseEntry> cases);

// Memory of this process in bytes, as the kernel counts it.
uint64_t resident_bytes();

}  // namespace annulet::bench

#endif  // ANNULET_BENCHMARKS_SCHED_DRIVER_H_
