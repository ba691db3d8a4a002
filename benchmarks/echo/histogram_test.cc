#include "annulet/benchmarks/echo/histogram.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace annulet::bench {
namespace {

constexpr uint64_t kLargest = std::numeric_limits<uint64_t>::max();

uint64_t exact_percentile(std::vector<uint64_t> values, double percent) {
  std::sort(values.begin(), values.end());
  const auto rank =
      static_cast<size_t>(std::ceil(percent / 100 * static_cast<double>(values.size())));
  return values[std::max<size_t>(rank, 1) - 1];
}

TEST(Histogram, AnEmptyOneReportsZeroes) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.min(), 0u);
  EXPECT_EQ(histogram.max(), 0u);
  EXPECT_EQ(histogram.mean(), 0.0);
  EXPECT_EQ(histogram.percentile(99), 0u);
}

TEST(Histogram, ValuesBelow256AreExact) {
  for (uint64_t value = 0; value < 256; ++value) {
    Histogram histogram;
    histogram.record(value);
    histogram.record(kLargest);  // so that the answer is not clipped to the maximum
    EXPECT_EQ(histogram.percentile(50), value);
  }
}

TEST(Histogram, APercentileIsNeverBelowTheValueAndLessThanTheBoundAboveIt) {
  for (int bits = 0; bits < 64; ++bits) {
    const uint64_t power = uint64_t{1} << bits;
    for (const uint64_t value :
         {power - 1, power, power + 1, power + power / 3, power + (power - 1)}) {
      Histogram histogram;
      histogram.record(value);
      histogram.record(kLargest);
      const uint64_t found = histogram.percentile(50);
      EXPECT_GE(found, value);
      EXPECT_LE(static_cast<double>(found - value),
                Histogram::kMaxRelativeError * static_cast<double>(value));
    }
  }
}

TEST(Histogram, PercentilesOfARandomSampleAgreeWithTheSortedSample) {
  std::mt19937_64 random(42);
  std::lognormal_distribution<double> latency(10, 2);
  Histogram histogram;
  std::vector<uint64_t> values;
  for (int i = 0; i < 100'000; ++i) {
    values.push_back(static_cast<uint64_t>(latency(random)));
    histogram.record(values.back());
  }
  for (const double percent : {0.0, 1.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
    const auto exact = static_cast<double>(exact_percentile(values, percent));
    const auto found = static_cast<double>(histogram.percentile(percent));
    EXPECT_GE(found, exact) << percent;
    EXPECT_LE(found, exact * (1 + Histogram::kMaxRelativeError)) << percent;
  }
}

TEST(Histogram, TheLargestPercentileIsTheExactMaximum) {
  Histogram histogram;
  histogram.record(1'000'003);
  histogram.record(999'999'937);
  EXPECT_EQ(histogram.percentile(100), 999'999'937u);
  EXPECT_EQ(histogram.max(), 999'999'937u);
  EXPECT_EQ(histogram.min(), 1'000'003u);
}

TEST(Histogram, AdjoiningRangesCountEachRecordOnce) {
  std::mt19937_64 random(7);
  Histogram histogram;
  for (int i = 0; i < 10'000; ++i) histogram.record(random() >> (random() % 64));
  uint64_t total = 0;
  for (uint64_t low = 0, high = 1; low != kLargest;
       low = high, high = high < kLargest / 3 ? high * 3 : kLargest) {
    total += histogram.count_between(low, high);
  }
  EXPECT_EQ(total, histogram.count());
}

TEST(Histogram, ResetForgetsEverything) {
  Histogram histogram;
  histogram.record(5);
  histogram.reset();
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.count_between(0, kLargest), 0u);
  histogram.record(3);
  EXPECT_EQ(histogram.max(), 3u);
  EXPECT_EQ(histogram.percentile(50), 3u);
}

}  // namespace
}  // namespace annulet::bench
