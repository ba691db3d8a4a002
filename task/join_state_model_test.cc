// Model tests of JoinState and JoinLatch: every interleaving, and every access weakened.

#include "annulet/task/internal/join_state.h"
#include "annulet/testing/expect.h"
#include "annulet/testing/model_check.h"
#include "gtest/gtest.h"

namespace annulet::task::internal {
namespace {

using model_check::ModelSync;

constexpr wait::Deadline kPast{};

struct alignas(8) Waiter {
  ModelSync::cell<int> prepared;
};

// A spawned task's frame.
struct Frame {
  BasicJoinState<Waiter, ModelSync> join;
  ModelSync::cell<int> result;

  // What the loop does at the task's end. Returns the task to be posted, if one waits.
  Waiter* finish() {
    result.write() = 7;
    const auto finish = join.finish();
    if (finish.thread != nullptr) finish.thread->open();
    if (finish.detached) model_check::destroy(this);
    return finish.task;
  }
};

Frame* spawn() {
  Frame* const frame = model_check::create<Frame>();
  frame->join.set_spawned(false);
  return frame;
}

void take_result_and_free(Frame* frame) {
  model_check::ensure(frame->result.read() == 7, "the result is missing");
  model_check::destroy(frame);
}

void add_threads_that_wait(model_check::Suite& suite) {
  suite.scenario("a thread waits and the latch goes with its frame", [] {
    Frame* const frame = spawn();
    model_check::run_threads({
        {"loop", [&] { frame->finish(); }},
        {"handle",
         [&] {
           model_check::ensure(frame->join.wait_until(wait::kNever), "it has not ended");
           take_result_and_free(frame);
         }},
    });
  });
  suite.scenario("a thread gives up and tries again", [] {
    Frame* const frame = spawn();
    model_check::run_threads({
        {"loop", [&] { frame->finish(); }},
        {"handle",
         [&] {
           if (!frame->join.wait_until(kPast)) {
             model_check::ensure(frame->join.wait_until(wait::kNever), "it has not ended");
           }
           take_result_and_free(frame);
         }},
    });
  });
  suite.scenario("a thread gives up and drops the handle", [] {
    Frame* const frame = spawn();
    model_check::run_threads({
        {"loop", [&] { frame->finish(); }},
        {"handle",
         [&] {
           if (frame->join.wait_until(kPast) || !frame->join.detach()) take_result_and_free(frame);
         }},
    });
  });
}

model_check::Suite suite() {
  model_check::Suite suite("JoinState", {"annulet/task/internal/join_state.h"});
  suite.scenario("a task waits", [] {
    Frame* const frame = spawn();
    Waiter waiter;
    int resumed = 0;
    model_check::run_threads({
        {"loop",
         [&] {
           // Posting hands over; here the waiter goes on at once.
           if (Waiter* const woken = frame->finish()) {
             model_check::ensure(woken->prepared.read() == 5, "the waiter was not ready");
             take_result_and_free(frame);
             ++resumed;
           }
         }},
        {"handle",
         [&] {
           waiter.prepared.write() = 5;
           if (!frame->join.wait(&waiter)) take_result_and_free(frame);
         }},
    });
  });
  add_threads_that_wait(suite);
  suite.scenario("nobody waits and exactly one side frees the frame", [] {
    Frame* const frame = spawn();
    model_check::run_threads({
        {"loop", [&] { frame->finish(); }},
        {"handle",
         [&] {
           if (!frame->join.detach()) take_result_and_free(frame);
         }},
    });
  });
  suite.scenario("the handle looks whether the task is done", [] {
    Frame* const frame = spawn();
    model_check::run_threads({
        {"loop", [&] { frame->finish(); }},
        {"handle",
         [&] {
           while (!frame->join.done()) ModelSync::yield();
           take_result_and_free(frame);
         }},
    });
  });
  return suite;
}

TEST(JoinStateModel, HandsTheResultOverOnceInAnyInterleaving) {
  model_check::expect_no_failure(suite());
}

TEST(JoinStateModel, EveryOrderAndWakeUpIsNeeded) {
  model_check::expect_all_killed(
      suite(),
      {"BasicJoinLatch::wait load: acquire -> relaxed",
       "BasicJoinLatch::open store: release -> relaxed", "BasicJoinLatch::open futex_wake: dropped",
       "BasicJoinState::finish exchange: acq_rel -> acquire",
       "BasicJoinState::finish exchange: acq_rel -> release",
       "BasicJoinState::done load: acquire -> relaxed",
       "BasicJoinState::leave compare_exchange success: release -> relaxed",
       "BasicJoinState::leave compare_exchange failure: acquire -> relaxed"});
}

}  // namespace
}  // namespace annulet::task::internal
