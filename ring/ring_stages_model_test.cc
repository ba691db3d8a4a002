// Model tests of consumers that come after others: every interleaving.
#include <string>
#include <utility>

#include "annulet/ring/testing/model.h"
#include "annulet/testing/expect.h"
#include "gtest/gtest.h"

namespace annulet::ring {
namespace {

// The first stage changes what the second one reads, and the producer writes there again.
template <class Producers, class Wait>
void one_after_the_other() {
  ModelRing<Producers> ring({.capacity = 2, .max_consumers = 2});
  auto first = ring.add_consumer();
  auto second = ring.add_consumer({.after = {*first}});
  fill(ring.try_claim(2), 1);
  int digits = 0;
  model_check::run_threads({
      {"producer", [&] { ensure(put<Wait>(ring, 3), "refused"); }},
      {"first",
       [&] {
         for (Event& event : first->take()) ++event.value.write();
         first->release();
       }},
      {"second", [&] { digits = read_events<Wait>(*second, 2); }},
  });
  ensure(digits == 23, "read before the first stage had written");
  ensure(second->take().empty(), "read before the first stage has read");
  {
    const auto gone = *std::move(second);
  }
}

// One event, two who write different parts of it, and one who needs both.
struct Halves {
  ModelSync::cell<int> left;
  ModelSync::cell<int> right;
};
template <class Producers, class Wait>
void one_after_two_others() {
  using HalvesRing = Ring<Halves, Producers, Slots, ModelSync>;
  HalvesRing ring({.capacity = 2, .max_consumers = 3});
  auto left = ring.add_consumer();
  auto right = ring.add_consumer();
  auto both = ring.add_consumer({.after = {*left, *right}});
  ring.try_claim().publish();
  int sum = 0;
  model_check::run_threads({
      {"left",
       [&] {
         left->take()[0].left.write() = 1;
         left->release();
       }},
      {"right",
       [&] {
         right->take()[0].right.write() = 2;
         right->release();
       }},
      {"both",
       [&] {
         Wait strategy;
         ensure(both->wait(strategy) == Wake::kReady, "the ring ended too early");
         const auto batch = both->take();
         sum = batch[0].left.read() + batch[0].right.read();
         both->release();
       }},
  });
  ensure(sum == 3, "read before both had written");
  {
    const auto gone = *std::move(both);
  }
}

// Who joins after one that lags behind him waits for that one.
template <class Producers>
void joins_after_one_that_lags() {
  ModelRing<Producers> ring({.capacity = 2, .max_consumers = 2});
  auto first = ring.add_consumer();
  put(ring, 1);
  auto second = ring.add_consumer({.after = {*first}});
  ensure(second->take().empty(), "read what was before it");
  put(ring, 2);
  ensure(second->take().empty(), "read before the first stage");
  int digits = 0;
  model_check::run_threads({
      {"first", [&] { read_some(*first, digits); }},
      {"second", [&] { ensure(read_events<BlockModel>(*second, 1) == 2, "not what came"); }},
  });
  {
    const auto gone = *std::move(second);
  }
}

enum class Last { kPublished, kCancelled, kRefused };

// The second stage ends when the first one has nothing more to hand on. It may have gone to sleep
// after the close, while a claim was open.
template <class Producers>
void the_second_stage_ends(Last last) {
  ModelRing<Producers> ring({.capacity = 2, .max_consumers = 2});
  auto first = ring.add_consumer();
  auto second = ring.add_consumer({.after = {*first}});
  int digits = 0;
  model_check::run_threads({
      {"producer and first",
       [&] {
         {
           auto claim = ring.try_claim();
           if (last != Last::kRefused) ring.close();
           if (last == Last::kPublished) fill(std::move(claim), 1);
         }
         // Several producers leave it to the first stage to pass over what was cancelled.
         read_some(*first, digits);
       }},
      {"second",
       [&] {
         if (last == Last::kRefused) ring.close();
         digits = read_to_end<BlockModel>(*second);
       }},
  });
  {
    const auto gone = *std::move(second);
  }
}

// An event's mark is seen before the producer's count: the second stage may have handled the last
// event, and be asleep at the bell of the first one, when the count comes.
void the_second_stage_ends_before_the_count() {
  ModelRing<SingleProducer> ring({.capacity = 2, .max_consumers = 2});
  auto first = ring.add_consumer();
  auto second = ring.add_consumer({.after = {*first}});
  auto claim = ring.try_claim();
  ring.close();
  int digits = 0;
  model_check::run_threads({
      {"producer", [&] { fill(std::move(claim), 1); }},
      {"first", [&] { read_events<BlockModel>(*first, 1); }},
      {"second", [&] { digits = read_to_end<BlockModel>(*second); }},
  });
  ensure(digits == 1, "lost what was claimed");
  {
    const auto gone = *std::move(second);
  }
}

void halt_ends_the_second_stage() {
  ModelRing<SingleProducer> ring({.capacity = 2, .max_consumers = 2});
  auto first = ring.add_consumer();
  auto second = ring.add_consumer({.after = {*first}});
  put(ring, 1);
  model_check::run_threads({
      {"halter", [&] { ring.halt(); }},
      {"second", [&] { ensure(read_to_end<BlockModel>(*second) == 0, "nothing was there"); }},
  });
  {
    const auto gone = *std::move(second);
  }
}

void stop_ends_one_consumer(bool second_stage) {
  ModelRing<SingleProducer> ring({.capacity = 2, .max_consumers = 2});
  auto first = ring.add_consumer();
  auto second = ring.add_consumer({.after = {*first}});
  auto& consumer = second_stage ? *second : *first;
  model_check::run_threads({
      {"stopper", [&] { consumer.stop(); }},
      {"consumer", [&] { ensure(read_to_end<BlockModel>(consumer) == 0, "nothing was there"); }},
  });
  {
    const auto gone = *std::move(second);
  }
}

model_check::Suite suite() {
  model_check::Suite suite("RingStages", {});
  suite.scenario("one after the other", one_after_the_other<SingleProducer, PauseModel>);
  suite.scenario("one after the other, asleep", one_after_the_other<SingleProducer, BlockModel>);
  suite.scenario("one after the other, several producers",
                 one_after_the_other<MultiProducer, PauseModel>);
  suite.scenario("one after two others", one_after_two_others<SingleProducer, BlockModel>);
  suite.scenario("one after two others, several producers",
                 one_after_two_others<MultiProducer, PauseModel>);
  suite.scenario("joins after one that lags", joins_after_one_that_lags<SingleProducer>);
  suite.scenario("joins after one that lags, several producers",
                 joins_after_one_that_lags<MultiProducer>);
  for (const Last last : {Last::kPublished, Last::kCancelled, Last::kRefused}) {
    const std::string how = last == Last::kPublished   ? "a publication"
                            : last == Last::kCancelled ? "a cancelled claim"
                                                       : "a claim that may be refused";
    suite.scenario("ends after " + how, [=] { the_second_stage_ends<SingleProducer>(last); });
    suite.scenario("ends after " + how + ", several producers",
                   [=] { the_second_stage_ends<MultiProducer>(last); });
  }
  suite.scenario("ends before the count", the_second_stage_ends_before_the_count);
  suite.scenario("halt() ends it", halt_ends_the_second_stage);
  suite.scenario("stop() ends the first one", [] { stop_ends_one_consumer(false); });
  suite.scenario("stop() ends the second one", [] { stop_ends_one_consumer(true); });
  return suite;
}

TEST(RingStagesModel, GoOnInOrderAndLoseNoWakeUpInAnyInterleaving) {
  model_check::expect_no_failure(suite());
}

}  // namespace
}  // namespace annulet::ring
