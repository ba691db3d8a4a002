// Model tests of the count of live tasks: every interleaving, and every access weakened.
#include <array>

#include "annulet/sched/internal/live_count.h"
#include "annulet/testing/expect.h"
#include "annulet/testing/model_check.h"
#include "gtest/gtest.h"

namespace annulet::sched::internal {
namespace {

using model_check::ModelSync;

struct Workers {
  BasicIntake<ModelSync> intake;
  std::array<BasicTally<ModelSync>, 2> tallies;
  std::array<ModelSync::cell<bool>, 3> done;  // what each task did
  ModelSync::atomic<int> handed_over{0};      // a task on its way to the second worker

  uint64_t live() const {
    return live_tasks(intake, tallies, [](const auto& tally) -> const auto& { return tally; });
  }

  void wait_until_idle() {
    intake.close();
    while (live() != 0) ModelSync::yield();
  }
};

// A task on the first worker starts one on the second and ends; the first may end last.
void a_task_starts_another() {
  Workers workers;
  model_check::ensure(workers.intake.begin(), "refused though open");
  model_check::run_threads({
      {"first",
       [&] {
         workers.tallies[0].begin();
         workers.handed_over.store(1, std::memory_order_release);
         workers.done[0].write() = true;
         workers.tallies[0].end();
       }},
      {"second",
       [&] {
         while (workers.handed_over.load(std::memory_order_acquire) == 0) ModelSync::yield();
         workers.done[1].write() = true;
         workers.tallies[1].end();
       }},
      {"closer",
       [&] {
         workers.wait_until_idle();
         model_check::ensure(workers.done[0].read() && workers.done[1].read(), "a task lives");
       }},
  });
}

// A task from outside is refused, or waited for.
void a_task_comes_from_outside() {
  Workers workers;
  bool accepted = false;
  model_check::run_threads({
      {"outside",
       [&] {
         accepted = workers.intake.begin();
         workers.handed_over.store(accepted ? 1 : 2, std::memory_order_release);
       }},
      {"worker",
       [&] {
         while (workers.handed_over.load(std::memory_order_acquire) == 0) ModelSync::yield();
         if (workers.handed_over.load(std::memory_order_relaxed) == 2) return;
         workers.done[2].write() = true;
         workers.tallies[1].end();
       }},
      {"closer",
       [&] {
         workers.wait_until_idle();
         const bool nothing_came = workers.intake.begun() == 0;
         model_check::ensure(nothing_came || workers.done[2].read(), "a task lives");
         model_check::ensure(!workers.intake.begin(), "accepted though closed");
       }},
  });
}

model_check::Suite suite() {
  model_check::Suite suite("LiveCount", {"annulet/sched/internal/live_count.h"});
  suite.scenario("a task starts another and may end before or after it", a_task_starts_another);
  suite.scenario("a task from outside meets the closing", a_task_comes_from_outside);
  return suite;
}

TEST(LiveCountModel, IsNotZeroWhileATaskLivesInAnyInterleaving) {
  model_check::expect_no_failure(suite());
}

TEST(LiveCountModel, EveryOrderIsNeeded) {
  model_check::expect_all_killed(suite(), {"BasicTally::ended load: acquire -> relaxed",
                                           "BasicTally::increase store: release -> relaxed"});
}

}  // namespace
}  // namespace annulet::sched::internal
