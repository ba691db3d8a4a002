#include "annulet/sched/parallel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "annulet/sched/parallel_sort.h"
#include "annulet/sched/testing/fork_join_crew.h"

namespace annulet::sched {
namespace {

// Runs the check on no, one and several threads of a domain.
template <class Check>
void on_crews(const Check& check) {
  check();
  for (const size_t threads : {1, 2, 3}) {
    ForkJoinCrew crew(threads);
    crew.run(check);
  }
}

TEST(ParallelFor, VisitsEachIndexOnce) {
  on_crews([] {
    for (const size_t size : {0, 1, 2, 1000, 100'000}) {
      std::vector<int> visits(size);
      parallel_for(size_t{0}, size, [&](size_t i) { ++visits[i]; });
      EXPECT_EQ(std::count(visits.begin(), visits.end(), 1), static_cast<std::ptrdiff_t>(size));
    }
  });
}

TEST(ParallelFor, TakesIteratorsAndSignedIntegers) {
  on_crews([] {
    std::vector<int> values(5000, 1);
    parallel_for(values.begin(), values.end(), [](auto it) { *it += 1; });
    EXPECT_EQ(std::count(values.begin(), values.end(), 2), 5000);
    std::atomic<int> sum{0};
    parallel_for(-100, 101, [&](int i) { sum += i; }, {.grain = 1});
    EXPECT_EQ(sum.load(), 0);
    parallel_for(1, -1, [&](int) { sum += 1; });
    EXPECT_EQ(sum.load(), 0);
    std::atomic<size_t> count{0};
    parallel_for(int8_t{-128}, int8_t{127}, [&](int8_t) { ++count; }, {.grain = 3});
    EXPECT_EQ(count.load(), 255u);
  });
}

TEST(ParallelFor, SharesTheRangeWithAnIdleThread) {
  ForkJoinCrew crew(2);
  crew.run([] {
    const auto home = std::this_thread::get_id();
    std::atomic<bool> away{false};
    // The first steps wait until another thread has got some of the rest.
    parallel_for(0, 1000,
                 [&](int) {
                   if (std::this_thread::get_id() != home) away.store(true);
                   for (int i = 0; i < 100 && !away.load(); ++i) std::this_thread::yield();
                 },
                 {.grain = 1});
    EXPECT_TRUE(away.load());
  });
}

TEST(ParallelFor, ThrowsWhatAStepThrows) {
  on_crews([] {
    std::atomic<int> steps{0};
    EXPECT_THROW(parallel_for(0, 10'000,
                              [&](int i) {
                                ++steps;
                                if (i == 5000) throw std::runtime_error("step");
                              },
                              {.grain = 10}),
                 std::runtime_error);
    EXPECT_GT(steps.load(), 0);
  });
}

TEST(ParallelFor, Nests) {
  on_crews([] {
    std::vector<std::vector<int>> rows(100, std::vector<int>(300));
    parallel_for(size_t{0}, rows.size(), [&](size_t row) {
      parallel_for(size_t{0}, rows[row].size(), [&](size_t i) { ++rows[row][i]; }, {.grain = 7});
    });
    for (const auto& row : rows) EXPECT_EQ(std::count(row.begin(), row.end(), 1), 300);
  });
}

TEST(ParallelReduce, CombinesInTheOrderOfTheRange) {
  on_crews([] {
    std::string expected;
    for (int i = 0; i < 2000; ++i) expected += static_cast<char>('a' + i % 26);
    const std::string text = parallel_reduce(
        0, 2000, std::string(),
        [](int i) { return std::string(1, static_cast<char>('a' + i % 26)); },
        [](std::string left, const std::string& right) { return std::move(left) + right; },
        {.grain = 5});
    EXPECT_EQ(text, expected);
  });
}

TEST(ParallelReduce, AddsUp) {
  on_crews([] {
    std::vector<uint64_t> values(1'000'000);
    std::iota(values.begin(), values.end(), uint64_t{1});
    const auto at = [](auto it) { return *it; };
    EXPECT_EQ(parallel_reduce(values.begin(), values.end(), uint64_t{0}, at, std::plus<>()),
              500'000'500'000u);
    EXPECT_EQ(parallel_reduce(values.begin(), values.begin(), uint64_t{7}, at, std::plus<>()), 7u);
  });
}

// --- parallel_sort ---

enum class Shape { kRandom, kSorted, kReversed, kEqual, kFewValues, kOrganPipe };

std::vector<int> make_values(Shape shape, int size) {
  std::mt19937 random(1);
  std::vector<int> values;
  for (int i = 0; i < size; ++i) {
    switch (shape) {
      case Shape::kRandom:
        values.push_back(static_cast<int>(random()));
        break;
      case Shape::kSorted:
        values.push_back(i);
        break;
      case Shape::kReversed:
        values.push_back(-i);
        break;
      case Shape::kEqual:
        values.push_back(1);
        break;
      case Shape::kFewValues:
        values.push_back(static_cast<int>(random() % 3));
        break;
      case Shape::kOrganPipe:
        values.push_back(std::min(i, size - i));
        break;
    }
  }
  return values;
}

TEST(ParallelSort, SortsAnything) {
  on_crews([] {
    for (const Shape shape : {Shape::kRandom, Shape::kSorted, Shape::kReversed, Shape::kEqual,
                              Shape::kFewValues, Shape::kOrganPipe}) {
      for (const int size : {0, 1, 2, 3000, 50'000}) {
        std::vector<int> values = make_values(shape, size);
        std::vector<int> expected = values;
        std::sort(expected.begin(), expected.end());
        parallel_sort(values.begin(), values.end());
        EXPECT_EQ(values, expected);
        std::reverse(expected.begin(), expected.end());
        parallel_sort(values.begin(), values.end(), std::greater<>());
        EXPECT_EQ(values, expected);
      }
    }
  });
}

TEST(ParallelSort, MovesElementsThatCannotBeCopied) {
  on_crews([] {
    std::vector<std::unique_ptr<int>> values;
    for (const int value : make_values(Shape::kRandom, 10'000)) {
      values.push_back(std::make_unique<int>(value));
    }
    const auto less = [](const auto& a, const auto& b) { return *a < *b; };
    parallel_sort(values.begin(), values.end(), less);
    EXPECT_TRUE(std::is_sorted(values.begin(), values.end(), less));
  });
}

TEST(ParallelSort, ThrowsWhatTheComparisonThrows) {
  on_crews([] {
    std::vector<int> values = make_values(Shape::kRandom, 50'000);
    std::atomic<int> left{200'000};
    EXPECT_THROW(parallel_sort(values.begin(), values.end(),
                               [&](int a, int b) {
                                 if (left.fetch_sub(1) == 0) throw std::runtime_error("compare");
                                 return a < b;
                               }),
                 std::runtime_error);
  });
}

}  // namespace
}  // namespace annulet::sched
