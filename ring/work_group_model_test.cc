// Model tests of work groups: every interleaving, and every access weakened.
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "annulet/ring/ring.h"
#include "annulet/ring/testing/model.h"
#include "annulet/ring/work_group.h"
#include "annulet/testing/expect.h"
#include "annulet/testing/model_check.h"
#include "gtest/gtest.h"

namespace annulet::ring {
namespace {

using model_check::Suite;

// Takes one event if there is one; returns its value, or 0.
template <class Worker>
int work_once(Worker& worker) {
  const auto batch = worker.take();
  const int value = batch.empty() ? 0 : batch[0].value.read();
  if (!batch.empty()) worker.release();
  return value;
}

// Handles events until the ring has ended. Returns the sum of their values.
template <class Wait, class Worker>
int work(Worker& worker) {
  Wait strategy;
  int sum = 0;
  while (worker.wait(strategy) == Wake::kReady) sum += work_once(worker);
  return sum;
}

// Two workers share two events of a ring that is full.
template <class Producers>
void two_workers_share() {
  ModelRing<Producers> ring({.capacity = 2, .max_consumers = 3});
  auto group = *ring.add_work_group({.workers = 2});
  put(ring, 1);
  put(ring, 2);
  int first = 0;
  int second = 0;
  model_check::run_threads({
      {"first", [&] { first = work_once(group.worker(0)); }},
      {"second", [&] { second = work_once(group.worker(1)); }},
  });
  ensure(first + second == 3, "an event was lost or handled twice");
}

// The producer overwrites an event only when its worker has released it.
template <class Producers>
void producer_goes_round() {
  ModelRing<Producers> ring({.capacity = 2, .max_consumers = 3});
  auto group = *ring.add_work_group({.workers = 2});
  put(ring, 1);
  put(ring, 2);
  int sum = 0;
  model_check::run_threads({
      {"producer", [&] { fill(ring.try_claim(), 4); }},
      {"first", [&] { sum += work_once(group.worker(0)); }},
      {"second", [&] { work_once(group.worker(1)); }},
  });
}

// Who comes after the group reads what both workers wrote.
template <class Producers>
void stage_after_a_group() {
  ModelRing<Producers> ring({.capacity = 2, .max_consumers = 4});
  auto group = *ring.add_work_group({.workers = 2});
  auto after = *ring.add_consumer({.after = {group}});
  put(ring, 1);
  put(ring, 2);
  const auto raise = [](auto& worker) {
    for (Event& event : worker.take()) event.value.write() += 10;
    worker.release();
  };
  model_check::run_threads({
      {"first", [&] { raise(group.worker(0)); }},
      {"second", [&] { raise(group.worker(1)); }},
      {"after",
       [&] {
         for (const Event& event : after.take()) {
           ensure(event.value.read() > 10, "before the group");
         }
         after.release();
       }},
  });
}

// A worker that sleeps is woken by a publication, and by the end.
void worker_sleeps() {
  ModelRing<SingleProducer> ring({.capacity = 2, .max_consumers = 2});
  auto group = *ring.add_work_group({.workers = 1});
  int sum = 0;
  model_check::run_threads({
      {"producer",
       [&] {
         put(ring, 7);
         ring.close();
       }},
      {"worker", [&] { sum = work<BlockModel>(group.worker(0)); }},
  });
  ensure(sum == 7, "the event was not handled");
}

// What one worker learnt to be published, the other reads.
void two_workers_share_a_batch() {
  ModelRing<MultiProducer> ring({.capacity = 2, .max_consumers = 3});
  auto group = *ring.add_work_group({.workers = 2});
  int first = 0;
  int second = 0;
  model_check::run_threads({
      {"producer", [&] { fill(ring.try_claim(2), 1); }},
      {"first", [&] { first = work_once(group.worker(0)); }},
      {"second", [&] { second = work_once(group.worker(1)); }},
  });
  ensure(first == 0 || first != second, "an event was handled twice");
}

// The release of the first event is not lost when the second one is taken.
void worker_goes_on_to_the_next_event() {
  ModelRing<SingleProducer> ring({.capacity = 2, .max_consumers = 2});
  auto group = *ring.add_work_group({.workers = 1});
  put(ring, 1);
  put(ring, 2);
  model_check::run_threads({
      {"producer", [&] { fill(ring.try_claim(), 3); }},
      {"worker",
       [&] {
         work_once(group.worker(0));
         ensure(group.worker(0).take()[0].value.read() == 2, "not the next event");
       }},
  });
  group.worker(0).release();
}

// Both workers meet an event that was cancelled, and go on behind it.
void cancelled_events_are_passed_over() {
  ModelRing<MultiProducer> ring({.capacity = 2, .max_consumers = 3});
  auto group = *ring.add_work_group({.workers = 2});
  ring.claim<PauseModel>().cancel();
  put(ring, 1);
  int first = 0;
  int second = 0;
  model_check::run_threads({
      {"first", [&] { first = work_once(group.worker(0)); }},
      {"second", [&] { second = work_once(group.worker(1)); }},
  });
  ensure(first + second == 1, "the event was lost or handled twice");
}

// Who writes to a cancelled place a lap later comes behind the one that cancelled it.
void cancelled_places_are_written_again() {
  ModelRing<MultiProducer> ring({.capacity = 2, .max_consumers = 2});
  auto group = *ring.add_work_group({.workers = 1});
  model_check::run_threads({
      {"cancels",
       [&] {
         auto claim = ring.try_claim();
         if (!claim) return;
         claim->value.write() = 1;
         claim.cancel();
       }},
      {"worker", [&] { work_once(group.worker(0)); }},
      {"fills", [&] { fill(ring.try_claim(2), 2); }},
  });
}

// A group that joins a full ring is not overrun by a producer that looks for room.
template <class Producers>
void group_joins() {
  ModelRing<Producers> ring({.capacity = 2, .max_consumers = 2});
  put(ring, 1);
  put(ring, 2);
  model_check::run_threads({
      {"producer", [&] { fill(ring.try_claim(), 3); }},
      {"worker",
       [&] {
         auto group = *ring.add_work_group({.workers = 1});
         ensure(work_once(group.worker(0)) == 1, "not from the start");
       }},
  });
}

// The last event is published when the ring is closed already. A worker may find that the other one
// has taken what it was to wait for.
template <class Producers>
void both_workers_end() {
  ModelRing<Producers> ring({.capacity = 2, .max_consumers = 3});
  auto group = *ring.add_work_group({.workers = 2});
  auto claim = ring.try_claim();
  ring.close();
  int first = 0;
  int second = 0;
  model_check::run_threads({
      {"producer and first",
       [&] {
         fill(std::move(claim), 1);
         first = work<BlockModel>(group.worker(0));
       }},
      {"second", [&] { second = work<BlockModel>(group.worker(1)); }},
  });
  ensure(first + second == 1, "the event was lost or handled twice");
}

enum class Sleeper { kProducer, kStage };

// The second worker holds what the first one takes at that moment. It then holds the next event, or
// if the first one has taken that too, nothing. Who saw the first hold may be asleep at its bell.
template <Sleeper kSleeper>
void a_hold_was_in_vain(size_t taken_by_first) {
  using TestRing = ModelRing<SingleProducer>;
  TestRing ring({.capacity = 2, .max_consumers = 4});
  auto group = *ring.add_work_group({.workers = 2});
  std::optional<TestRing::Consumer> after;
  if (kSleeper == Sleeper::kStage) after.emplace(*ring.add_consumer({.after = {group}}));
  put(ring, 1);
  put(ring, 2);
  model_check::run_threads({
      {"first and sleeper",
       [&] {
         group.worker(0).take(taken_by_first);
         group.worker(0).release();
         if (kSleeper == Sleeper::kProducer) put<BlockModel>(ring, 3);
         if (kSleeper == Sleeper::kStage) read_events<BlockModel>(*after, 1);
       }},
      {"second",
       [&] {
         const auto batch = group.worker(1).take();
         if (!batch.empty() && batch.sequence() == 0) group.worker(1).release();
       }},
  });
}

// The producer sleeps at the bell of a group, or of a worker, that leaves with what it has taken.
void a_hold_goes_with_the_group() {
  ModelRing<SingleProducer> ring({.capacity = 2, .max_consumers = 2});
  std::optional group = *ring.add_work_group({.workers = 1});
  put(ring, 1);
  put(ring, 2);
  model_check::run_threads({
      {"producer", [&] { ensure(put<BlockModel>(ring, 3), "refused"); }},
      {"worker",
       [&] {
         group->worker(0).take();
         group.reset();
       }},
  });
}

Suite work_groups() {
  Suite suite("work groups", {"annulet/ring/internal/work_share.h", "annulet/ring/work_group.h"});
  suite.scenario("two workers share", two_workers_share<SingleProducer>);
  suite.scenario("two workers share what several produced", two_workers_share<MultiProducer>);
  suite.scenario("two workers share a batch", two_workers_share_a_batch);
  suite.scenario("a producer goes round", producer_goes_round<SingleProducer>);
  suite.scenario("a worker goes on to the next event", worker_goes_on_to_the_next_event);
  suite.scenario("a stage after a group", stage_after_a_group<SingleProducer>);
  suite.scenario("a worker sleeps", worker_sleeps);
  suite.scenario("both workers end", both_workers_end<SingleProducer>);
  suite.scenario("both workers end, several producers", both_workers_end<MultiProducer>);
  for (const size_t taken : {1, 2}) {
    const std::string what = taken == 1 ? "a hold rises" : "a hold is given up";
    suite.scenario(what + " before the producer",
                   [=] { a_hold_was_in_vain<Sleeper::kProducer>(taken); });
    suite.scenario(what + " before a stage", [=] { a_hold_was_in_vain<Sleeper::kStage>(taken); });
  }
  suite.scenario("a hold goes with the group", a_hold_goes_with_the_group);
  suite.scenario("cancelled events are passed over", cancelled_events_are_passed_over);
  suite.scenario("cancelled places are written again", cancelled_places_are_written_again);
  suite.scenario("a group joins", group_joins<SingleProducer>);
  suite.scenario("a group joins several producers", group_joins<MultiProducer>);
  return suite;
}

TEST(WorkGroupModel, EachEventGoesToOneWorkerInEveryInterleaving) {
  model_check::expect_no_failure(work_groups());
}

TEST(WorkGroupModel, EveryOrderIsNeeded) {
  model_check::expect_all_killed(
      work_groups(), {"lambda compare_exchange success: release -> relaxed",
                      "WorkShare::follow_marks load: acquire -> relaxed",
                      "WorkShare::follow_marks compare_exchange success: release -> relaxed",
                      "WorkShare::pass_over compare_exchange success: release -> relaxed"});
}

}  // namespace
}  // namespace annulet::ring
