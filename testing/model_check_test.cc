// What the checker finds, what it says of it, and that it does not cry wolf.
#include "annulet/testing/model_check.h"

#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace annulet::model_check {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;
constexpr auto kSeqCst = std::memory_order_seq_cst;

std::string failure_of(const std::function<void()>& body, const Options& options = {}) {
  return check("scenario", body, options).failure;
}

// Sets a variable of the environment for as long as it lives.
class ScopedEnvironment {
 public:
  ScopedEnvironment(const char* name, const std::string& value) : name_(name) {
    setenv(name, value.c_str(), 1);
  }
  ~ScopedEnvironment() { unsetenv(name_); }
  ScopedEnvironment(const ScopedEnvironment&) = delete;
  ScopedEnvironment& operator=(const ScopedEnvironment&) = delete;

 private:
  const char* const name_;
};

// --- data races ---

void share_without_order(std::memory_order store, std::memory_order load) {
  ModelSync::cell<int> data;
  ModelSync::atomic<bool> ready{false};
  run_threads({
      {"writer",
       [&] {
         data.write() = 1;
         ready.store(true, store);
       }},
      {"reader",
       [&] {
         if (ready.load(load)) ensure(data.read() == 1, "old data");
       }},
  });
}

TEST(DataRace, IsFoundWhereNothingOrdersTheAccesses) {
  EXPECT_THAT(failure_of([] { share_without_order(kRelaxed, kAcquire); }),
              AllOf(HasSubstr("data race: reader uses cell#0 at"), HasSubstr("by writer"),
                    HasSubstr("model_check_test.cc")));
  EXPECT_THAT(failure_of([] { share_without_order(kRelease, kRelaxed); }), HasSubstr("data race"));
}

TEST(DataRace, IsNotFoundWhereAReleaseMeetsAnAcquire) {
  EXPECT_EQ(failure_of([] { share_without_order(kRelease, kAcquire); }), "");
}

TEST(DataRace, IsNotFoundBetweenTwoReads) {
  EXPECT_EQ(failure_of([] {
              ModelSync::cell<int> data{5};
              const auto read = [&] { ensure(data.read() == 5, "not initialised"); };
              run_threads({{"one", read}, {"other", read}});
            }),
            "");
}

TEST(DataRace, IsFoundAgainstAReadThatTheOtherThreadNeverPublished) {
  EXPECT_THAT(failure_of([] {
                ModelSync::cell<int> data{5};
                ModelSync::atomic<bool> done{false};
                run_threads({{"reader",
                              [&] {
                                done.store(true, kRelease);
                                data.read();  // behind the store
                              }},
                             {"writer", [&] {
                                if (done.load(kAcquire)) data.write() = 6;
                              }}});
              }),
              HasSubstr("data race"));
}

TEST(DataRace, IsFoundWhenTheCellGoesTooSoon) {
  EXPECT_THAT(failure_of([] {
                using Cell = ModelSync::cell<int>;
                Cell* const data = create<Cell>(1);
                run_threads({{"owner", [&] { destroy(data); }}, {"other", [&] { data->read(); }}});
              }),
              testing::AnyOf(HasSubstr("ends the life of cell#0"),
                             HasSubstr("use after free: cell#0 is gone")));
}

// --- lifetimes ---

struct Node {
  ModelSync::atomic<int> value{7};
};

TEST(Lifetime, AnAtomicIsNotUsedBeforeItsConstructionIsVisible) {
  const auto publish = [](std::memory_order order) {
    return failure_of([order] {
      ModelSync::atomic<Node*> shared{nullptr};
      run_threads({{"maker", [&] { shared.store(create<Node>(), order); }},
                   {"user", [&] {
                      if (Node* node = shared.load(kAcquire)) node->value.load(kRelaxed);
                    }}});
      destroy(shared.load(kRelaxed));
    });
  };
  EXPECT_THAT(publish(kRelaxed), HasSubstr("behind the construct at"));
  EXPECT_EQ(publish(kRelease), "");
}

