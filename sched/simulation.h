// Runs tasks on one thread in an order that a seed decides, on a clock that it moves itself: a
// failing order is found by trying seeds, and replayed by its own.
//
//   Simulation simulation({.seed = 7, .workers = 3});
//   int result = simulation.run(main_task());
//
// Use it in tests of what tasks do to each other between their waits: lost updates, forgotten
// wake-ups, time-outs that meet answers, waits for each other. It is a real Scheduler with real
// Workers, so spawn(), spawn_local(), handles, tokens and sleeps are those of production. Of all
// that is ready it takes any as the next, and so finds orders that real workers take only under
// odd loads; or, where fairness is the question, it keeps to the workers' own order
// (SimulatedOrder). With nothing ready the clock jumps to the next timer, so a sleep of a day takes
// microseconds. for_each_seed.h tries seeds.
// Not for data races or orders of memory, for a turn is never interrupted: ThreadSanitizer and the
// model checker are. Not for I/O, nor for how workers sleep and are woken. run_blocking() finds no
// pool and is FailedPrecondition: what blocks is replaced by a double that sleeps. fork_join() of
// functions and what is made of it run in place; of two tasks the second begins when the first ends
// or waits. A run repeats itself if the tasks do: they must not ask the real clock (now() and
// sleep_for() are the simulation's), random numbers but random(), addresses, or another thread.
// Cost: a turn about 0.1 us, a simulation about 1 us, on top of what the tasks do.
// Threads: the one that made it. A post from any other thread, be it a spawn, a wake-up or a
// cancel, ends the program.
// Lifetime: outlives its tasks. Those that are left waiting by a deadlock or at the limit are left
// for ever.
// Source: FoundationDB's simulation; the random walk of the literature on stateless model checking.
#ifndef ANNULET_SCHED_SIMULATION_H_
#define ANNULET_SCHED_SIMULATION_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/log/check.h"
#include "absl/status/statusor.h"
#include "annulet/sched/options.h"
#include "annulet/sched/scheduler.h"
#include "annulet/task/spawn.h"
#include "annulet/task/task.h"
#include "annulet/wait/deadline.h"

namespace annulet::sched {

// What a seed decides about the order.
enum class SimulatedOrder {
  // Everything. In each turn any of the tasks that are ready runs, whatever their priorities and
  // for
  // how long they have been, a shared one on any worker; sometimes a wait suspends that was over
  // before it began (task/budget.h).
  kAny,
  // Which worker has the next turn, and from whom it steals. What it runs then, how much it steals,
  // and when it looks at its timers and at what came from outside, follows the workers' own rules:
  // priorities by weight, first in, first out (internal/ready_set.h, worker.h). For tests of who
  // waits how long, counted in turns. A worker that could do something may be passed over as often
  // as the seed likes.
  kByPriority,
};

// One choice of a Simulation.
struct SimulatedTurn {
  uint64_t number;    // 0 is the first
  wait::Deadline at;  // the simulation's time
  size_t worker;      // where it runs
  // How many there were to choose from: tasks, or under kByPriority workers that could run one.
  size_t ready;
  size_t chosen;     // which of them, in an order that has no meaning but is always the same
  const char* name;  // the task's, or null
};

struct SimulationOptions {
  uint64_t seed = 1;
  size_t workers = 2;  // what spawn_local() and tasks of a worker distinguish; at least 1
  SimulatedOrder order = SimulatedOrder::kAny;
  SchedulerOptions scheduler;  // for kByPriority; `seed` above takes the place of its own
  // Turns after which the simulation counts as livelocked.
  uint64_t max_turns = 1'000'000;
  // Each turn takes a random time up to this. With 0 time stands still while anything is ready.
  std::chrono::nanoseconds longest_turn{1000};
  // Before each turn, to be printed or compared. Must not throw. Empty costs nothing.
  std::function<void(const SimulatedTurn&)> on_turn;
};

class Simulation {
 public:
  // What run() throws when not every task has ended.
  class Stuck : public std::runtime_error {
   public:
    Stuck(const std::string& what, uint64_t tasks) : std::runtime_error(what), tasks_(tasks) {}
    // How many spawned tasks, the main one included, have not ended.
    uint64_t tasks() const { return tasks_; }

   private:
    uint64_t tasks_;
  };
  // Nothing is ready and nothing sleeps.
  class Deadlock : public Stuck {
    using Stuck::Stuck;
  };
  // SimulationOptions::max_turns are over.
  class Livelock : public Stuck {
    using Stuck::Stuck;
  };

  // Where the clock begins.
  static constexpr wait::Deadline kStart{std::chrono::hours(24)};

  explicit Simulation(const SimulationOptions& options = {});
  ~Simulation();
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  // Runs `main_task` and all that it and others spawn to their end. Returns the main task's result,
  // or rethrows what ended it; if that ended well, or not at all, throws Deadlock or Livelock when
  // a task cannot end. May be called again, for as long as it has thrown neither; the clock runs
  // on. Not in a task.
  template <class T>
  T run(task::Task<T> main_task) {
    absl::StatusOr<task::JoinHandle<T>> handle = task::spawn(scheduler(), std::move(main_task));
    CHECK_OK(handle.status()) << "Simulation::run";
    const std::exception_ptr stuck = run_all();
    if (!handle->done()) std::rethrow_exception(stuck);
    if constexpr (std::is_void_v<T>) {
      (*std::move(handle)).join();
      if (stuck != nullptr) std::rethrow_exception(stuck);
    } else {
      T result = (*std::move(handle)).join();
      if (stuck != nullptr) std::rethrow_exception(stuck);
      return result;
    }
  }

  wait::Deadline now() const;

  // A number below `below`, which is not 0: for whatever else shall vary from seed to seed, such as
  // how long a double takes to answer, or whether it fails.
  uint64_t random(uint64_t below);

  // For task::spawn(simulation.scheduler().worker(1), ...), and to be closed. What is spawned from
  // outside before run() runs in it.
  Scheduler& scheduler();

  // How many turns there have been, and a hash of all that was chosen in them. Runs that did the
  // same have the same.
  uint64_t turns() const;
  uint64_t fingerprint() const;

 private:
  class Machine;

  // Null when every task has ended, else why not.
  std::exception_ptr run_all();

  const std::shared_ptr<Machine> machine_;
};

}  // namespace annulet::sched

#endif  // ANNULET_SCHED_SIMULATION_H_
