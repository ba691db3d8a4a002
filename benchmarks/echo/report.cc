#include "annulet/benchmarks/echo/report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace annulet::bench {
namespace {

constexpr size_t kMaxRows = 16;   // of a drawing, the row for the rest included
constexpr size_t kBarWidth = 50;  // characters
constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

// Steps within a decade, finest first: a drawing takes the first that needs no more than kMaxRows.
constexpr std::array kFine = {1.0, 1.1, 1.2, 1.3, 1.5, 1.6, 1.8, 2.0, 2.2, 2.4, 2.7, 3.0,
                              3.3, 3.6, 3.9, 4.3, 4.7, 5.1, 5.6, 6.2, 6.8, 7.5, 8.2, 9.1};
constexpr std::array kMiddle = {1.0, 1.2, 1.5, 1.8, 2.2, 2.7, 3.3, 3.9, 4.7, 5.6, 6.8, 8.2};
constexpr std::array kCoarse = {1.0, 1.5, 2.2, 3.3, 4.7, 6.8};
constexpr std::array kCoarsest = {1.0, 2.0, 5.0};

// A field is a key, and a number as JSON writes it.
using Fields = std::vector<std::pair<std::string_view, std::string>>;

Fields fields_of(const PhaseResult& phase) {
  const Histogram& latency = phase.latency_ns;
  Fields fields = {
      {"connections", absl::StrCat(phase.connections)},
      {"requests", absl::StrCat(phase.requests)},
      {"seconds", absl::StrFormat("%.6f", phase.seconds)},
      {"requests_per_s", absl::StrFormat("%.1f", phase.requests_per_second())},
      {"mean_ns", absl::StrFormat("%.0f", latency.mean())},
      {"min_ns", absl::StrCat(latency.min())},
      {"p50_ns", absl::StrCat(latency.percentile(50))},
      {"p90_ns", absl::StrCat(latency.percentile(90))},
      {"p99_ns", absl::StrCat(latency.percentile(99))},
      {"p99_9_ns", absl::StrCat(latency.percentile(99.9))},
      {"max_ns", absl::StrCat(latency.max())},
      {"load_run_ns", absl::StrCat(phase.own.run_ns)},
      {"load_wait_ns", absl::StrCat(phase.own.wait_ns)},
  };
  if (phase.server.has_value()) {
    const double share = static_cast<double>(phase.server->run_ns) /
                         static_cast<double>(std::max<uint64_t>(phase.requests, 1));
    fields.emplace_back("server_ns_per_request", absl::StrFormat("%.1f", share));
    fields.emplace_back("server_run_ns", absl::StrCat(phase.server->run_ns));
    fields.emplace_back("server_wait_ns", absl::StrCat(phase.server->wait_ns));
  }
  return fields;
}

// Right-aligned by what the terminal shows: "µ" is two bytes and one column.
std::string right(std::string_view text, size_t width) {
  const auto columns = static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
  return absl::StrCat(std::string(width > columns ? width - columns : 0, ' '), text);
}

std::string server_share(const PhaseResult& phase) {
  if (!phase.server.has_value() || phase.requests == 0) return "-";
  return format_duration(phase.server->run_ns / phase.requests);
}

// A bar of up to kBarWidth characters in eighths; anything above nothing is at least one eighth.
std::string bar(uint64_t count, uint64_t longest) {
  static constexpr std::array<std::string_view, 8> kEighths = {"",  "▏", "▎", "▍",
                                                               "▌", "▋", "▊", "▉"};
  if (count == 0 || longest == 0) return "";
  const double share = static_cast<double>(count) / static_cast<double>(longest);
  const auto eighths = std::max<size_t>(static_cast<size_t>(std::lround(share * kBarWidth * 8)), 1);
  std::string text;
  for (size_t i = 0; i < eighths / 8; ++i) text += "█";
  return text += kEighths[eighths % 8];
}

std::string percent_of(uint64_t count, uint64_t total) {
  const double percent = 100 * static_cast<double>(count) / static_cast<double>(total);
  if (count > 0 && percent < 0.1)
    return percent < 0.001 ? "<0.001 %" : absl::StrFormat("%.3f %%", percent);
  return absl::StrFormat("%.1f %%", percent);
}

// Edges of one step table from the last one <= low to the first one > high.
std::vector<uint64_t> edges(std::span<const double> steps, uint64_t low, uint64_t high) {
  std::vector<uint64_t> result;
  for (double decade = 1; decade < 1e18; decade *= 10) {
    for (const double step : steps) {
      const auto edge = static_cast<uint64_t>(std::lround(step * decade));
      if (edge <= low) result.clear();
      if (!result.empty() && edge == result.back()) continue;
      result.push_back(edge);
      if (edge > high) return result;
    }
  }
  return result;
}

std::vector<uint64_t> fitting_edges(uint64_t low, uint64_t high) {
  std::vector<uint64_t> result;
  for (const std::span<const double> steps :
       {std::span<const double>(kFine), std::span<const double>(kMiddle),
        std::span<const double>(kCoarse), std::span<const double>(kCoarsest)}) {
    result = edges(steps, low, high);
    if (result.size() <= kMaxRows) break;
  }
  return result;
}

}  // namespace

