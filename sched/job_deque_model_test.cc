// Model tests of JobDeque and its jobs: every interleaving, and every access weakened.
#include <atomic>
#include <cstdint>
#include <iostream>
#include <vector>

#include "annulet/sched/internal/job_deque.h"
#include "annulet/testing/model_check.h"
#include "annulet/wait/deadline.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace annulet::sched::internal {
namespace {

using model_check::ensure;
using model_check::ModelSync;
using model_check::run_threads;

// What the owner wrote before the fork must be visible to whoever runs the job, and what the job
// writes to the owner afterwards.
struct TestJob : BasicJob<ModelSync> {
  explicit TestJob(int value) : BasicJob(&run), argument(value) {}

  static bool run(BasicJob& job) noexcept {
    auto& self = static_cast<TestJob&>(job);
    self.result.write() += self.argument.read();
    return false;
  }

  ModelSync::cell<int> argument;
  ModelSync::cell<int> result;
};

// The owner's side of fork_join(), in pieces. A job's memory goes at the join.
class Rig {
 public:
  Rig() { model_check::label(deque, "deque"); }

  BasicJobDeque<ModelSync, 4> deque;

  void fork() {
    const int number = static_cast<int>(frames_.size()) + 1;
    frames_.push_back(model_check::create<TestJob>(number));
    ensure(deque.push(frames_.back()), "it is full");
  }
  void fork_and_expose() {
    fork();
    deque.expose();
  }

  void join() {
    TestJob* const job = frames_.back();
    if (deque.take_back()) {
      TestJob::run(*job);
    } else {
      while (!job->ended()) ModelSync::pause();
      deque.drop();
    }
    leave();
  }

  // As join(), asleep meanwhile.
  void join_asleep() {
    TestJob* const job = frames_.back();
    ensure(!deque.take_back(), "nobody has stolen it");
    while (!job->ended()) {
      (void)job->sleep(wait::kNever);
      ModelSync::pause();
    }
    deque.drop();
    leave();
  }

  // The thief's side. False: nothing is public.
  bool steal(uint32_t thief) {
    const auto stolen = deque.steal();
    if (stolen.job == nullptr) return false;
    stolen.job->run_stolen(thief);
    return true;
  }

 private:
  void leave() {
    TestJob* const job = frames_.back();
    ensure(job->result.read() == static_cast<int>(frames_.size()), "not run once");
    frames_.pop_back();
    model_check::destroy(job);
  }

  std::vector<TestJob*> frames_;
};

void last_job() {
  Rig rig;
  run_threads({
      {"owner",
       [&] {
         rig.fork_and_expose();
         rig.join();
         rig.fork_and_expose();
         rig.join();
       }},
      {"thief",
       [&] {
         rig.steal(0);
         rig.steal(0);
       }},
  });
}

void split_grows() {
  Rig rig;
  run_threads({
      {"owner",
       [&] {
         rig.fork_and_expose();
         rig.fork_and_expose();
         rig.join();
         rig.join();
       }},
      {"thief",
       [&] {
         rig.steal(0);
         rig.steal(0);
       }},
  });
}

// Three jobs, of which the thief may get two; the owner takes some back, and reuses their places.
void split_shrinks() {
  Rig rig;
  run_threads({
      {"owner",
       [&] {
         rig.fork();
         rig.fork();
         rig.fork_and_expose();
         rig.join();
         rig.join();
         rig.fork_and_expose();
         rig.join();
         rig.join();
       }},
      {"thief",
       [&] {
         rig.steal(0);
         rig.steal(0);
       }},
  });
}

void two_thieves() {
  Rig rig;
  run_threads({
      {"owner",
       [&] {
         rig.fork();
         rig.fork();
         rig.fork_and_expose();
         rig.join();
         rig.join();
         rig.join();
       }},
      {"one", [&] { rig.steal(0); }},
      {"other", [&] { rig.steal(1); }},
  });
}

// Forks above a stolen job, as of jobs that the owner runs while it waits, use the places above it.
void forks_above_a_stolen_job() {
  Rig rig;
  run_threads({
      {"owner",
       [&] {
         rig.fork_and_expose();
         if (rig.deque.has_public()) return rig.join();
         rig.fork_and_expose();
         rig.join();
         rig.join();
       }},
      {"thief",
       [&] {
         rig.steal(0);
         rig.steal(0);
       }},
  });
}

void owner_sleeps() {
  Rig rig;
  rig.fork_and_expose();
  run_threads({
      {"owner",
       [&] {
         while (rig.deque.has_public()) ModelSync::pause();
         rig.join_asleep();
       }},
      {"thief", [&] { ensure(rig.steal(0), "nobody else could take it"); }},
  });
}

void thief_is_known() {
  Rig rig;
  TestJob job(1);
  ensure(rig.deque.push(&job), "it is full");
  rig.deque.expose();
  run_threads({
      {"owner",
       [&] {
         const auto thief = job.thief();
         ensure(!thief || *thief == 7, "another one");
       }},
      {"thief", [&] { rig.steal(7); }},
  });
  ensure(job.ended() && !job.threw() && !job.thief(), "it has not ended");
}

// A thief that sleeps when nothing is public, and an owner that exposes only when asked.
struct Sleeper {
  Rig rig;
  ModelSync::atomic<uint32_t> asleep{0};  // a wake-up in small: 1 while the thief sleeps or may

