// Model tests of CancelState and CancelGuard, a cancel against the end of a wait: every
// interleaving, and every access weakened.
#include <optional>

#include "annulet/task/cancel_guard.h"
#include "annulet/task/inbox.h"
#include "annulet/task/internal/cancel_state.h"
#include "annulet/task/runnable.h"
#include "annulet/testing/expect.h"
#include "annulet/testing/model_check.h"
#include "annulet/wait/thread_parker.h"
#include "gtest/gtest.h"

namespace annulet::task {
namespace {

using model_check::ModelSync;
using CancelState = internal::BasicCancelState<ModelSync>;

// --- CancelState ---

struct Hook : internal::CancelHook {
  Hook() : CancelHook(&run) {}
  static void run(CancelHook* hook) noexcept { ++static_cast<Hook*>(hook)->runs.write(); }
  ModelSync::cell<int> runs;
};

model_check::Suite state_suite() {
  model_check::Suite suite("CancelState", {"annulet/task/internal/cancel_state.h"});
  suite.scenario("who sees the cancel sees what came before it", [] {
    CancelState state;
    ModelSync::cell<int> reason;
    model_check::run_threads({
        {"canceller",
         [&] {
           reason.write() = 3;
           state.cancel();
         }},
        {"observer",
         [&] {
           if (state.cancelled()) model_check::ensure(reason.read() == 3, "no reason");
         }},
    });
  });
  suite.scenario("a hook runs once or is detached, and may go after that", [] {
    CancelState state;
    bool attached = false;
    model_check::run_threads({
        {"canceller", [&] { state.cancel(); }},
        {"waiter",
         [&] {
           Hook hook;
           attached = state.attach(&hook);
           const int expected = attached && !state.detach(&hook) ? 1 : 0;
           model_check::ensure(hook.runs.read() == expected, "the hook ran too often or never");
         }},
    });
    model_check::ensure(state.cancelled(), "not cancelled");
  });
  suite.scenario("two hooks and one cancel", [] {
    CancelState state;
    const auto wait = [&state] {
      Hook hook;
      if (!state.attach(&hook)) return;
      const bool ran = !state.detach(&hook);
      model_check::ensure(hook.runs.read() == (ran ? 1 : 0), "the hook ran too often or never");
    };
    model_check::run_threads(
        {{"canceller", [&] { state.cancel(); }}, {"first", wait}, {"second", wait}});
  });
  suite.scenario("one of two cancellers is the first", [] {
    CancelState state;
    bool first = false;
    bool second = false;
    model_check::run_threads({
        {"one", [&] { first = state.cancel(); }},
        {"other", [&] { second = state.cancel(); }},
    });
    model_check::ensure(first != second, "both or neither were first");
  });
  return suite;
}

TEST(CancelStateModel, RunsEachHookOnceInAnyInterleaving) {
  model_check::expect_no_failure(state_suite());
}

TEST(CancelStateModel, EveryOrderAndLockIsNeeded) {
  model_check::expect_all_killed(
      state_suite(),
      {"BasicCancelState::cancelled load: acquire -> relaxed",
       "BasicCancelState::cancel lock: dropped",
       "BasicCancelState::cancel store: release -> relaxed",
       "BasicCancelState::attach lock: dropped", "BasicCancelState::detach lock: dropped"});
}

// --- CancelGuard: the flags by which a timer or an operation and a cancel agree who ends a wait
// ---

class TestWorker final : public Executor {
 public:
  void post(Runnable* runnable) noexcept override {
    if (inbox_.push(runnable)) {
      parker_.unpark();
      inbox_.woke();
    }
  }
  bool admit() noexcept override { return true; }

  // Runs what has been posted.
  void poll() {
    for (Runnable* runnable = inbox_.take_all(); runnable != nullptr;) {
      auto* const callback = static_cast<CallbackRunnable*>(runnable);
      runnable = runnable->next;
      callback->function(callback);
    }
  }

  void sleep() {
    if (!inbox_.begin_sleep()) return;
    parker_.park(wait::kNever);
    inbox_.end_sleep();
  }

  void quiesce() { inbox_.quiesce(); }

 private:
  Inbox<Runnable, ModelSync> inbox_;
  wait::BasicThreadParker<ModelSync> parker_;
};

// A sleep: ends by its timer or by a cancel, once.
struct Sleep : BasicCancelGuard<ModelSync> {
  Sleep() : BasicCancelGuard(&on_cancel, &on_settled) {}

  static void on_cancel(BasicCancelGuard* guard) noexcept {
    static_cast<Sleep*>(guard)->end("cancelled");
  }
  static void on_settled(BasicCancelGuard* guard) noexcept {
    static_cast<Sleep*>(guard)->end("settled");
  }
  void fire() {
    if (settle()) end("fired");
  }
  void end(const char* how) {
    model_check::ensure(!ended.has_value(), "the wait ended twice");
    ended = how;
  }

  std::optional<std::string> ended;  // the worker's
};

model_check::Suite guard_suite() {
  model_check::Suite suite("CancelGuard",
                           {"annulet/task/internal/cancel_state.h", "annulet/task/cancel_guard.h"});
  suite.scenario("the timer fires while a cancel may be under way", [] {
    CancelState state;
    ModelSync::cell<int> reason;
    TestWorker worker;
    model_check::run_threads({
        {"worker",
         [&] {
           if (state.cancelled()) model_check::ensure(reason.read() == 3, "no reason");
           {
             Sleep sleep;
             if (!sleep.arm(&state, &worker)) {
               sleep.end("not begun");
             } else {
               worker.poll();
               if (!sleep.ended.has_value()) sleep.fire();
             }
             while (!sleep.ended.has_value()) {
               worker.sleep();
               worker.poll();
             }
           }  // the frame goes
           worker.quiesce();
         }},
        {"canceller",
         [&] {
           reason.write() = 3;
           state.cancel();
         }},
    });
  });
  suite.scenario("a sleep without an end is ended by the cancel", [] {
    CancelState state;
    TestWorker worker;
    model_check::run_threads({
        {"worker",
         [&] {
           {
             Sleep sleep;
             if (!sleep.arm(&state, &worker)) sleep.end("not begun");
             while (!sleep.ended.has_value()) {
               worker.poll();
               if (!sleep.ended.has_value()) worker.sleep();
             }
           }  // the frame goes
           worker.quiesce();
         }},
        {"canceller", [&] { state.cancel(); }},
    });
  });
  return suite;
}

TEST(CancelGuardModel, EndsEachWaitOnceInAnyInterleaving) {
  model_check::expect_no_failure(guard_suite());
}

TEST(CancelGuardModel, EveryOrderAndLockIsNeeded) {
  model_check::expect_all_killed(
      guard_suite(),
      {"BasicCancelState::cancelled load: acquire -> relaxed",
       "BasicCancelState::cancel lock: dropped",
       "BasicCancelState::cancel store: release -> relaxed",
       "BasicCancelState::attach lock: dropped", "BasicCancelState::detach lock: dropped"});
}

}  // namespace
}  // namespace annulet::task