std::string format_duration(uint64_t ns) {
  const auto value = static_cast<double>(ns);
  const auto scaled = [value](double unit, std::string_view name) {
    const double amount = value / unit;
    const int decimals = amount < 9.995 ? 2 : amount < 99.95 ? 1 : 0;
    return absl::StrFormat("%.*f %s", decimals, amount, name);
  };
  if (ns < 1000) return absl::StrCat(ns, " ns");
  if (value < 999.5e3) return scaled(1e3, "µs");
  if (value < 999.5e6) return scaled(1e6, "ms");
  return scaled(1e9, "s");
}

std::string format_count(uint64_t count) {
  std::string text = absl::StrCat(count);
  for (size_t i = text.size(); i > 3; i -= 3) text.insert(i - 3, " ");
  return text;
}

std::string draw_latencies(const PhaseResult& phase) {
  const Histogram& latency = phase.latency_ns;
  std::string text = absl::StrCat("Latency, ", phase.connections,
                                  phase.connections == 1 ? " connection" : " connections", "\n");
  if (latency.count() == 0) return text + "  no requests\n";
  const std::vector<uint64_t> from = fitting_edges(latency.percentile(0.1), latency.percentile(99));
  std::vector<uint64_t> counts;
  for (size_t i = 0; i < from.size(); ++i) {
    const uint64_t low = i == 0 ? 0 : from[i];
    counts.push_back(latency.count_between(low, i + 1 < from.size() ? from[i + 1] : kNoLimit));
  }
  const uint64_t longest = *std::max_element(counts.begin(), counts.end());
  for (size_t i = 0; i < from.size(); ++i) {
    const bool rest = i + 1 == from.size();
    absl::StrAppend(&text, rest ? "  ≥ " : "    ", right(format_duration(from[i]), 7), " │",
                    bar(counts[i], longest), counts[i] > 0 ? " " : "",
                    percent_of(counts[i], latency.count()), "\n");
  }
  return text;
}

std::string table_report(const std::vector<PhaseResult>& phases, size_t size) {
  std::string text = absl::StrCat("Echo of ", format_count(size),
                                  " B, one request under way a connection, every reply checked\n\n",
                                  "connections   requests/s       p50       p90       p99     "
                                  "p99.9       max   server CPU/request\n");
  for (const PhaseResult& phase : phases) {
    const Histogram& latency = phase.latency_ns;
    absl::StrAppend(&text, right(format_count(static_cast<uint64_t>(phase.connections)), 11),
                    right(format_count(static_cast<uint64_t>(phase.requests_per_second())), 13));
    for (const double percent : {50.0, 90.0, 99.0, 99.9, 100.0}) {
      absl::StrAppend(&text, right(format_duration(latency.percentile(percent)), 10));
    }
    absl::StrAppend(&text, right(server_share(phase), 21), "\n");
  }
  for (const PhaseResult& phase : phases) absl::StrAppend(&text, "\n", draw_latencies(phase));
  return text;
}

std::string json_report(const std::vector<PhaseResult>& phases, size_t size) {
  std::vector<std::string> objects;
  for (const PhaseResult& phase : phases) {
    objects.push_back(absl::StrCat("{",
                                   absl::StrJoin(fields_of(phase), ", ",
                                                 [](std::string* out, const auto& field) {
                                                   absl::StrAppend(out, "\"", field.first,
                                                                   "\": ", field.second);
                                                 }),
                                   "}"));
  }
  return absl::StrCat("{\"size\": ", size, ", \"phases\": [", absl::StrJoin(objects, ", "), "]}\n");
}

std::string line_report(const std::vector<PhaseResult>& phases, size_t size) {
  std::string text;
  for (const PhaseResult& phase : phases) {
    absl::StrAppend(&text, "size=", size, " ",
                    absl::StrJoin(fields_of(phase), " ", absl::PairFormatter("=")), "\n");
  }
  return text;
}

}  // namespace annulet::bench
