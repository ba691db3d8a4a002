// Prints what the phases of a load run measured: for a reader, for a program, for a log.
//
// When: at the end of `load`. Cost: none while measuring.
// Threads: any thread. Lifetime: returns text.
#ifndef ANNULET_BENCHMARKS_ECHO_REPORT_H_
#define ANNULET_BENCHMARKS_ECHO_REPORT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "annulet/benchmarks/echo/load_phase.h"

namespace annulet::bench {

// "850 ns", "14.6 µs", "1.23 ms", "2.50 s": three digits, in the unit that suits.
std::string format_duration(uint64_t ns);

// "1 234 567".
std::string format_count(uint64_t count);

// A table with one row a phase, then each phase's latencies drawn as a histogram.
std::string table_report(const std::vector<PhaseResult>& phases, size_t size);

// {"size": 64, "phases": [{"connections": 1, "requests_per_s": ..., "p50_ns": ..., ...}, ...]}
std::string json_report(const std::vector<PhaseResult>& phases, size_t size);

// One line of key=value pairs a phase.
std::string line_report(const std::vector<PhaseResult>& phases, size_t size);

// The drawing alone: rows of equal ratio from the fastest to nearly the slowest, then the rest.
std::string draw_latencies(const PhaseResult& phase);

}  // namespace annulet::bench

#endif  // ANNULET_BENCHMARKS_ECHO_REPORT_H_
