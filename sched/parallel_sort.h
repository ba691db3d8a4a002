// Sorts a range, with the help of threads that have nothing to do.
//
//   sched::parallel_sort(v.begin(), v.end(), std::greater<>());
//
// Use it in place of std::sort for more than some ten thousand elements. Not stable, and not for
// comparisons that wait for something.
//
// A quicksort whose halves are a fork_join(), down to ranges that std::sort sorts. It needs no
// memory. The first division is one thread's, so that many threads are at best log2(n) / 2 times as
// fast as one.
// If a comparison or a swap throws, so does the sort, and the range holds the same elements in some
// order, unless it was std::sort or a swap that lost one.
// Cost: on one thread that of std::sort, to a few percent.
// Threads: any; on a thread of a scheduler it runs in parallel, on any other one in place.
// Lifetime: the range outlives the call.
// Source: Hoare; the median of three and the limit of depth as in introsort, Musser, 1997.
#ifndef ANNULET_SCHED_PARALLEL_SORT_H_
#define ANNULET_SCHED_PARALLEL_SORT_H_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <functional>
#include <iterator>

#include "annulet/sched/fork_join.h"

namespace annulet::sched {
namespace internal {

// What std::sort gets. Larger: fewer pieces to steal; smaller: more forks than it is worth.
inline constexpr std::ptrdiff_t kSortedAtOnce = 2048;

// Which of three is neither the least nor the greatest.
template <class Iterator, class Compare>
Iterator median_of_three(Iterator a, Iterator b, Iterator c, Compare& compare) {
  if (compare(*a, *b)) {
    if (compare(*b, *c)) return b;
    return compare(*a, *c) ? c : a;
  }
  if (compare(*a, *c)) return a;
  return compare(*b, *c) ? c : b;
}

// Returns the place p of an element such that nothing in [first, p) is behind it and nothing in
// (p, last) before it. For at least four elements.
template <class Iterator, class Compare>
Iterator partition_range(Iterator first, Iterator last, Compare& compare) {
  // Not the ends: of four or more, the median of three others ends the loop over `left` below.
  const Iterator pivot = median_of_three(first + 1, first + (last - first) / 2, last - 1, compare);
  std::iter_swap(first, pivot);
  Iterator left = first;
  Iterator right = last;
  for (;;) {
    do ++left;
    while (compare(*left, *first));
    do --right;
    while (compare(*first, *right));
    if (!(left < right)) break;
    std::iter_swap(left, right);
  }
  std::iter_swap(first, right);
  return right;
}

// `depth`: after how many more divisions the pivots have been so bad that std::sort does better.
template <class Iterator, class Compare>
void sort_range(Iterator first, Iterator last, int depth, Compare& compare) {
  if (last - first <= kSortedAtOnce || depth == 0) return std::sort(first, last, std::ref(compare));
  const Iterator middle = partition_range(first, last, compare);
  auto left = [&] { sort_range(first, middle, depth - 1, compare); };
  auto right = [&] { sort_range(middle + 1, last, depth - 1, compare); };
  run_forked(left, right);
}

}  // namespace internal

// `compare` is called from several threads at once.
template <std::random_access_iterator Iterator, class Compare = std::less<>>
void parallel_sort(Iterator first, Iterator last, Compare compare = {}) {
  const auto size = static_cast<size_t>(last - first);
  internal::sort_range(first, last, 2 * std::bit_width(size), compare);
}

}  // namespace annulet::sched

#endif  // ANNULET_SCHED_PARALLEL_SORT_H_