TEST(Lifetime, AnAtomicIsNotUsedAfterItsEnd) {
  EXPECT_THAT(failure_of([] {
                Node* const node = create<Node>();
                ModelSync::atomic<bool> gone{false};
                run_threads({{"owner",
                              [&] {
                                destroy(node);
                                gone.store(true, kRelease);
                              }},
                             {"user", [&] {
                                if (gone.load(kAcquire)) node->value.load(kRelaxed);
                              }}});
              }),
              HasSubstr("use after free"));
}

TEST(Lifetime, AnAtomicDoesNotGoWhileAnotherThreadMayUseIt) {
  EXPECT_THAT(failure_of([] {
                Node* const node = create<Node>();
                run_threads({{"owner", [&] { destroy(node); }},
                             {"user", [&] { node->value.store(1, kRelaxed); }}});
              }),
              testing::AnyOf(HasSubstr("ends the life of atomic#0"), HasSubstr("use after free")));
}

TEST(Lifetime, WhatWasCreatedMustBeDestroyedOnce) {
  EXPECT_THAT(failure_of([] { create<Node>(); }), HasSubstr("leak"));
  EXPECT_THAT(failure_of([] {
                Node* const node = create<Node>();
                destroy(node);
                destroy(node);
              }),
              HasSubstr("destroyed twice"));
  EXPECT_THAT(failure_of([] {
                Node node;
                destroy(&node);
              }),
              HasSubstr("create() did not make"));
}

// --- blocking ---

TEST(Deadlock, OfTwoLocksInOppositeOrderIsFound) {
  const std::string failure = failure_of([] {
    ModelSync::mutex a;
    ModelSync::mutex b;
    run_threads({{"ab",
                  [&] {
                    const ModelSync::lock_guard first(a);
                    const ModelSync::lock_guard second(b);
                  }},
                 {"ba", [&] {
                    const ModelSync::lock_guard first(b);
                    const ModelSync::lock_guard second(a);
                  }}});
  });
  EXPECT_THAT(failure,
              AllOf(HasSubstr("deadlock"), HasSubstr("ab waits at"), HasSubstr("ba waits at")));
}

// Whether the sleeper looks at its condition once more under what makes the sleep atomic.
void sleep_on_futex(bool looks_again) {
  ModelSync::atomic<uint32_t> word{0};
  run_threads({{"sleeper",
                [&] {
                  while (word.load(kAcquire) == 0) {
                    ModelSync::futex_wait(word, looks_again ? 0 : word.load(kRelaxed),
                                          wait::kNever);
                  }
                }},
               {"waker", [&] {
                  word.store(1, kRelease);
                  ModelSync::futex_wake(word, 1);
                }}});
}

TEST(Deadlock, OfALostWakeUpIsFound) {
  EXPECT_THAT(failure_of([] { sleep_on_futex(false); }),
              AllOf(HasSubstr("deadlock"), HasSubstr("lost wake-up")));
  EXPECT_EQ(failure_of([] { sleep_on_futex(true); }), "");
}

TEST(Deadlock, OfANotifyWithoutTheLockIsFound) {
  const auto wait_for_flag = [](bool locked) {
    return failure_of([locked] {
      ModelSync::mutex mutex;
      ModelSync::condition_variable changed;
      ModelSync::atomic<bool> flag{false};
      run_threads({{"waiter",
                    [&] {
                      std::unique_lock lock(mutex);
                      while (!flag.load(kRelaxed)) changed.wait(lock);
                    }},
                   {"notifier", [&] {
                      if (locked) mutex.lock();
                      flag.store(true, kRelaxed);
                      if (locked) mutex.unlock();
                      changed.notify_one();
                    }}});
    });
  };
  EXPECT_THAT(wait_for_flag(false), HasSubstr("deadlock"));
  EXPECT_EQ(wait_for_flag(true), "");
}

TEST(Waiting, WithoutALoopFailsSinceWakeUpsMayBeSpurious) {
  const auto wait_once = [](int spurious) {
    return failure_of(
        [] {
          ModelSync::atomic<uint32_t> word{0};
          run_threads({{"sleeper",
                        [&] {
                          ModelSync::futex_wait(word, 0, wait::kNever);
                          ensure(word.load(kAcquire) == 1, "woken for no reason");
                        }},
                       {"waker", [&] {
                          word.store(1, kRelease);
                          ModelSync::futex_wake(word, 1);
                        }}});
        },
        {.spurious = spurious});
  };
  EXPECT_EQ(wait_once(0), "");
  EXPECT_THAT(wait_once(1), HasSubstr("woken for no reason"));
}

