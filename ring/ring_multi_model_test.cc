// Model tests of a ring with several producers: every interleaving, and every access weakened.
#include <chrono>

#include "annulet/ring/testing/model.h"
#include "annulet/testing/expect.h"
#include "annulet/wait/deadline.h"
#include "gtest/gtest.h"

namespace annulet::ring {
namespace {

using MultiRing = ModelRing<MultiProducer>;

bool one_behind_the_other(int digits, int one, int other) {
  return digits == one * 10 + other || digits == other * 10 + one;
}

// The events are published in any order.
void reads_in_the_order_of_claims() {
  MultiRing ring({.capacity = 2, .max_consumers = 1});
  auto consumer = ring.add_consumer();
  int digits = 0;
  model_check::run_threads({
      {"one", [&] { put(ring, 1); }},
      {"other", [&] { put(ring, 2); }},
      {"consumer", [&] { digits = read_events(*consumer, 2); }},
  });
  ensure(one_behind_the_other(digits, 1, 2), "lost or read twice");
}

// Of two producers one makes the room known to the other.
void waits_for_room_in_turn() {
  MultiRing ring({.capacity = 2, .max_consumers = 1});
  auto consumer = ring.add_consumer();
  fill(ring.try_claim(2), 1);
  int digits = 0;
  model_check::run_threads({
      {"one", [&] { put<BlockModel>(ring, 3); }},
      {"other", [&] { put<BlockModel>(ring, 4); }},
      {"consumer", [&] { read_some(*consumer, digits); }},
  });
  ensure(digits == 12, "not what was there");
  digits = 0;
  read_some(*consumer, digits);
  ensure(one_behind_the_other(digits, 3, 4), "lost or read twice");
}

void hands_over_a_stream() {
  MultiRing ring({.capacity = 2, .max_consumers = 1});
  auto consumer = ring.add_consumer();
  put(ring, 1);
  int digits = 0;
  model_check::run_threads({
      {"producer",
       [&] {
         put<BlockModel>(ring, 2);
         put<BlockModel>(ring, 3);
       }},
      {"consumer", [&] { digits = read_events<BlockModel>(*consumer, 3); }},
  });
  ensure(digits == 123, "lost, or not in order");
}

// Room for one; none, and then for two.
void tries() {
  MultiRing ring({.capacity = 2, .max_consumers = 1});
  auto consumer = ring.add_consumer();
  fill(ring.try_claim(2), 1);
  int digits = 0;
  int one = 0;
  int other = 0;
  model_check::run_threads({
      {"one", [&] { one = fill(ring.try_claim(), 3) ? 3 : 0; }},
      {"other", [&] { other = fill(ring.try_claim(), 4) ? 4 : 0; }},
      {"consumer", [&] { read_some(*consumer, digits); }},
  });
  ensure(digits == 12, "not what was there");
  digits = 0;
  const size_t count = read_some(*consumer, digits);
  ensure(count == size_t{one != 0} + size_t{other != 0}, "lost or read twice");
  ensure(count == 2 ? one_behind_the_other(digits, 3, 4) : digits == one + other,
         "not what was claimed");
}

// A batch that does not fit at once, beside an event that takes its room away.
void waits_for_room_until_a_deadline(bool soon) {
  const wait::Deadline until =
      soon ? wait::Deadline() : wait::Clock::now() + std::chrono::hours(24);
  MultiRing ring({.capacity = 2, .max_consumers = 1});
  auto consumer = ring.add_consumer();
  put(ring, 1);
  int digits = 0;
  bool written = false;
  model_check::run_threads({
      {"producer", [&] { written = fill(ring.claim_until<BlockModel>(until, 2), 2); }},
      {"consumer", [&] { read_some(*consumer, digits); }},
  });
  read_some(*consumer, digits);
  ensure(digits == (written ? 123 : 1), "lost, or not what was claimed");
  ensure(written || soon, "gave up too early");
}

void passes_over_what_was_cancelled() {
  MultiRing ring({.capacity = 2, .max_consumers = 1});
  auto consumer = ring.add_consumer();
  int digits = 0;
  model_check::run_threads({
      {"one", [&] { put(ring, 1); }},
      {"other",
       [&] {
         {
           const auto cancelled = ring.claim<PauseModel>();
         }
         ring.close();
       }},
      {"consumer", [&] { digits = read_to_end(*consumer); }},
  });
  ensure(digits <= 1, "read what was cancelled");
}

// The place of a cancelled event comes round again.
void goes_round_what_was_cancelled() {
  MultiRing ring({.capacity = 2, .max_consumers = 1});
  auto consumer = ring.add_consumer();
  {
    const auto cancelled = ring.claim<PauseModel>();
  }
  int digits = 0;
  model_check::run_threads({
      {"producer",
       [&] {
         put<BlockModel>(ring, 1);
         put<BlockModel>(ring, 2);
         ring.close();
       }},
      {"consumer", [&] { digits = read_to_end<BlockModel>(*consumer); }},
  });
  ensure(digits == 12, "lost, or read what was cancelled");
}

// What a claim gets, the consumer handles before it ends, and nothing else.
template <class Claim>
void closes_while_claimed(const Claim& claim) {
  MultiRing ring({.capacity = 2, .max_consumers = 1});
  auto consumer = ring.add_consumer();
  put(ring, 1);
  int written = 1;
  int read = 0;
  model_check::run_threads({
      {"producer",
       [&] {
         for (int i = 2; i <= 3; ++i) {
           if (fill(claim(ring), i)) written = written * 10 + i;
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

// Who waits his turn gets it, though the ring is closed.
void closes_while_full() {
  MultiRing ring({.capacity = 2, .max_consumers = 1});
  auto consumer = ring.add_consumer();
  fill(ring.try_claim(2), 1);
  bool written = false;
  int read = 0;
  model_check::run_threads({
      {"producer", [&] { written = put<BlockModel>(ring, 3); }},
      {"consumer",
       [&] {
         ring.close();
         read = read_to_end<BlockModel>(*consumer);
       }},
  });
  ensure(read == (written ? 123 : 12), "lost what was claimed, or claimed after the close");
}

void halt_ends_blocked_claims() {
  MultiRing ring({.capacity = 2, .max_consumers = 1});
  auto consumer = ring.add_consumer();
  fill(ring.try_claim(2), 1);
  model_check::run_threads({
      {"one", [&] { ensure(!put<BlockModel>(ring, 3), "claimed without room"); }},
      {"other", [&] { ensure(!put<BlockModel>(ring, 4), "claimed without room"); }},
      {"halter", [&] { ring.halt(); }},
  });
}

model_check::Suite suite() {
  model_check::Suite suite("MultiRing", {"ring/internal/multi_sequencer.h", "ring/layout.h"});
  suite.scenario("reads in the order of claims", reads_in_the_order_of_claims);
  suite.scenario("waits for room in turn", waits_for_room_in_turn);
  suite.scenario("hands over a stream", hands_over_a_stream);
  suite.scenario("tries", tries);
  suite.scenario("waits for room until a far deadline",
                 [] { waits_for_room_until_a_deadline(false); });
  suite.scenario("waits for room until a deadline", [] { waits_for_room_until_a_deadline(true); });
  suite.scenario("passes over what was cancelled", passes_over_what_was_cancelled);
  suite.scenario("goes round what was cancelled", goes_round_what_was_cancelled);
  suite.scenario("closes while claimed", [] {
    closes_while_claimed([](MultiRing& ring) { return ring.claim<BlockModel>(); });
  });
  suite.scenario("closes while tried",
                 [] { closes_while_claimed([](MultiRing& ring) { return ring.try_claim(); }); });
  suite.scenario("closes while full", closes_while_full);
  suite.scenario("halt() ends blocked claims", halt_ends_blocked_claims);
  return suite;
}

TEST(MultiRingModel, LosesNoEventAndNoWakeUpInAnyInterleaving) {
  model_check::expect_no_failure(suite());
}

TEST(MultiRingModel, EveryOrderIsNeeded) {
  model_check::expect_all_killed(suite(), {"MultiSequencer::is_free load: acquire -> relaxed",
                                           "MultiSequencer::raise_limit store: release -> relaxed",
                                           "SlotArray::mark store: release -> relaxed",
                                           "SlotArray::look load: acquire -> relaxed"});
}

}  // namespace
}  // namespace annulet::ring
