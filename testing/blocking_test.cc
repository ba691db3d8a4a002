// Locks, sleeps and spins: what gets stuck is found, what only takes long is not.
#include <string>
#include <vector>

#include "annulet/testing/model_check.h"
#include "annulet/testing/scenarios_for_tests.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace annulet::model_check {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

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
                      ModelSync::unique_lock lock(mutex);
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
                              ModelSync::unique_lock lock(mutex);
                              const auto ended = changed.wait_until(lock, wait::Deadline());
                              seen[ended == std::cv_status::timeout] = true;
                            }},
                           {"notifier", [&] { changed.notify_all(); }}});
            }),
            "");
  EXPECT_TRUE(seen[0] && seen[1]);
}

TEST(Deadlock, OfTheBodyAloneSaysWhere) {
  EXPECT_THAT(failure_of([] {
                ModelSync::atomic<uint32_t> word{0};
                ModelSync::futex_wait(word, 0, wait::kNever);
              }),
              AllOf(HasSubstr("deadlock: body waits at"), HasSubstr("blocking_test.cc")));
}

TEST(Waiting, WithADeadlineMayEndInTimeForNoReason) {
  EXPECT_THAT(failure_of([] {
                Event event;
                run_threads({{"waiter",
                              [&] {
                                ModelSync::unique_lock lock(event.mutex);
                                const auto ended = event.changed.wait_until(lock, wait::Deadline());
                                ensure(ended == std::cv_status::timeout || event.done.read(),
                                       "in time, but not done");
                              }},
                             {"notifier", [&] {
                                const ModelSync::lock_guard lock(event.mutex);
                                event.done.write() = true;
                                event.changed.notify_one();
                              }}});
              }),
              HasSubstr("in time, but not done"));
}

TEST(Waiting, WithADeadlineAgainAndAgainIsNoLivelock) {
  EXPECT_EQ(failure_of([] {
              ModelSync::atomic<uint32_t> stop{0};
              run_threads({{"timer",
                            [&] {
                              while (stop.load(kAcquire) == 0) {
                                ModelSync::futex_wait(stop, 0, wait::Deadline());
                              }
                            }},
                           {"stopper", [&] {
                              stop.store(1, kRelease);
                              ModelSync::futex_wake(stop, 1);
                            }}});
            }),
            "");
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

TEST(Mutex, TryLockFailsWhileAnotherHoldsItHoweverShortly) {
  EXPECT_THAT(failure_of([] {
                ModelSync::mutex mutex;
                ModelSync::cell<int> data;
                run_threads({{"holder",
                              [&] {
                                const ModelSync::lock_guard lock(mutex);
                                data.write() = 1;
                              }},
                             {"other", [&] {
                                ensure(mutex.try_lock(), "busy");
                                mutex.unlock();
                              }}});
              }),
              HasSubstr("busy"));
}

TEST(Mutex, MayBeTriedUntilItIsFree) {
  EXPECT_EQ(failure_of([] {
              ModelSync::mutex mutex;
              ModelSync::cell<int> sum;
              const auto add = [&] {
                while (!mutex.try_lock()) ModelSync::yield();
                ++sum.write();
                mutex.unlock();
              };
              run_threads({{"one", add}, {"other", add}});
              ensure(sum.read() == 2, "an addition was lost");
            }),
            "");
}

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

TEST(Spinning, OnAPlainVariableIsADataRace) {
  EXPECT_THAT(failure_of([] {
                ModelSync::cell<int> data;
                run_threads({{"spinner",
                              [&] {
                                while (data.read() == 0) ModelSync::pause();
                              }},
                             {"writer", [&] { data.write() = 1; }}});
              }),
              HasSubstr("data race"));
}

TEST(Spinning, OnNothingIsALivelock) {
  EXPECT_THAT(failure_of([] {
                run_threads({{"spinner", [&] {
                                for (;;) ModelSync::pause();
                              }}});
              }),
              HasSubstr("livelock"));
}

// Sleeps after so many looks at the flag. The setter looks whether anybody sleeps without a fence.
std::string spin_then_sleep(int looks) {
  return failure_of([looks] {
    ModelSync::atomic<uint32_t> flag{0};
    ModelSync::atomic<bool> sleeps{false};
    run_threads({{"sleeper",
                  [&] {
                    for (int i = 0; i < looks; ++i) {
                      if (flag.load(kRelaxed) != 0) return;
                      ModelSync::pause();
                    }
                    sleeps.store(true, kRelaxed);
                    while (flag.load(kRelaxed) == 0) {
                      ModelSync::futex_wait(flag, 0, wait::kNever);
                    }
                  }},
                 {"setter", [&] {
                    flag.store(1, kRelaxed);
                    if (sleeps.load(kRelaxed)) ModelSync::futex_wake(flag, 1);
                  }}});
  });
}

TEST(Spinning, ForALittleWhileDoesNotHideTheSlowPath) {
  EXPECT_THAT(spin_then_sleep(0), HasSubstr("lost wake-up"));
  EXPECT_THAT(spin_then_sleep(1), HasSubstr("lost wake-up"));
}

TEST(Spinning, MayStillSeeOneOfTwoChangesLate) {
  EXPECT_THAT(failure_of([] {
                ModelSync::atomic<int> a{0};
                ModelSync::atomic<int> b{0};
                ModelSync::atomic<bool> spins{false};
                run_threads({{"spinner",
                              [&] {
                                for (bool first = true;; first = false) {
                                  const int old_a = a.load(kRelaxed);
                                  if (b.load(kRelaxed) == 1) {
                                    ensure(old_a == 1 || first, "b without a");
                                    return;
                                  }
                                  if (first) spins.store(true, kRelaxed);
                                  ModelSync::pause();
                                }
                              }},
                             {"writer", [&] {
                                while (!spins.load(kRelaxed)) ModelSync::pause();
                                a.store(1, kRelaxed);
                                b.store(1, kRelaxed);
                              }}});
              }),
              HasSubstr("b without a"));
}

TEST(Spinning, ALongTimeWhileTheOtherOneSleepsIsNoLivelock) {
  EXPECT_EQ(failure_of([] {
              ModelSync::atomic<bool> ready{false};
              ModelSync::atomic<uint32_t> word{0};
              run_threads({{"spinner",
                            [&] {
                              for (int i = 0; i < 100 && !ready.load(kRelaxed); ++i) {
                                ModelSync::pause();
                              }
                              word.store(1, kRelease);
                              ModelSync::futex_wake(word, 1);
                            }},
                           {"sleeper", [&] {
                              while (word.load(kAcquire) == 0) {
                                ModelSync::futex_wait(word, 0, wait::kNever);
                              }
                              ready.store(true, kRelaxed);
                            }}});
            }),
            "");
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

}  // namespace
}  // namespace annulet::model_check
