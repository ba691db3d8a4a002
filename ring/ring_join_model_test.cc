// Model tests of consumers that join and leave a ring while it runs, and of closing it: every
// interleaving, and every access weakened.
#include <cstddef>
#include <optional>
#include <utility>

#include "annulet/ring/testing/model.h"
#include "annulet/testing/expect.h"
#include "gtest/gtest.h"

namespace annulet::ring {
namespace {

template <class Producers>
using ConsumerOf = typename ModelRing<Producers>::Consumer;

// Publishes events that each hold their own sequence.
template <class Claim>
bool number(Claim claim) {
  const int first = static_cast<int>(claim.sequence());
  return fill(std::move(claim), first);
}

// Reads what number() wrote, without releasing it.
template <class Consumer>
void look(Consumer& consumer) {
  auto expected = static_cast<int>(consumer.sequence());
  for (const Event& event : consumer.take()) {
    ensure(event.value.read() == expected++, "overrun by the producer, or not all from the start");
  }
}

template <class Consumer>
void read(Consumer& consumer) {
  look(consumer);
  consumer.release();
}

// A ring that is full with what number() wrote.
template <class Producers>
struct FullRing {
  explicit FullRing(Sequence first = 0)
      : ring({.capacity = 2, .max_consumers = 3, .first_sequence = first}) {
    number(ring.try_claim(2));
  }

  ConsumerOf<Producers> add() { return *ring.add_consumer(); }