TEST(Waiting, WithADeadlineMayEndByItAndIsNoDeadlock) {
  std::vector<bool> seen(2);
  EXPECT_EQ(failure_of([&] {
              ModelSync::mutex mutex;
              ModelSync::condition_variable changed;
              run_threads({{"waiter",
                            [&] {
                              std::unique_lock lock(mutex);
                              const auto ended = changed.wait_until(lock, wait::Deadline());
                              seen[ended == std::cv_status::timeout] = true;
                            }},
                           {"notifier", [&] { changed.notify_all(); }}});
            }),
            "");
  EXPECT_TRUE(seen[0] && seen[1]);
}

TEST(Waiting, IsEndedForAnyOneOfSeveralSleepers) {
  std::vector<bool> first(2);
  EXPECT_EQ(failure_of(
                [&] {
                  ModelSync::atomic<uint32_t> word{0};
                  ModelSync::atomic<int> asleep{0};
                  ModelSync::atomic<int> woken{0};
                  const auto sleep = [&](int id) {
                    asleep.fetch_add(1, kRelaxed);
                    ModelSync::futex_wait(word, 0, wait::kNever);
                    if (woken.fetch_add(1, kRelaxed) == 0) first[id] = true;
                  };
                  run_threads({{"one", [&] { sleep(0); }},
                               {"other", [&] { sleep(1); }},
                               {"waker", [&] {
                                  while (asleep.load(kRelaxed) < 2) ModelSync::yield();
                                  ModelSync::futex_wake(word, 1);
                                  while (woken.load(kRelaxed) < 1) ModelSync::yield();
                                  ModelSync::futex_wake(word, 1);
                                }}});
                },
                {.preemptions = 0, .spurious = 0}),
            "");
  EXPECT_TRUE(first[0] && first[1]);
}

TEST(Mutex, MisuseIsFound) {
  EXPECT_THAT(failure_of([] {
                ModelSync::mutex mutex;
                run_threads({{"one", [&] { mutex.unlock(); }}});
              }),
              HasSubstr("does not hold"));
  EXPECT_THAT(failure_of([] {
                ModelSync::mutex mutex;
                run_threads({{"one", [&] {
                                mutex.lock();
                                mutex.lock();
                              }}});
              }),
              HasSubstr("locked twice"));
}

TEST(Mutex, TryLockFailsWhileAnotherHoldsIt) {
  std::vector<bool> seen(2);
  EXPECT_EQ(failure_of([&] {
              ModelSync::mutex mutex;
              const auto lock = [&] {
                const bool locked = mutex.try_lock();
                seen[locked] = true;
                ModelSync::atomic<int> something{0};
                something.load();
                if (locked) mutex.unlock();
              };
              run_threads({{"one", lock}, {"other", lock}});
            }),
            "");
  EXPECT_TRUE(seen[0] && seen[1]);
}

// --- spinning ---

TEST(Spinning, EndsWhenTheOtherThreadHasStored) {
  EXPECT_EQ(failure_of([] {
              ModelSync::atomic<bool> flag{false};
              run_threads({{"spinner",
                            [&] {
                              while (!flag.load(kRelaxed)) ModelSync::pause();
                            }},
                           {"other", [&] { flag.store(true, kRelaxed); }}});
            }),
            "");
}

TEST(Spinning, ForEverIsALivelock) {
  EXPECT_THAT(failure_of([] {
                ModelSync::atomic<bool> flag{false};
                run_threads({{"spinner", [&] {
                                while (!flag.load(kRelaxed)) ModelSync::pause();
                              }}});
              }),
              AllOf(HasSubstr("livelock"), HasSubstr("spinner spins")));
}

TEST(Spinning, WithoutAPauseIsReportedWithTheRemedy) {
  EXPECT_THAT(failure_of([] {
                ModelSync::atomic<bool> flag{false};
                run_threads({{"spinner", [&] {
                                while (!flag.load(kRelaxed)) {
                                }
                              }}});
              }),
              AllOf(HasSubstr("livelock"), HasSubstr("pause()")));
}

