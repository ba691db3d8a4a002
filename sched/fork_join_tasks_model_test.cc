// Model tests of the fork of two tasks: a double of its end and of the worker's loop, on the
// structures that they stand on. A task is a place for its result, and a parent ends with its
// frame.
#include <array>
#include <atomic>
#include <coroutine>
#include <cstddef>

#include "annulet/sched/internal/idle_set.h"
#include "annulet/sched/internal/job_deque.h"
#include "annulet/sched/run_queue.h"
#include "annulet/task/internal/fork.h"
#include "annulet/testing/expect.h"
#include "annulet/testing/model_check.h"
#include "annulet/wait/deadline.h"
#include "annulet/wait/thread_parker.h"
#include "gtest/gtest.h"

namespace annulet::sched::internal {
namespace {

using model_check::ensure;
using model_check::ModelSync;

struct Parent;

struct Child {
  Parent* parent = nullptr;
  ModelSync::cell<bool> ran;
};

using Fork = task::internal::BasicFork<Child, ModelSync>;
using ForkList = task::internal::BasicForkList<Child, ModelSync>;

struct Parent {
  Parent() {
    second.parent = this;
    fork.begin(std::noop_coroutine(), second);
  }

  Fork fork;
  ModelSync::cell<bool> first_ran;
  Child second;
};

class Crew {
 public:
  struct Worker {
    ForkList forks;
    RunQueue<Child*, 4, ModelSync> ready;
  };

  explicit Crew(int forks) : left_(forks) {}

  std::array<Worker, 2> workers;

  // The first task begins, and forks itself or waits or ends.
  Parent* fork(size_t me) {
    auto* const parent = model_check::create<Parent>();
    workers[me].forks.push(parent->fork);
    return parent;
  }

  // As share(): the oldest one.
  void release_oldest(size_t me) { post(me, workers[me].forks.take_oldest()); }

  // As run() of the worker's context, behind a turn.
  void back_in_the_loop(size_t me) {
    while (Fork* const fork = workers[me].forks.take_oldest()) post(me, fork);
  }

  // As end_first().
  void end_first(size_t me, Parent* parent) {
    parent->first_ran.write() = true;
    if (workers[me].forks.take_newest(parent->fork)) {
      Child& second = parent->fork.second();
      second.ran.write() = true;
      return resume(parent);
    }
    if (parent->fork.group().leave()) resume(parent);
  }

  // Until all have ended: what is ready here or there.
  void run(size_t me) {
    while (left_.load(std::memory_order_relaxed) > 0) {
      Child* child = workers[me].ready.pop();
      if (child == nullptr) child = steal(1 - me);
      if (child != nullptr) {
        end_second(child);
      } else {
        ModelSync::pause();
      }
    }
  }

 private:
  void post(size_t me, Fork* fork) {
    ensure(workers[me].ready.push(&fork->second()), "more than this double has room for");
  }

  Child* steal(size_t victim) {
    std::array<Child*, 1> taken;
    return workers[victim].ready.steal(taken) == 0 ? nullptr : taken[0];
  }

  void end_second(Child* child) {
    Parent* const parent = child->parent;
    child->ran.write() = true;
    if (parent->fork.group().leave()) resume(parent);
  }

  void resume(Parent* parent) {
    ensure(parent->first_ran.read() && parent->second.ran.read(), "one has not run");
    model_check::destroy(parent);
    left_.fetch_sub(1, std::memory_order_relaxed);
  }

