// Log-linear histogram of durations (the layout of HdrHistogram): every power of two is cut into
// 2^kSubBits buckets of equal width.
//
// When: a distribution over several decades must be kept whole, at a cost that does not disturb
// what is measured.
// Cost: record() is a shift and an increment; 58 KiB, and no allocation after construction.
// Threads: one. Lifetime: owns its buckets.
// Error: values below 256 are exact; above, percentile() is never below the recorded value and
// exceeds it by less than kMaxRelativeError of it (0.8 %). min() and max() are exact.
#ifndef ANNULET_BENCHMARKS_ECHO_HISTOGRAM_H_
#define ANNULET_BENCHMARKS_ECHO_HISTOGRAM_H_

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace annulet::bench {

class Histogram {
 public:
  static constexpr int kSubBits = 7;
  static constexpr double kMaxRelativeError = 1.0 / (1 << kSubBits);

  Histogram() : buckets_(bucket_of(std::numeric_limits<uint64_t>::max()) + 1) {}

  void record(uint64_t value) {
    ++buckets_[bucket_of(value)];
    ++count_;
    sum_ += static_cast<double>(value);
    min_ = std::min(min_, value);
    max_ = std::max(max_, value);
  }

  void reset() {
    std::fill(buckets_.begin(), buckets_.end(), 0);
    count_ = max_ = 0;
    sum_ = 0;
    min_ = std::numeric_limits<uint64_t>::max();
  }

  uint64_t count() const { return count_; }
  uint64_t min() const { return count_ == 0 ? 0 : min_; }
  uint64_t max() const { return max_; }
  double mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

  // The smallest value that at least `percent` of the records do not exceed; 0 when there are none.
  uint64_t percentile(double percent) const {
    const auto rank = static_cast<uint64_t>(std::ceil(percent / 100 * static_cast<double>(count_)));
    uint64_t seen = 0;
    for (size_t i = 0; i < buckets_.size() && count_ > 0; ++i) {
      seen += buckets_[i];
      if (seen >= std::max<uint64_t>(rank, 1)) return std::min(highest_of(i), max_);
    }
    return max_;
  }

  // Records in the buckets that begin in [low, high): adjoining ranges count each record once.
  uint64_t count_between(uint64_t low, uint64_t high) const {
    uint64_t total = 0;
    for (size_t i = 0; i < buckets_.size(); ++i) {
      if (lowest_of(i) >= low && lowest_of(i) < high) total += buckets_[i];
    }
    return total;
  }

 private:
  // Value v lies in bucket  shift * 128 + (v >> shift)  with the shift that leaves eight bits of
  // it.
  static constexpr size_t bucket_of(uint64_t value) {
    const int shift = std::max(0, static_cast<int>(std::bit_width(value)) - kSubBits - 1);
    return (static_cast<size_t>(shift) << kSubBits) + static_cast<size_t>(value >> shift);
  }
  static constexpr int shift_of(size_t bucket) {
    return std::max(0, static_cast<int>(bucket >> kSubBits) - 1);
  }
  static constexpr uint64_t lowest_of(size_t bucket) {
    const int shift = shift_of(bucket);
    return (bucket - (static_cast<uint64_t>(shift) << kSubBits)) << shift;
  }
  static constexpr uint64_t highest_of(size_t bucket) {
    return lowest_of(bucket) + (uint64_t{1} << shift_of(bucket)) - 1;
  }

  std::vector<uint64_t> buckets_;
  uint64_t count_ = 0;
  double sum_ = 0;
  uint64_t min_ = std::numeric_limits<uint64_t>::max();
  uint64_t max_ = 0;
};

}  // namespace annulet::bench

#endif  // ANNULET_BENCHMARKS_ECHO_HISTOGRAM_H_