  ModelRing<Producers> ring;
};

// The newcomer's first event is overwritten unless the producer sees the newcomer, whose entry says
// zero at first: that he is ahead.
template <class Producers>
void joins_while_the_producer_goes_round() {
  FullRing<Producers> full(Sequence{0} - 4);
  ConsumerOf<Producers> first = full.add();
  read(first);
  std::optional<ConsumerOf<Producers>> second;
  model_check::run_threads({
      {"producer and first",
       [&] {
         number(full.ring.try_claim());
         read(first);
         number(full.ring.try_claim(2));
       }},
      {"second",
       [&] {
         second.emplace(full.add());
         read(*second);
       }},
  });
  read(*second);
}

// The producer looks for room; before it has the answer, somebody joins and the other reader
// passes on.
void joins_while_a_producer_looks_for_room() {
  FullRing<MultiProducer> full;
  ConsumerOf<MultiProducer> first = full.add();
  read(first);
  std::optional<ConsumerOf<MultiProducer>> second;
  model_check::run_threads({
      {"producer",
       [&] {
         number(full.ring.try_claim());
         number(full.ring.try_claim());
       }},
      {"all others",
       [&] {
         second.emplace(full.add());
         number(full.ring.try_claim());
         read(first);
       }},
  });
  read(*second);
}

// As before, but the other reader's place is taken over by one who begins later.
void takes_a_place_while_a_producer_looks_for_room() {
  FullRing<MultiProducer> full;
  std::optional<ConsumerOf<MultiProducer>> first = full.add();
  read(*first);
  std::optional<ConsumerOf<MultiProducer>> second;
  std::optional<ConsumerOf<MultiProducer>> third;
  model_check::run_threads({
      {"producer",
       [&] {
         number(full.ring.claim<PauseModel>());
         number(full.ring.try_claim(2));
       }},
      {"all others",
       [&] {
         second.emplace(full.add());
         number(full.ring.try_claim());
         first.reset();
         third.emplace(full.add());
       }},
  });
  read(*second);
  read(*third);
}

// Of the events that the ring keeps the first to join misses none, though their numbers pass zero.
void joins_first(bool leaves) {
  FullRing<SingleProducer> full(Sequence{0} - 2);
  std::optional<ConsumerOf<SingleProducer>> consumer;
  model_check::run_threads({
      {"producer", [&] { number(full.ring.claim<BlockModel>()); }},
      {"consumer",
       [&] {
         consumer.emplace(full.add());
         ensure(consumer->sequence() == Sequence{0} - 2, "not from the start");
         read(*consumer);
         if (leaves) consumer.reset();
       }},
  });
}

// Who comes when all others have gone goes on where the last one left.
template <class Producers>
void goes_on_where_another_left() {
  FullRing<Producers> full;
  std::optional<ConsumerOf<Producers>> first = full.add();
  model_check::run_threads({
      {"producer", [&] { number(full.ring.template claim<BlockModel>()); }},
      {"consumers",
       [&] {
         look(*first);
         first->release(1);
         first.reset();
         ConsumerOf<Producers> second = full.add();
         ensure(second.sequence() == 1, "not where the first one left");
         read(second);
       }},
  });
}

// Several consumers, one after the other, while a producer tries.
void come_and_go() {
  FullRing<SingleProducer> full;
  model_check::run_threads({
      {"producer", [&] { number(full.ring.try_claim()); }},
      {"consumers",
       [&] {
         for (int i = 0; i < 2; ++i) {
           ConsumerOf<SingleProducer> consumer = full.add();
           read(consumer);
         }
       }},
  });
}

// The producer waits for a consumer who has read, does not release and leaves; its place may be
// taken by another one at once.
void leaves_a_full_ring(bool replaced) {
  FullRing<SingleProducer> full;
  std::optional<ConsumerOf<SingleProducer>> first = full.add();
  std::optional<ConsumerOf<SingleProducer>> second = full.add();
  std::optional<ConsumerOf<SingleProducer>> third;
  // The second one joined behind the events.
  model_check::run_threads({
      {"producer", [&] { number(full.ring.claim<BlockModel>()); }},
      {"first",
       [&] {
         look(*first);
         first.reset();
         if (replaced) third.emplace(full.add());
       }},
  });
  read(*second);
  if (replaced) read(*third);
}

// As before, but the new one takes the place of somebody who left earlier and had got farther.
void leaves_while_another_takes_an_older_place() {
  ModelRing<SingleProducer> ring({.capacity = 2, .max_consumers = 3});
  std::optional<ConsumerOf<SingleProducer>> early = *ring.add_consumer();
  std::optional<ConsumerOf<SingleProducer>> slow = *ring.add_consumer();
  ConsumerOf<SingleProducer> fast = *ring.add_consumer();
  number(ring.try_claim(2));
  read(*early);
  early.reset();
  read(fast);
  model_check::run_threads({
      {"producer", [&] { number(ring.try_claim()); }},
      {"slow",
       [&] {
         look(*slow);
         slow.reset();
         early.emplace(*ring.add_consumer());
       }},
  });
  read(fast);
  read(*early);
}

// The producer waits for the first of two, whose place the third one takes when both have gone.
void all_leave_and_another_joins() {
  FullRing<SingleProducer> full;
  std::optional<ConsumerOf<SingleProducer>> first = full.add();
  std::optional<ConsumerOf<SingleProducer>> second = full.add();
  std::optional<ConsumerOf<SingleProducer>> third;
  model_check::run_threads({
      {"producer", [&] { number(full.ring.claim<BlockModel>()); }},
      {"consumers",
       [&] {
         first.reset();
         second.reset();
         third.emplace(full.add());
       }},
  });
  read(*third);
}

void joins_while_another_leaves() {
  FullRing<SingleProducer> full;
  std::optional<ConsumerOf<SingleProducer>> first = full.add();
  std::optional<ConsumerOf<SingleProducer>> second;
  model_check::run_threads({
      {"first",
       [&] {
         look(*first);
         first.reset();
       }},
      {"second", [&] { second.emplace(full.add()); }},
  });
  read(*second);
  number(full.ring.try_claim());
  read(*second);
}

// Whoever joins then is refused, or ends.
template <class Producers>
void joins_while_the_ring_is_closed() {
  FullRing<Producers> full;
  ConsumerOf<Producers> first = full.add();
  model_check::run_threads({
      {"closer", [&] { full.ring.close(); }},
      {"second",
       [&] {
         auto second = full.ring.add_consumer();
         if (second.ok()) ensure(read_to_end<BlockModel>(*second) == 0, "read what was before it");
       }},
  });
}

// Workers that join then hold nobody back: not him either who has waited for room since before.
void a_group_joins_while_the_ring_is_closed() {
  FullRing<MultiProducer> full;
  ConsumerOf<MultiProducer> first = full.add();
  std::optional<ModelRing<MultiProducer>::WorkGroup> group;
  model_check::run_threads({
      {"producer", [&] { number(full.ring.claim<BlockModel>()); }},
      {"closer", [&] { full.ring.close(); }},
      {"first and group",
       [&] {
         read(first);
         auto joined = full.ring.add_work_group({.workers = 1});
         if (joined.ok()) group.emplace(*std::move(joined));
       }},
  });
}

// What was claimed before the close is handled.
template <class Producers>
void closes_before_a_claim_is_published() {
  ModelRing<Producers> ring({.capacity = 2, .max_consumers = 1});
  auto consumer = ring.add_consumer();
  int digits = 0;
  model_check::run_threads({
      {"producer",
       [&] {
         auto claim = ring.try_claim();
         ring.close();
         fill(std::move(claim), 1);
       }},
      {"consumer", [&] { digits = read_to_end<BlockModel>(*consumer); }},
  });
  ensure(digits == 1, "lost what was claimed");
}

template <class Producers>
void closes_twice() {
  ModelRing<Producers> ring({.capacity = 2, .max_consumers = 1});
  auto consumer = ring.add_consumer();
  model_check::run_threads({
      {"one", [&] { ring.close(); }},
      {"other", [&] { ring.close(); }},
  });
  ensure(read_to_end(*consumer) == 0, "there was nothing to read");
}

model_check::Suite suite() {
  model_check::Suite suite("RingMembers",
                           {"ring/internal/progress.h", "ring/internal/sequencer.h"});
  suite.scenario("joins while the producer goes round",
                 joins_while_the_producer_goes_round<SingleProducer>);
  suite.scenario("joins while one of several producers goes round",
                 joins_while_the_producer_goes_round<MultiProducer>);
  suite.scenario("joins while a producer looks for room", joins_while_a_producer_looks_for_room);
  suite.scenario("takes a place while a producer looks for room",
                 takes_a_place_while_a_producer_looks_for_room);
  suite.scenario("joins first", [] { joins_first(false); });
  suite.scenario("joins first and leaves", [] { joins_first(true); });
  suite.scenario("goes on where another left", goes_on_where_another_left<SingleProducer>);
  suite.scenario("goes on where another left, several producers",
                 goes_on_where_another_left<MultiProducer>);
  suite.scenario("come and go", come_and_go);
  suite.scenario("leaves a full ring", [] { leaves_a_full_ring(false); });
  suite.scenario("leaves a full ring to another", [] { leaves_a_full_ring(true); });
  suite.scenario("leaves while another takes an older place",
                 leaves_while_another_takes_an_older_place);
  suite.scenario("all leave and another joins", all_leave_and_another_joins);
  suite.scenario("joins while another leaves", joins_while_another_leaves);
  suite.scenario("joins while the ring is closed", joins_while_the_ring_is_closed<SingleProducer>);
  suite.scenario("joins while the ring of several producers is closed",
                 joins_while_the_ring_is_closed<MultiProducer>);
  suite.scenario("a group joins while the ring of several producers is closed",
                 a_group_joins_while_the_ring_is_closed);
  suite.scenario("closes before a claim is published",
                 closes_before_a_claim_is_published<SingleProducer>);
  suite.scenario("closes before one of several claims is published",
                 closes_before_a_claim_is_published<MultiProducer>);
  suite.scenario("closes twice", closes_twice<SingleProducer>);
  suite.scenario("closes twice, several producers", closes_twice<MultiProducer>);
  return suite;
}

TEST(RingMembersModel, OverrunNobodyAndLoseNoWakeUpInAnyInterleaving) {
  model_check::expect_no_failure(suite());
}

TEST(RingMembersModel, EveryOrderAndLockIsNeeded) {
  model_check::expect_all_killed(
      suite(),
      {"Progress::release store: release -> relaxed", "Progress::reach load: acquire -> relaxed",
       "ProgressTable::members load: acquire -> relaxed", "lambda lock: dropped",
       "lambda store: release -> relaxed", "lambda store: release -> relaxed #2",
       "lambda store: release -> relaxed #3", "lambda fence_heavy: heavy -> seq_cst",
       "ProgressTable::leave lock: dropped", "ProgressTable::leave store: release -> relaxed",
       "Sequencer::state load: acquire -> relaxed", "lambda lock: dropped #2",
       "lambda store: release -> relaxed #4", "Sequencer::room_end fence_light: dropped"});
}

}  // namespace
}  // namespace annulet::ring