  ModelSync::atomic<int> left_;
};

// The first task waits, and is woken on the other worker, before its own has left the turn.
void first_goes_on_elsewhere() {
  Crew crew(1);
  ModelSync::atomic<Parent*> woken{nullptr};
  model_check::run_threads({
      {"one",
       [&] {
         woken.store(crew.fork(0), std::memory_order_release);  // pairs with the load
         crew.back_in_the_loop(0);
         crew.run(0);
       }},
      {"other",
       [&] {
         Parent* parent = nullptr;
         while ((parent = woken.load(std::memory_order_acquire)) == nullptr) ModelSync::pause();
         crew.end_first(1, parent);
         crew.run(1);
       }},
  });
}

void second_is_given_away() {
  Crew crew(1);
  model_check::run_threads({
      {"one",
       [&] {
         Parent* const parent = crew.fork(0);
         crew.release_oldest(0);
         crew.end_first(0, parent);
         crew.back_in_the_loop(0);
         crew.run(0);
       }},
      {"other", [&] { crew.run(1); }},
  });
}

// The inner fork ends in place, the first of the outer one with it.
void oldest_of_two_is_given_away() {
  Crew crew(2);
  model_check::run_threads({
      {"one",
       [&] {
         Parent* const outer = crew.fork(0);
         Parent* const inner = crew.fork(0);
         crew.release_oldest(0);
         crew.end_first(0, inner);
         crew.end_first(0, outer);
         ensure(crew.workers[0].forks.empty(), "a fork is left");
         crew.run(0);
       }},
      {"other", [&] { crew.run(1); }},
  });
}

// Both forks are released one by one, while the inner first goes on elsewhere, and with it the
// outer one.
void two_go_on_elsewhere() {
  Crew crew(2);
  Parent* outer = nullptr;
  ModelSync::atomic<Parent*> woken{nullptr};
  model_check::run_threads({
      {"one",
       [&] {
         outer = crew.fork(0);
         woken.store(crew.fork(0), std::memory_order_release);  // pairs with the load
         crew.back_in_the_loop(0);
         crew.run(0);
       }},
      {"other",
       [&] {
         Parent* inner = nullptr;
         while ((inner = woken.load(std::memory_order_acquire)) == nullptr) ModelSync::pause();
         crew.end_first(1, inner);
         crew.end_first(1, outer);
         crew.run(1);
       }},
  });
}

model_check::Suite forks() {
  model_check::Suite suite("Fork",
                           {"annulet/task/internal/fork.h", "annulet/task/internal/group.h"});
  suite.scenario("the first goes on elsewhere", first_goes_on_elsewhere);
  suite.scenario("the second is given away", second_is_given_away);
  suite.scenario("the oldest of two is given away", oldest_of_two_is_given_away);
  suite.scenario("two go on elsewhere", two_go_on_elsewhere);
  return suite;
}

TEST(ForkModel, RunsBothTasksAndThenTheParentInAnyInterleaving) {
  model_check::expect_no_failure(forks());
}

TEST(ForkModel, EveryOrderIsNeeded) {
  model_check::expect_all_killed(forks(), {"BasicGroup::leave fetch_sub: acq_rel -> acquire",
                                           "BasicGroup::leave fetch_sub: acq_rel -> release"});
}

// --- How a worker that sleeps gets what another one forks. ---

enum class Lowered { kBeforeTheAnswer, kBehindTheAnswer };

class Asking {
 public:
  Asking() { idle_.reset(2); }

  // A worker without work: Worker::sleep(), and what it does when it is woken.
  void take_one() {
    while (!steal()) {
      idle_.announce(1);
      requests_.request();
      if (ready_.empty()) parker_.park(wait::kNever);
      if (idle_.retract(1)) idle_.end_search();
    }
  }
  void ask() { requests_.request(); }

  // offer(), again and again until somebody has asked.
  template <Lowered kLowered>
  void fork_until_wanted() {
    while (!requests_.wanted()) ModelSync::pause();
    if (kLowered == Lowered::kBeforeTheAnswer) requests_.lower_request();
    ensure(ready_.push(&task_), "it is full");
    if (kLowered == Lowered::kBehindTheAnswer) requests_.lower_request();
    idle_.notify([this](size_t) { parker_.unpark(); });
  }
  void wait_until_taken() {
    while (!ready_.empty()) ModelSync::pause();
  }
  void take_back() { (void)ready_.pop(); }

 private:
  bool steal() {
    std::array<int*, 1> taken;
    return ready_.steal(taken) == 1;
  }

  BasicJobDeque<ModelSync, 1> requests_;
  RunQueue<int*, 4, ModelSync> ready_;
  BasicIdleSet<ModelSync> idle_;
  wait::BasicThreadParker<ModelSync> parker_;
  int task_ = 0;
};

template <Lowered kLowered>
void sleeper_gets_a_fork() {
  Asking asking;
  model_check::run_threads({
      {"owner",
       [&] {
         asking.fork_until_wanted<kLowered>();
         asking.wait_until_taken();
       }},
      {"sleeper", [&] { asking.take_one(); }},
  });
}

// The owner answers somebody else's request and runs that task itself, while the sleeper asks, too:
// its request stays, or it has been woken.
template <Lowered kLowered>
void answer_to_another_one() {
  Asking asking;
  asking.ask();
  ModelSync::atomic<bool> done{false};
  model_check::run_threads({
      {"owner",
       [&] {
         asking.fork_until_wanted<kLowered>();
         asking.take_back();
         asking.fork_until_wanted<kLowered>();
         while (!done.load(std::memory_order_relaxed)) ModelSync::pause();
       }},
      {"sleeper",
       [&] {
         asking.take_one();
         asking.ask();
         done.store(true, std::memory_order_relaxed);
       }},
  });
}

template <Lowered kLowered>
model_check::Suite requests() {
  model_check::Suite suite("Request", {"annulet/sched/internal/job_deque.h"}, {.spurious = 0});
  suite.scenario("a sleeper gets a fork", sleeper_gets_a_fork<kLowered>);
  suite.scenario("an answer to another one", answer_to_another_one<kLowered>);
  return suite;
}

TEST(ForkRequestModel, NobodySleepsBesideForksInAnyInterleaving) {
  model_check::expect_no_failure(requests<Lowered::kBeforeTheAnswer>());
}

TEST(ForkRequestModel, ARequestThatIsLoweredBehindTheAnswerIsLost) {
  EXPECT_FALSE(requests<Lowered::kBehindTheAnswer>().check().ok());
}

}  // namespace
}  // namespace annulet::sched::internal