TEST(Spinning, ForAWhileAndThenSleepingGetsToTheSleep) {
  EXPECT_EQ(failure_of([] {
              ModelSync::atomic<uint32_t> word{0};
              ModelSync::atomic<bool> asleep{false};
              run_threads({{"sleeper",
                            [&] {
                              for (int i = 0; i < 5 && word.load(kAcquire) == 0; ++i) {
                                ModelSync::pause();
                              }
                              asleep.store(true, kRelaxed);
                              while (word.load(kAcquire) == 0) {
                                ModelSync::futex_wait(word, 0, wait::kNever);
                              }
                            }},
                           {"waker", [&] {
                              // Waits until the other one has given up spinning.
                              while (!asleep.load(kRelaxed)) ModelSync::yield();
                              word.store(1, kRelease);
                              ModelSync::futex_wake(word, 1);
                            }}});
            }),
            "");
}

// --- the scenario itself ---

TEST(Scenario, MayThrowNothingOutOfAThreadOrItsBody) {
  EXPECT_THAT(
      failure_of([] { run_threads({{"thrower", [] { throw std::runtime_error("too bad"); }}}); }),
      HasSubstr("an exception escaped: too bad"));
  EXPECT_THAT(failure_of([] { throw 5; }), HasSubstr("an exception escaped"));
}

TEST(Scenario, MaySwitchThreadsWhileItHandlesAnException) {
  EXPECT_EQ(failure_of([] {
              ModelSync::atomic<int> x{0};
              const auto thrower = [&](int value) {
                try {
                  throw value;
                } catch (int caught) {
                  x.fetch_add(1, kRelaxed);
                  try {
                    throw;
                  } catch (int again) {
                    ensure(again == value && caught == value, "the other thread's exception");
                  }
                }
              };
              run_threads({{"one", [&] { thrower(1); }}, {"other", [&] { thrower(2); }}});
            }),
            "");
}

TEST(Scenario, MayRunThreadsSeveralTimes) {
  EXPECT_EQ(failure_of([] {
              ModelSync::cell<int> data;
              for (int i = 0; i < 3; ++i) {
                run_threads({{"one", [&] { ++data.write(); }}});
                ++data.write();
              }
              ensure(data.read() == 6, "a thread was lost");
            }),
            "");
}

TEST(Scenario, IsToldWhenItAsksForTooMuch) {
  EXPECT_THAT(failure_of([] { run_threads({}); }), HasSubstr("0 threads"));
  EXPECT_THAT(failure_of([] {
                std::vector<ModelThread> many(8, ModelThread{"one", [] {}});
                run_threads(std::move(many));
              }),
              HasSubstr("8 threads"));
  EXPECT_THAT(failure_of([] { run_threads({{"one", [] { run_threads({{"inner", [] {}}}); }}}); }),
              HasSubstr("only the body"));
  EXPECT_THAT(failure_of([] {}, {.steps = 0}), HasSubstr("steps"));
  EXPECT_THAT(failure_of([] { share_without_order(kRelease, kAcquire); }, {.executions = 2}),
              HasSubstr("gave up after 2 executions"));
}

TEST(Scenario, IsToldWhenItDoesNotRepeatItself) {
  int runs = 0;
  EXPECT_THAT(failure_of([&] {
                ++runs;
                ModelSync::atomic<int> x{0};
                const auto add = [&] {
                  for (int i = 0; i < 1 + runs % 2; ++i) x.fetch_add(1, kRelaxed);
                };
                run_threads({{"one", add}, {"other", add}});
              }),
              HasSubstr("does not repeat itself"));
}

TEST(Scenario, ThatFailsLeavesTheCheckerAsItWas) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_NE(failure_of([] { share_without_order(kRelaxed, kRelaxed); }), "");
    EXPECT_EQ(failure_of([] { share_without_order(kRelease, kAcquire); }), "");
  }
}

