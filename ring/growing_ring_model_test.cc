// Model tests of the growing ring: every interleaving, and every lock left out.
#include <memory>

#include "annulet/ring/growing_ring.h"
#include "annulet/ring/testing/model.h"
#include "annulet/testing/expect.h"
#include "annulet/testing/model_check.h"
#include "gtest/gtest.h"

namespace annulet::ring {
namespace {

using model_check::Suite;
using Growing = GrowingRing<Event, Slots, ModelSync>;

// Grows as soon as it is full.
struct Rig {
  Growing ring{{.capacity = 2, .max_capacity = 4, .patience = {}, .max_consumers = 2}};
  std::unique_ptr<Growing::Consumer> consumer = *ring.add_consumer();
};

bool put_growing(Growing& ring, int value) { return fill(ring.claim<BlockModel>(), value); }

// The consumer follows a producer that may have to grow the ring, and sees all in order.
template <class Wait>
void consumer_follows() {
  Rig rig;
  put_growing(rig.ring, 1);
  put_growing(rig.ring, 2);
  int seen = 0;
  model_check::run_threads({
      {"producer", [&] { put_growing(rig.ring, 3); }},
      {"consumer", [&] { seen = read_events<Wait>(*rig.consumer, 3); }},
  });
  ensure(seen == 123, "lost, repeated or reordered");
}

// Reads until the ring has ended; returns how many events there were.
int read_to_the_end(Growing::Consumer& consumer) {
  PauseModel strategy;
  int handled = 0;
  int digits = 0;
  while (consumer.wait(strategy) == Wake::kReady) {
    handled += static_cast<int>(read_some(consumer, digits));
  }
  return handled;
}

// What was published before the close is handled, whichever ring it is in.
void closes_while_it_grows() {
  Rig rig;
  put_growing(rig.ring, 1);
  put_growing(rig.ring, 2);
  bool published = false;
  model_check::run_threads({
      {"producer", [&] { published = put_growing(rig.ring, 3); }},
      {"closer", [&] { rig.ring.close(); }},
  });
  ensure(read_to_the_end(*rig.consumer) == (published ? 3 : 2), "an event was lost");
}

// A consumer in an old ring ends with the newest one.
void closes_while_a_consumer_follows() {
  Rig rig;
  put_growing(rig.ring, 1);
  put_growing(rig.ring, 2);
  put_growing(rig.ring, 3);
  int handled = 0;
  model_check::run_threads({
      {"closer", [&] { rig.ring.close(); }},
      {"consumer", [&] { handled = read_to_the_end(*rig.consumer); }},
  });
  ensure(handled == 3, "an event was lost");
}

// The rings that a consumer was in are freed, whether it leaves before or after the growth.
void consumer_leaves() {
  Rig rig;
  put_growing(rig.ring, 1);
  put_growing(rig.ring, 2);
  auto other = *rig.ring.add_consumer();
  model_check::run_threads({
      {"producer", [&] { put_growing(rig.ring, 3); }},
      {"consumer", [&] { rig.consumer.reset(); }},
  });
  other.reset();
  ensure(rig.ring.allocated() == rig.ring.capacity(), "a ring that nobody reads is kept");
}

// A halt reaches the producer and the consumer, whichever ring they are in.
void halts() {
  Rig rig;
  put_growing(rig.ring, 1);
  put_growing(rig.ring, 2);
  model_check::run_threads({
      {"producer", [&] { put_growing(rig.ring, 3); }},
      {"halts", [&] { rig.ring.halt(); }},
  });
  ensure(read_to_the_end(*rig.consumer) == 0, "an event was handled after the halt");
}

// Who joins while the ring grows sees what is published from then on.
void joins_while_it_grows() {
  Rig rig;
  put_growing(rig.ring, 1);
  put_growing(rig.ring, 2);
  std::unique_ptr<Growing::Consumer> other;
  model_check::run_threads({
      {"producer", [&] { put_growing(rig.ring, 3); }},
      {"joins", [&] { other = *rig.ring.add_consumer(); }},
  });
  put_growing(rig.ring, 4);
  rig.ring.close();
  const int seen = read_to_the_end(*other);
  ensure(seen == 1 || seen == 2, "not what was published since");
}

// Others may ask for its size.
template <class Question>
void is_asked_while_it_grows(const Question& question) {
  Rig rig;
  put_growing(rig.ring, 1);
  put_growing(rig.ring, 2);
  model_check::run_threads({
      {"producer", [&] { put_growing(rig.ring, 3); }},
      {"asks",
       [&] {
         const size_t size = question(rig.ring);
         ensure(size == 2 || size == 4 || size == 6, "a size that it never had");
       }},
  });
}

Suite suite() {
  Suite suite("growing ring", {"annulet/ring/growing_ring.h"});
  suite.scenario("a consumer follows", consumer_follows<PauseModel>);
  suite.scenario("a consumer that sleeps follows", consumer_follows<BlockModel>);
  suite.scenario("closes while it grows", closes_while_it_grows);
  suite.scenario("closes while a consumer follows", closes_while_a_consumer_follows);
  suite.scenario("a consumer leaves", consumer_leaves);
  suite.scenario("halts", halts);
  suite.scenario("joins while it grows", joins_while_it_grows);
  suite.scenario("is asked for its capacity", [] {
    is_asked_while_it_grows([](const Growing& ring) { return ring.capacity(); });
  });
  suite.scenario("is asked for its memory", [] {
    is_asked_while_it_grows([](const Growing& ring) { return ring.allocated(); });
  });
  return suite;
}

TEST(GrowingRingModel, LosesNothingInAnyInterleaving) { model_check::expect_no_failure(suite()); }

TEST(GrowingRingModel, EveryLockIsNeeded) {
  model_check::expect_all_killed(
      suite(), {"GrowingRing::add_consumer lock: dropped", "GrowingRing::close lock: dropped",
                "GrowingRing::halt lock: dropped", "GrowingRing::capacity lock: dropped",
                "GrowingRing::allocated lock: dropped", "GrowingRing::replace lock: dropped",
                "Consumer::~Consumer lock: dropped", "Consumer::move_on lock: dropped"});
}

}  // namespace
}  // namespace annulet::ring
