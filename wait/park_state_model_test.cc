// Model tests of ParkState and ThreadParker: every interleaving, and every access weakened.

#include "annulet/testing/expect.h"
#include "annulet/testing/model_check.h"
#include "annulet/wait/park_state.h"
#include "annulet/wait/thread_parker.h"
#include "gtest/gtest.h"

namespace annulet::wait {
namespace {

using model_check::ModelSync;

// Sleeps until there is a token.
void consume_token(ParkState<ModelSync>& state) {
  do {
    if (state.begin_park()) {
      ModelSync::futex_wait(state.word(), ParkState<ModelSync>::kParked, kNever);
    }
  } while (!state.end_park());
}

void unpark(ParkState<ModelSync>& state) {
  if (state.unpark()) ModelSync::futex_wake(state.word(), 1);
}

model_check::Suite suite() {
  model_check::Suite suite("Parker", {"annulet/wait/park_state.h", "annulet/wait/thread_parker.h"});
  suite.scenario("a token ends a park and hands over what the waker wrote", [] {
    ParkState<ModelSync> state;
    ModelSync::cell<int> gift;
    model_check::label(state, "word");
    model_check::run_threads({
        {"owner",
         [&] {
           consume_token(state);
           model_check::ensure(gift.read() == 1, "a token without its gift");
         }},
        {"waker",
         [&] {
           gift.write() = 1;
           unpark(state);
         }},
    });
  });
  suite.scenario("one token stands for all who left it", [] {
    ParkState<ModelSync> state;
    ModelSync::cell<int> first_gift;
    ModelSync::cell<int> second_gift;
    ModelSync::atomic<int> left{0};  // hands nothing over
    model_check::run_threads({
        {"owner",
         [&] {
           while (left.load(std::memory_order_relaxed) < 2) ModelSync::yield();
           consume_token(state);
           model_check::ensure(first_gift.read() + second_gift.read() == 3, "a gift is missing");
         }},
        {"first",
         [&] {
           first_gift.write() = 1;
           unpark(state);
           left.fetch_add(1, std::memory_order_relaxed);
         }},
        {"second",
         [&] {
           second_gift.write() = 2;
           unpark(state);
           left.fetch_add(1, std::memory_order_relaxed);
         }},
    });
  });
  suite.scenario("a parker may go once the thread that it woke has returned", [] {
    ModelSync::atomic<int> condition{0};
    BasicThreadParker<ModelSync> parker;
    model_check::run_threads({
        {"owner",
         [&] {
           while (condition.load(std::memory_order_relaxed) == 0) parker.park(kNever);
         }},
        {"waker",
         [&] {
           condition.store(1, std::memory_order_relaxed);
           parker.unpark();
         }},
    });
  });
  suite.scenario("a deadline ends a park that nobody ends", [] {
    BasicThreadParker<ModelSync> parker;
    model_check::run_threads({{"owner", [&] { parker.park(Deadline()); }}});
  });
  return suite;
}

TEST(ParkerModel, LosesNoTokenInAnyInterleaving) { model_check::expect_no_failure(suite()); }

TEST(ParkerModel, EveryOrderAndWakeUpIsNeeded) {
  model_check::expect_all_killed(suite(), {"ParkState::end_park exchange: acquire -> relaxed",
                                           "ParkState::unpark exchange: release -> relaxed",
                                           "BasicThreadParker::unpark futex_wake: dropped"});
}

}  // namespace
}  // namespace annulet::wait
