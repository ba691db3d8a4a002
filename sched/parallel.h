// Loops over ranges that other threads share when they have nothing to do.
//
//   sched::parallel_for(size_t{0}, v.size(), [&](size_t i) { v[i] = f(i); });
//   const auto sum = sched::parallel_reduce(v.begin(), v.end(), 0.0,
//                                           [](auto it) { return *it; }, std::plus<>());
//
// Use them for many independent steps; for two of them, or recursion, use fork_join(). Not for
// steps that wait for something, nor for steps that need each other's results.
//
// A range is divided only when somebody asks for work: the caller goes through it, `grain` steps at
// a time, and between two such pieces looks whether another thread is idle; then it offers half of
// what is left. So nothing is paid for dividing where nobody is idle, and the pieces are plain
// loops that the compiler may vectorise.
//
// Where a step throws, the piece of the range that it is in ends, the others go on to their ends,
// and one of the exceptions is thrown on; the others are counted and reported (task/unobserved.h).
// Cost: on one thread that of the loop and a load for each grain; see fork_join() for a division.
// Threads: any; on a thread of a scheduler they run in parallel, on any other one in place.
// Lifetime: what the functions refer to outlives the call.
// Source: lazy binary splitting, Tzannes, Caragea, Barua, Vishkin, 2010.
#ifndef ANNULET_SCHED_PARALLEL_H_
#define ANNULET_SCHED_PARALLEL_H_

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <iterator>
#include <type_traits>
#include <utility>

#include "annulet/sched/fork_join.h"

namespace annulet::sched {

struct ParallelOptions {
  // How many steps are never divided. 0: as many as give each thread 64 pieces, but at most 2048,
  // which suits steps of any length up to a microsecond. Take 1 for few and long steps.
  size_t grain = 0;
};

namespace internal {

// The grain for a range of `size` steps.
size_t grain_of(size_t size, const ParallelOptions& options);

// Whether another thread would take a part of a range.
bool somebody_is_idle();

// Both by way of unsigned integers, which hold the length of any range.
template <class Index>
size_t steps_between(Index begin, Index end) {
  if constexpr (std::integral<Index>) {
    using Unsigned = std::make_unsigned_t<Index>;
    return static_cast<Unsigned>(static_cast<Unsigned>(end) - static_cast<Unsigned>(begin));
  } else {
    return static_cast<size_t>(end - begin);
  }
}

template <class Index>
Index advanced(Index begin, size_t steps) {
  if constexpr (std::integral<Index>) {
    return static_cast<Index>(static_cast<std::make_unsigned_t<Index>>(begin) + steps);
  } else {
    return begin + static_cast<std::iter_difference_t<Index>>(steps);
  }
}

template <class Index, class Body>
void for_range(Index begin, Index end, size_t grain, Body& body) {
  while (begin != end) {
    const size_t steps = steps_between(begin, end);
    if (steps > grain && somebody_is_idle()) {
      const Index middle = advanced(begin, steps / 2);
      auto left = [=, &body] { for_range(begin, middle, grain, body); };
      auto right = [=, &body] { for_range(middle, end, grain, body); };
      run_forked(left, right);
      return;
    }
    const Index piece = advanced(begin, std::min(steps, grain));
    for (; begin != piece; ++begin) body(begin);
  }
}

template <class Index, class T, class Map, class Combine>
T reduce_range(Index begin, Index end, size_t grain, const T& identity, Map& map,
               Combine& combine) {
  T result = identity;
  while (begin != end) {
    const size_t steps = steps_between(begin, end);
    if (steps > grain && somebody_is_idle()) {
      const Index middle = advanced(begin, steps / 2);
      auto left = [&, begin] { return reduce_range(begin, middle, grain, identity, map, combine); };
      auto right = [&] { return reduce_range(middle, end, grain, identity, map, combine); };
      auto [first, second] = run_forked(left, right);
      return combine(combine(std::move(result), std::move(first)), std::move(second));
    }
    const Index piece = advanced(begin, std::min(steps, grain));
    for (; begin != piece; ++begin) result = combine(std::move(result), map(begin));
  }
  return result;
}

}  // namespace internal

// body(i) for each i of [begin, end): integers, or random-access iterators. In any order.
template <class Index, class Body>
void parallel_for(Index begin, Index end, Body&& body, const ParallelOptions& options = {}) {
  if (!(begin < end)) return;
  internal::for_range(begin, end, internal::grain_of(internal::steps_between(begin, end), options),
                      body);
}

// combine(... combine(combine(identity, map(begin)), map(begin + 1)) ...), bracketed anyhow but in
// this order: `combine` must be associative, with `identity` as its neutral element.
template <class Index, class T, class Map, class Combine>
T parallel_reduce(Index begin, Index end, const T& identity, Map&& map, Combine&& combine,
                  const ParallelOptions& options = {}) {
  if (!(begin < end)) return identity;
  return internal::reduce_range(begin, end,
                                internal::grain_of(internal::steps_between(begin, end), options),
                                identity, map, combine);
}

}  // namespace annulet::sched

#endif  // ANNULET_SCHED_PARALLEL_H_