  // As ForkJoinDomain::maybe_has_work() and the loop around it.
  void steal_one() {
    while (!rig.steal(0)) {
      asleep.store(1, std::memory_order_relaxed);
      ModelSync::fence(std::memory_order_seq_cst);
      rig.deque.request();
      if (!rig.deque.has_public()) ModelSync::futex_wait(asleep, 1, wait::kNever);
    }
  }
  void fork_when_asked() {
    while (!rig.deque.wanted()) ModelSync::pause();
    rig.fork_and_expose();
    ModelSync::fence(std::memory_order_seq_cst);
    if (asleep.load(std::memory_order_relaxed) == 0) return;
    asleep.store(0, std::memory_order_relaxed);
    ModelSync::futex_wake(asleep, 1);
  }
};

void sleeping_thief_is_woken() {
  Sleeper sleeper;
  run_threads({
      {"owner",
       [&] {
         sleeper.fork_when_asked();
         while (sleeper.rig.deque.has_public()) ModelSync::pause();
         sleeper.rig.join();
       }},
      {"thief", [&] { sleeper.steal_one(); }},
  });
}

// The owner answers somebody's request, and takes its job back, while another thief, which has
// asked too, falls asleep: either that one is woken, or its request stays.
void request_of_another_one() {
  Sleeper sleeper;
  ModelSync::atomic<bool> done{false};
  sleeper.rig.deque.request();
  run_threads({
      {"owner",
       [&] {
         sleeper.fork_when_asked();
         sleeper.rig.join();
         sleeper.fork_when_asked();
         while (!done.load(std::memory_order_relaxed)) ModelSync::pause();
         sleeper.rig.join();
       }},
      {"thief",
       [&] {
         sleeper.steal_one();
         sleeper.rig.deque.request();
         done.store(true, std::memory_order_relaxed);
       }},
  });
}

model_check::Suite suite() {
  model_check::Suite suite("JobDeque", {"annulet/sched/internal/job_deque.h"});
  suite.scenario("owner and thief want the last job", last_job);
  suite.scenario("the split moves up", split_grows);
  suite.scenario("the split moves down", split_shrinks);
  suite.scenario("two thieves", two_thieves);
  suite.scenario("forks above a stolen job", forks_above_a_stolen_job);
  suite.scenario("the owner sleeps until a stolen job has ended", owner_sleeps);
  suite.scenario("the thief of a job is known", thief_is_known);
  suite.scenario("a sleeping thief is woken", sleeping_thief_is_woken);
  suite.scenario("the request of another one", request_of_another_one);
  return suite;
}

TEST(JobDequeModel, RunsEachJobOnceInAnyInterleaving) {
  const model_check::Result result = suite().check();
  EXPECT_TRUE(result.ok()) << result;
  std::cout << result << "\n";
}

TEST(JobDequeModel, EveryOrderIsNeeded) {
  const model_check::MutantReport report = suite().mutants();
  std::cout << report;
  EXPECT_TRUE(report.ok());
  EXPECT_THAT(
      report.names(),
      testing::ElementsAre("BasicJob::run_stolen exchange: release -> relaxed",
                           "BasicJob::run_stolen futex_wake: dropped",
                           "BasicJob::ended load: acquire -> relaxed",
                           "BasicJobDeque::expose store: release -> relaxed",
                           "BasicJobDeque::expose compare_exchange success: release -> relaxed",
                           "BasicJobDeque::steal compare_exchange success: acquire -> relaxed"));
}

}  // namespace
}  // namespace annulet::sched::internal
