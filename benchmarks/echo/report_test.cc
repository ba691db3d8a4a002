#include "annulet/benchmarks/echo/report.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace annulet::bench {
namespace {

using ::testing::HasSubstr;

PhaseResult phase_of(const std::vector<uint64_t>& latencies) {
  PhaseResult phase;
  phase.connections = 50;
  phase.seconds = 2;
  for (const uint64_t latency : latencies) phase.latency_ns.record(latency);
  phase.requests = latencies.size();
  return phase;
}

size_t lines_of(const std::string& text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(Report, DurationsHaveThreeDigitsAndTheUnitThatSuits) {
  EXPECT_EQ(format_duration(0), "0 ns");
  EXPECT_EQ(format_duration(999), "999 ns");
  EXPECT_EQ(format_duration(1'000), "1.00 µs");
  EXPECT_EQ(format_duration(14'640), "14.6 µs");
  EXPECT_EQ(format_duration(999'499), "999 µs");
  EXPECT_EQ(format_duration(999'500), "1.00 ms");
  EXPECT_EQ(format_duration(2'500'000'000), "2.50 s");
}

TEST(Report, CountsAreGroupedByThousands) {
  EXPECT_EQ(format_count(7), "7");
  EXPECT_EQ(format_count(1'000), "1 000");
  EXPECT_EQ(format_count(1'234'567), "1 234 567");
}

TEST(Report, TheTableLeavesTheServerOutWhenItsProcessIsUnknown) {
  PhaseResult phase = phase_of({10'000, 20'000});
  EXPECT_THAT(table_report({phase}, 64), HasSubstr(" -\n"));
  phase.server = CpuUse{.run_ns = 8'000, .wait_ns = 0};
  EXPECT_THAT(table_report({phase}, 64), HasSubstr(" 4.00 µs\n"));
}

TEST(Report, JsonAndLinesCarryTheSameFields) {
  PhaseResult phase = phase_of({100, 200});
  phase.server = CpuUse{.run_ns = 50, .wait_ns = 3};
  const std::string json = json_report({phase, phase}, 64);
  EXPECT_THAT(json,
              HasSubstr("{\"size\": 64, \"phases\": [{\"connections\": 50, \"requests\": 2, "));
  EXPECT_THAT(json, HasSubstr("\"requests_per_s\": 1.0, "));
  EXPECT_THAT(json, HasSubstr("\"server_ns_per_request\": 25.0, "));
  EXPECT_THAT(json, HasSubstr("\"server_wait_ns\": 3}, {"));
  const std::string line = line_report({phase, phase}, 64);
  EXPECT_EQ(lines_of(line), 2u);
  EXPECT_THAT(line, HasSubstr("size=64 connections=50 requests=2 "));
  EXPECT_THAT(line, HasSubstr(" p50_ns=100 "));
}

TEST(Report, ADrawingStaysShortHoweverWideTheSpread) {
  std::vector<uint64_t> latencies;
  for (uint64_t value = 1; value < 60'000'000'000; value = value * 5 / 4 + 1)
    latencies.push_back(value);
  const std::string wide = draw_latencies(phase_of(latencies));
  EXPECT_LE(lines_of(wide), 40u);
  EXPECT_THAT(wide, HasSubstr("≥"));
  EXPECT_LE(lines_of(draw_latencies(phase_of(std::vector<uint64_t>(100, 12'345)))), 4u);
}

TEST(Report, EachRecordIsInOneRowOfTheDrawing) {
  // Two rows of equal count show the same share, a third of the records each.
  const std::string text =
      draw_latencies(phase_of({10'000, 10'100, 12'500, 12'600, 90'000, 91'000}));
  size_t thirds = 0;
  for (size_t at = 0; (at = text.find("33.3 %", at)) != std::string::npos; ++at) ++thirds;
  EXPECT_EQ(thirds, 3u) << text;
}

TEST(Report, NothingMeasuredIsSaidSo) {
  EXPECT_THAT(draw_latencies(phase_of({})), HasSubstr("no requests"));
}

}  // namespace
}  // namespace annulet::bench
