// What passes through the rings: an event of 8 or 64 bytes that carries one number.
//
// The number fills every word, and reading adds all the words up, so that an event is written and
// read as a whole and a torn or a stale one shows in the sum.
#ifndef ANNULET_BENCHMARKS_RING_EVENT_H_
#define ANNULET_BENCHMARKS_RING_EVENT_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace annulet::bench {

template <size_t kBytes>
struct Event {
  static constexpr size_t kWords = kBytes / sizeof(uint64_t);

  // Not in the constructor: a queue's slots must cost nothing to make.
  static Event of(uint64_t number) {
    Event event;
    event.set(number);
    return event;
  }

  void set(uint64_t number) { words.fill(number); }

  // What a stage of a pipeline does to each event.
  void increment() {
    for (uint64_t& word : words) ++word;
  }

  uint64_t sum() const {
    uint64_t sum = 0;
    for (const uint64_t word : words) sum += word;
    return sum;
  }

  std::array<uint64_t, kWords> words;
};

// The sum over events that carry first, first + 1, ... as many as count, modulo 2^64.
template <class E>
uint64_t sum_of_range(uint64_t count, uint64_t first = 0) {
  const uint64_t pairs = count % 2 == 0 ? count / 2 * (count - 1) : (count - 1) / 2 * count;
  return (pairs + first * count) * E::kWords;
}

}  // namespace annulet::bench

#endif  // ANNULET_BENCHMARKS_RING_EVENT_H_