TEST(Scenario, MayBeExploredByEachOfSeveralThreads) {
  std::vector<std::thread> threads;
  std::vector<std::string> failures(2);
  for (size_t i = 0; i < failures.size(); ++i) {
    threads.emplace_back(
        [&, i] { failures[i] = failure_of([] { share_without_order(kRelease, kAcquire); }); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures[0] + failures[1], "");
}

// --- bounds and reduction ---

// Fails only where each thread is interrupted between its two stores.
void needs_two_preemptions() {
  ModelSync::atomic<int> x{0};
  ModelSync::atomic<int> y{0};
  bool saw_x = false;
  bool saw_y = false;
  run_threads({{"one",
                [&] {
                  x.store(1, kSeqCst);
                  saw_y = y.load(kSeqCst) == 1;
                  x.store(0, kSeqCst);
                }},
               {"other", [&] {
                  y.store(1, kSeqCst);
                  saw_x = x.load(kSeqCst) == 1;
                  y.store(0, kSeqCst);
                }}});
  ensure(!(saw_x && saw_y), "both saw the other one");
}

TEST(Bound, HidesWhatNeedsMorePreemptions) {
  EXPECT_EQ(failure_of(needs_two_preemptions, {.preemptions = 1}), "");
  EXPECT_NE(failure_of(needs_two_preemptions, {.preemptions = 2}), "");
}

TEST(Bound, ComesFromTheEnvironment) {
  const ScopedEnvironment bound("ANNULET_MODEL_PREEMPTIONS", "1");
  EXPECT_EQ(Options().preemptions, 1);
  EXPECT_EQ(failure_of(needs_two_preemptions), "");
}

TEST(Reduction, SavesExecutionsAndNothingElse) {
  const auto explore = [](bool reduction) {
    return check("scenario",
                 [] {
                   ModelSync::atomic<int> x{0};
                   ModelSync::atomic<int> y{0};
                   run_threads({{"one",
                                 [&] {
                                   x.fetch_add(1, kRelaxed);
                                   y.fetch_add(1, kRelaxed);
                                 }},
                                {"other",
                                 [&] {
                                   y.fetch_add(1, kRelaxed);
                                   x.fetch_add(1, kRelaxed);
                                 }},
                                {"third", [&] { x.load(kRelaxed); }}});
                 },
                 {.preemptions = kUnbounded, .reduction = reduction});
  };
  const Result all = explore(false);
  const Result reduced = explore(true);
  EXPECT_TRUE(all.ok() && reduced.ok());
  EXPECT_LT(reduced.executions * 4, all.executions);
}

// --- reports ---

TEST(Report, ShowsEachStepWithItsPlaceThreadValueAndOrder) {
  const Result result = check("scenario", [] {
    ModelSync::cell<int> data;
    ModelSync::atomic<int> flag{0};
    label(flag, "flag");
    run_threads({{"writer",
                  [&] {
                    data.write() = 1;
                    flag.store(1, kRelaxed);
                  }},
                 {"reader", [&] {
                    if (flag.load(kAcquire) == 1) data.read();
                  }}});
  });
  EXPECT_THAT(result.trace, AllOf(HasSubstr("writer"), HasSubstr("store relaxed flag = 1"),
                                  HasSubstr("load acquire flag -> 1"),
                                  HasSubstr("testing/model_check_test.cc:")));
  std::ostringstream printed;
  printed << result;
  EXPECT_THAT(printed.str(),
              AllOf(HasSubstr("data race"), HasSubstr("ANNULET_MODEL_REPLAY='scenario@")));
}

TEST(Report, SaysWhichNewerStoreAnOldValueMissed) {
  const Result result = check("scenario", [] {
    ModelSync::atomic<int> flag{0};
    label(flag, "flag");
    run_threads({{"writer", [&] { flag.store(1, kRelaxed); }}, {"reader", [&] {
                                                                  flag.fetch_add(0, kRelaxed);
                                                                  ModelSync::atomic<int> other{0};
                                                                  other.load();
                                                                }}});
    ModelSync::atomic<int> x{0};
    label(x, "x");
    run_threads(
        {{"one", [&] { x.store(1, kRelaxed); }},
         {"two", [&] { ensure(x.load(kRelaxed) == 1 || flag.load(kRelaxed) == 5, "old"); }}});
  });
  EXPECT_THAT(result.trace, HasSubstr("load relaxed x -> 0"));
}

TEST(Replay, RunsJustTheFailingExecution) {
  const Result first = check("scenario", needs_two_preemptions);
  ASSERT_FALSE(first.ok());
  EXPECT_GT(first.executions, 1);
  const ScopedEnvironment replay("ANNULET_MODEL_REPLAY", first.replay);
  const Result again = check("scenario", needs_two_preemptions);
  EXPECT_EQ(again.failure, first.failure);
  EXPECT_EQ(again.trace, first.trace);
  EXPECT_EQ(again.executions, 1);
  EXPECT_EQ(check("another", needs_two_preemptions).executions, 0);
}

TEST(Replay, SaysWhenItDoesNotFit) {
  const auto replay = [](const std::string& choices) {
    const ScopedEnvironment variable("ANNULET_MODEL_REPLAY", "scenario@2.1@" + choices);
    return failure_of(needs_two_preemptions);
  };
  EXPECT_THAT(replay("0:7"), HasSubstr("alternatives"));
  EXPECT_THAT(replay("900:1"), HasSubstr("replay"));
  EXPECT_THAT(replay("nonsense"), HasSubstr("CHOICE:PICK"));
}

// --- mutants ---

// With an order that is stronger than needed.
template <class Sync>
class SpinLock {
 public:
  void lock() {
    while (locked_.exchange(true, std::memory_order_acq_rel)) Sync::pause();
  }
  void unlock() { locked_.store(false, std::memory_order_release); }

 private:
  typename Sync::template atomic<bool> locked_{false};
};

Suite spin_lock_suite(std::vector<std::string> files) {
  Suite suite("SpinLock", std::move(files));
  suite.scenario("nobody is disturbed while he holds the lock", [] {
    SpinLock<ModelSync> lock;
    ModelSync::cell<int> data;
    const auto add = [&] {
      lock.lock();
      ++data.write();
      lock.unlock();
    };
    run_threads({{"one", add}, {"other", add}});
    ensure(data.read() == 2, "an addition was lost");
  });
  return suite;
}

TEST(Mutants, AreGeneratedFromTheCodeAndNamedAfterIt) {
  const MutantReport report = spin_lock_suite({"testing/model_check_test.cc"}).mutants();
  EXPECT_THAT(report.names(), testing::ElementsAre("SpinLock::lock exchange: acq_rel -> acquire",
                                                   "SpinLock::lock exchange: acq_rel -> release",
                                                   "SpinLock::unlock store: release -> relaxed"));
}

TEST(Mutants, ThatSurviveFailTheReport) {
  const MutantReport report = spin_lock_suite({"testing/model_check_test.cc"}).mutants();
  EXPECT_FALSE(report.ok());
  ASSERT_EQ(report.mutants.size(), 3);
  EXPECT_EQ(report.mutants[0].killed_by, "");  // the release that no lock needs
  EXPECT_EQ(report.mutants[1].killed_by, "nobody is disturbed while he holds the lock");
  EXPECT_THAT(report.mutants[2].failure, HasSubstr("data race"));
  std::ostringstream printed;
  printed << report;
  EXPECT_THAT(printed.str(),
              AllOf(HasSubstr("SURVIVED  SpinLock::lock exchange: acq_rel -> acquire"),
                    HasSubstr("killed    SpinLock::unlock store: release -> relaxed")));
}

TEST(Mutants, AreReplayedToo) {
  const MutantReport report = spin_lock_suite({"testing/model_check_test.cc"}).mutants();
  ASSERT_EQ(report.mutants.size(), 3);
  const ScopedEnvironment replay("ANNULET_MODEL_REPLAY", report.mutants[2].replay);
  testing::internal::CaptureStderr();
  spin_lock_suite({"testing/model_check_test.cc"}).mutants();
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              AllOf(HasSubstr("store relaxed"), HasSubstr("Ends with: data race")));
}

TEST(Mutants, MustExist) {
  EXPECT_FALSE(spin_lock_suite({"testing/no_such_header.h"}).mutants().ok());
}

TEST(Mutants, AreNotTriedOnCodeThatFailsAsItIs) {
  Suite suite("Broken", {"testing/model_check_test.cc"});
  suite.scenario("fails", [] { ensure(false, "as it is"); });
  EXPECT_THAT(suite.mutants().error, HasSubstr("as it is"));
}

}  // namespace
}  // namespace annulet::model_check
