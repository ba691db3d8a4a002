// Model tests of a ring with one producer: every interleaving, and every access weakened.

#include "annulet/ring/testing/model.h"
#include "annulet/testing/expect.h"
#include "gtest/gtest.h"

namespace annulet::ring {
namespace {

template <class Layout>
using SingleRing = ModelRing<SingleProducer, Layout>;

// The last event has to wait for room.
template <class Layout, class Wait>
void hands_over_events() {
  SingleRing<Layout> ring({.capacity = 2, .max_consumers = 1});
  auto consumer = ring.add_consumer();
  put(ring, 1);
  int digits = 0;
  model_check::run_threads({
      {"producer",
       [&] {
         for (int i = 2; i <= 3; ++i) ensure(put<Wait>(ring, i), "refused");
       }},
      {"consumer", [&] { digits = read_events<Wait>(*consumer, 3); }},
  });
  ensure(digits == 123, "lost, or not in order");
}

template <class Layout>
void hands_over_batches() {
  SingleRing<Layout> ring({.capacity = 2, .max_consumers = 1});
  auto consumer = ring.add_consumer();
  int digits = 0;
  model_check::run_threads({
      {"producer",
       [&] {
         fill(ring.template claim<PauseModel>(2), 1);
         fill(ring.template claim<PauseModel>(2), 3);
       }},
      {"consumer", [&] { digits = read_events(*consumer, 4); }},
  });
  ensure(digits == 1234, "lost, or not in order");
}

// Neither of the two ever waits.
template <class Layout>
void polls() {
  SingleRing<Layout> ring({.capacity = 2, .max_consumers = 1});
  auto consumer = ring.add_consumer();
  int written = 0;
  int read = 0;
  model_check::run_threads({
      {"producer",
       [&] {
         for (int i = 1; i <= 3; ++i) {
           if (fill(ring.try_claim(), i)) written = written * 10 + i;
         }
       }},
      {"consumer", [&] { read_some(*consumer, read); }},
  });
  read_some(*consumer, read);
  ensure(read == written, "lost, or not in order");
}

template <class Layout>
void passes_over_what_was_cancelled() {
  SingleRing<Layout> ring({.capacity = 2, .max_consumers = 1});
  auto consumer = ring.add_consumer();
  int digits = 0;
  model_check::run_threads({
      {"producer",
       [&] {
         put(ring, 1);
         {
           const auto cancelled = ring.try_claim();
         }
         put(ring, 2);
         ring.close();
       }},
      {"consumer", [&] { digits = read_to_end<BlockModel>(*consumer); }},
  });
  ensure(digits == 12, "lost, or read what was cancelled");
}

// What a claim gets, the consumer handles before it ends, and nothing else.
template <class Layout>
void closes_while_claimed() {
  SingleRing<Layout> ring({.capacity = 2, .max_consumers = 1});
  auto consumer = ring.add_consumer();
  int written = 0;
  int read = 0;
  model_check::run_threads({
      {"producer",
       [&] {
         for (int i = 1; i <= 2; ++i) {
           if (put(ring, i)) written = written * 10 + i;
         }
       }},
      {"consumer",
       [&] {
         ring.close();
         read = read_to_end<BlockModel>(*consumer);
       }},
  });
  ensure(read == written, "lost what was claimed, or claimed after the close");
}

// The claim finds the ring full at first.
template <class Layout, class Wait>
void closes_while_full() {
  SingleRing<Layout> ring({.capacity = 2, .max_consumers = 1});
  auto consumer = ring.add_consumer();
  fill(ring.try_claim(2), 1);
  bool written = false;
  int read = 0;
  model_check::run_threads({
      {"producer", [&] { written = put<Wait>(ring, 3); }},
      {"consumer",
       [&] {
         read_some(*consumer, read, 1);
         ring.close();
         read = read * 100 + read_to_end<BlockModel>(*consumer);
       }},
  });
  ensure(read == (written ? 123 : 102), "lost what was claimed, or claimed after the close");
}

// Nobody makes room.
void close_ends_a_blocked_claim(bool halt) {
  SingleRing<Slots> ring({.capacity = 2, .max_consumers = 1});
  auto consumer = ring.add_consumer();
  fill(ring.try_claim(2), 1);
  model_check::run_threads({
      {"producer", [&] { ensure(!put<BlockModel>(ring, 3), "claimed without room"); }},
      {"closer",
       [&] {
         if (halt) return ring.halt();
         ring.close();
       }},
  });
}

model_check::Suite suite() {
  model_check::Suite suite("SingleRing", {"ring/internal/single_sequencer.h", "ring/layout.h"});
  suite.scenario("hands over events", hands_over_events<Slots, PauseModel>);
  suite.scenario("hands over dense events", hands_over_events<Dense, PauseModel>);
  suite.scenario("sleeps and wakes", hands_over_events<Slots, BlockModel>);
  suite.scenario("sleeps and wakes, dense", hands_over_events<Dense, BlockModel>);
  suite.scenario("hands over batches", hands_over_batches<Slots>);
  suite.scenario("hands over dense batches", hands_over_batches<Dense>);
  suite.scenario("polls", polls<Slots>);
  suite.scenario("polls dense events", polls<Dense>);
  suite.scenario("passes over what was cancelled", passes_over_what_was_cancelled<Slots>);
  suite.scenario("passes over dense events that were cancelled",
                 passes_over_what_was_cancelled<Dense>);
  suite.scenario("closes while claimed", closes_while_claimed<Slots>);
  suite.scenario("closes while claimed, dense", closes_while_claimed<Dense>);
  suite.scenario("closes while full", closes_while_full<Slots, PauseModel>);
  suite.scenario("closes while a claim sleeps", closes_while_full<Dense, BlockModel>);
  suite.scenario("close() ends a blocked claim", [] { close_ends_a_blocked_claim(false); });
  suite.scenario("halt() ends a blocked claim", [] { close_ends_a_blocked_claim(true); });
  return suite;
}

TEST(SingleRingModel, LosesNoEventAndNoWakeUpInAnyInterleaving) {
  model_check::expect_no_failure(suite());
}

TEST(SingleRingModel, EveryOrderIsNeeded) {
  model_check::expect_all_killed(
      suite(),
      {"SingleSequencer::publish store: release -> relaxed",
       "SingleSequencer::published load: acquire -> relaxed",
       "lambda fence_heavy: heavy -> seq_cst", "lambda fence_heavy: heavy -> seq_cst #2",
       "SingleSequencer::claims fence_light: dropped",
       "SingleSequencer::raise_limit fence_light: dropped",
       "SlotArray::mark store: release -> relaxed", "SlotArray::look load: acquire -> relaxed"});
}

}  // namespace
}  // namespace annulet::ring
