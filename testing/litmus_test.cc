// The model's memory against known litmus tests: the exact set of outcomes of each.
//
// An outcome is the registers r0, r1, ... as digits. Where the C++ memory model allows more than
// the checker explores, the test's name says so.
#include <array>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "annulet/testing/model_check.h"
#include "gtest/gtest.h"

namespace annulet::model_check {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;
constexpr auto kAcqRel = std::memory_order_acq_rel;
constexpr auto kSeqCst = std::memory_order_seq_cst;

struct Litmus {
  ModelSync::atomic<int> x{0};
  ModelSync::atomic<int> y{0};
  ModelSync::atomic<int> z{0};
  std::array<int, 4> r{};  // each written by one thread, read when all have ended
};

using Program = std::function<void(Litmus&)>;
using Outcomes = std::set<std::string>;

// All that `registers` of the threads' registers can be in the end, with no bound on preemptions.
Outcomes outcomes(size_t registers, std::vector<Program> threads, Program end = nullptr) {
  Outcomes result;
  const Result explored =
      check("litmus",
            [&] {
              Litmus litmus;
              std::vector<ModelThread> running;
              for (size_t i = 0; i < threads.size(); ++i) {
                running.push_back({"T" + std::to_string(i), [&, i] { threads[i](litmus); }});
              }
              run_threads(std::move(running));
              if (end) end(litmus);
              std::string outcome;
              for (size_t i = 0; i < registers; ++i) outcome += std::to_string(litmus.r[i]);
              result.insert(outcome);
            },
            {.preemptions = kUnbounded});
  EXPECT_TRUE(explored.ok()) << explored;
  return result;
}

Outcomes all_but(size_t registers, const Outcomes& forbidden) {
  Outcomes result;
  for (size_t i = 0; i < (size_t{1} << registers); ++i) {
    std::string outcome;
    for (size_t bit = 0; bit < registers; ++bit) outcome += (i >> bit & 1) != 0 ? '1' : '0';
    if (!forbidden.contains(outcome)) result.insert(outcome);
  }
  return result;
}

// --- message passing: data x, flag y; r0 is the flag, r1 the data ---

Outcomes message_passing(std::memory_order store, std::memory_order load) {
  return outcomes(2, {[=](Litmus& l) {
                        l.x.store(1, kRelaxed);
                        l.y.store(1, store);
                      },
                      [=](Litmus& l) {
                        l.r[0] = l.y.load(load);
                        l.r[1] = l.x.load(kRelaxed);
                      }});
}

TEST(MessagePassing, RelaxedMayDeliverTheFlagBeforeTheData) {
  EXPECT_EQ(message_passing(kRelaxed, kRelaxed), all_but(2, {}));
}
TEST(MessagePassing, NeedsBothReleaseAndAcquire) {
  EXPECT_EQ(message_passing(kRelease, kRelaxed), all_but(2, {}));
  EXPECT_EQ(message_passing(kRelaxed, kAcquire), all_but(2, {}));
  EXPECT_EQ(message_passing(kRelease, kAcquire), all_but(2, {"10"}));
  EXPECT_EQ(message_passing(kSeqCst, kSeqCst), all_but(2, {"10"}));
}

// Orders of two fences in front of relaxed accesses.
Outcomes message_passing_by_fences(std::memory_order before_store, std::memory_order after_load) {
  return outcomes(2, {[=](Litmus& l) {
                        l.x.store(1, kRelaxed);
                        ModelSync::fence(before_store);
                        l.y.store(1, kRelaxed);
                      },
                      [=](Litmus& l) {
                        l.r[0] = l.y.load(kRelaxed);
                        ModelSync::fence(after_load);
                        l.r[1] = l.x.load(kRelaxed);
                      }});
}

TEST(MessagePassing, WorksByFences) {
  EXPECT_EQ(message_passing_by_fences(kRelease, kAcquire), all_but(2, {"10"}));
  EXPECT_EQ(message_passing_by_fences(kAcqRel, kAcqRel), all_but(2, {"10"}));
  EXPECT_EQ(message_passing_by_fences(kSeqCst, kSeqCst), all_but(2, {"10"}));
}
TEST(MessagePassing, NeedsTheRightFenceOnEachSide) {
  EXPECT_EQ(message_passing_by_fences(kAcquire, kAcquire), all_but(2, {}));
  EXPECT_EQ(message_passing_by_fences(kRelease, kRelease), all_but(2, {}));
}
TEST(MessagePassing, AFenceOnOneSideMeetsAnOrderedAccessOnTheOther) {
  EXPECT_EQ(outcomes(2, {[](Litmus& l) {
                           l.x.store(1, kRelaxed);
                           ModelSync::fence(kRelease);
                           l.y.store(1, kRelaxed);
                         },
                         [](Litmus& l) {
                           l.r[0] = l.y.load(kAcquire);
                           l.r[1] = l.x.load(kRelaxed);
                         }}),
            all_but(2, {"10"}));
  EXPECT_EQ(outcomes(2, {[](Litmus& l) {
                           l.x.store(1, kRelaxed);
                           l.y.store(1, kRelease);
                         },
                         [](Litmus& l) {
                           l.r[0] = l.y.load(kRelaxed);
                           ModelSync::fence(kAcquire);
                           l.r[1] = l.x.load(kRelaxed);
                         }}),
            all_but(2, {"10"}));
}

// --- store buffering ---

Outcomes store_buffering(std::memory_order store, std::memory_order load) {
  return outcomes(2, {[=](Litmus& l) {
                        l.x.store(1, store);
                        l.r[0] = l.y.load(load);
                      },
                      [=](Litmus& l) {
                        l.y.store(1, store);
                        l.r[1] = l.x.load(load);
                      }});
}

TEST(StoreBuffering, OnlySeqCstForbidsThatBothMiss) {
  EXPECT_EQ(store_buffering(kRelaxed, kRelaxed), all_but(2, {}));
  EXPECT_EQ(store_buffering(kRelease, kAcquire), all_but(2, {}));
  EXPECT_EQ(store_buffering(kSeqCst, kAcquire), all_but(2, {}));
  EXPECT_EQ(store_buffering(kRelease, kSeqCst), all_but(2, {}));
  EXPECT_EQ(store_buffering(kSeqCst, kSeqCst), all_but(2, {"00"}));
}

Outcomes store_buffering_by_fences(std::memory_order first, std::memory_order second) {
  return outcomes(2, {[=](Litmus& l) {
                        l.x.store(1, kRelaxed);
                        ModelSync::fence(first);
                        l.r[0] = l.y.load(kRelaxed);
                      },
                      [=](Litmus& l) {
                        l.y.store(1, kRelaxed);
                        ModelSync::fence(second);
                        l.r[1] = l.x.load(kRelaxed);
                      }});
}

TEST(StoreBuffering, NeedsASeqCstFenceOnEachSide) {
  EXPECT_EQ(store_buffering_by_fences(kSeqCst, kSeqCst), all_but(2, {"00"}));
  EXPECT_EQ(store_buffering_by_fences(kSeqCst, kAcqRel), all_but(2, {}));
  EXPECT_EQ(store_buffering_by_fences(kAcqRel, kSeqCst), all_but(2, {}));
}
// Each fence is given as a function.
template <class First, class Second>
Outcomes store_buffering_between(First first, Second second) {
  return outcomes(2, {[=](Litmus& l) {
                        l.x.store(1, kRelaxed);
                        first();
                        l.r[0] = l.y.load(kRelaxed);
                      },
                      [=](Litmus& l) {
                        l.y.store(1, kRelaxed);
                        second();
                        l.r[1] = l.x.load(kRelaxed);
                      }});
}

TEST(StoreBuffering, NeedsAHeavyFenceAgainstALightOne) {
  const auto light = [] { ModelSync::fence_light(); };
  const auto heavy = [] { ModelSync::fence_heavy(); };
  const auto seq_cst = [] { ModelSync::fence(kSeqCst); };
  EXPECT_EQ(store_buffering_between(light, heavy), all_but(2, {"00"}));
  EXPECT_EQ(store_buffering_between(heavy, light), all_but(2, {"00"}));
  EXPECT_EQ(store_buffering_between(heavy, heavy), all_but(2, {"00"}));
  EXPECT_EQ(store_buffering_between(heavy, seq_cst), all_but(2, {"00"}));
  EXPECT_EQ(store_buffering_between(light, light), all_but(2, {}));
  EXPECT_EQ(store_buffering_between(light, seq_cst), all_but(2, {}));
}
TEST(MessagePassing, NeedsAHeavyFenceBesideALightOneToo) {
  const auto pass = [](auto before_store, auto after_load) {
    return outcomes(2, {[=](Litmus& l) {
                          l.x.store(1, kRelaxed);
                          before_store();
                          l.y.store(1, kRelaxed);
                        },
                        [=](Litmus& l) {
                          l.r[0] = l.y.load(kRelaxed);
                          after_load();
                          l.r[1] = l.x.load(kRelaxed);
                        }});
  };
  const auto light = [] { ModelSync::fence_light(); };
  const auto heavy = [] { ModelSync::fence_heavy(); };
  EXPECT_EQ(pass(light, light), all_but(2, {}));
  // What the light fence's thread stored before is no longer missed, though a cell would still
  // race.
  EXPECT_EQ(pass(light, heavy), all_but(2, {"10"}));
}

TEST(StoreBuffering, AFenceMeetsASeqCstAccess) {
  EXPECT_EQ(outcomes(2, {[](Litmus& l) {
                           l.x.store(1, kRelaxed);
                           ModelSync::fence(kSeqCst);
                           l.r[0] = l.y.load(kRelaxed);
                         },
                         [](Litmus& l) {
                           l.y.store(1, kSeqCst);
                           l.r[1] = l.x.load(kSeqCst);
                         }}),
            all_but(2, {"00"}));
}
TEST(StoreBuffering, AReadModifyWriteInPlaceOfTheLoadStillMissesAnotherLocation) {
  EXPECT_EQ(outcomes(2, {[](Litmus& l) {
                           l.x.exchange(1, kAcqRel);
                           l.r[0] = l.y.load(kAcquire);
                         },
                         [](Litmus& l) {
                           l.y.exchange(1, kAcqRel);
                           l.r[1] = l.x.load(kAcquire);
                         }}),
            all_but(2, {}));
}

// --- what is not explored ---

TEST(LoadBuffering, IsNotExploredThoughRelaxedAllowsThatBothReadTheLaterStore) {
  EXPECT_EQ(outcomes(2, {[](Litmus& l) {
                           l.r[0] = l.x.load(kRelaxed);
                           l.y.store(1, kRelaxed);
                         },
                         [](Litmus& l) {
                           l.r[1] = l.y.load(kRelaxed);
                           l.x.store(1, kRelaxed);
                         }}),
            all_but(2, {"11"}));
}
TEST(TwoPlusTwoWrites, IsNotExploredThoughRelaxedAllowsThatBothFirstStoresWin) {
  const Program end = [](Litmus& l) {
    l.r[0] = l.x.load(kRelaxed);
    l.r[1] = l.y.load(kRelaxed);
  };
  EXPECT_EQ(outcomes(2,
                     {[](Litmus& l) {
                        l.x.store(1, kRelaxed);
                        l.y.store(2, kRelaxed);
                      },
                      [](Litmus& l) {
                        l.y.store(1, kRelaxed);
                        l.x.store(2, kRelaxed);
                      }},
                     end),
            (Outcomes{"12", "21", "22"}));
}

// --- independent reads of independent writes: r0 r1 are x y, r2 r3 are y x ---

Outcomes independent_reads(std::memory_order store, std::memory_order load) {
  return outcomes(4,
                  {[=](Litmus& l) { l.x.store(1, store); }, [=](Litmus& l) { l.y.store(1, store); },
                   [=](Litmus& l) {
                     l.r[0] = l.x.load(load);
                     l.r[1] = l.y.load(load);
                   },
                   [=](Litmus& l) {
                     l.r[2] = l.y.load(load);
                     l.r[3] = l.x.load(load);
                   }});
}

TEST(IndependentReadsOfIndependentWrites, OnlySeqCstLoadsAgreeOnTheOrder) {
  EXPECT_EQ(independent_reads(kRelaxed, kRelaxed), all_but(4, {}));
  EXPECT_EQ(independent_reads(kRelease, kAcquire), all_but(4, {}));
  EXPECT_EQ(independent_reads(kSeqCst, kSeqCst), all_but(4, {"1010"}));
  EXPECT_EQ(independent_reads(kRelaxed, kSeqCst), all_but(4, {"1010"}));
}
TEST(IndependentReadsOfIndependentWrites, AgreeByFencesBetweenTheLoads) {
  EXPECT_EQ(outcomes(4, {[](Litmus& l) { l.x.store(1, kRelaxed); },
                         [](Litmus& l) { l.y.store(1, kRelaxed); },
                         [](Litmus& l) {
                           l.r[0] = l.x.load(kRelaxed);
                           ModelSync::fence(kSeqCst);
                           l.r[1] = l.y.load(kRelaxed);
                         },
                         [](Litmus& l) {
                           l.r[2] = l.y.load(kRelaxed);
                           ModelSync::fence(kSeqCst);
                           l.r[3] = l.x.load(kRelaxed);
                         }}),
            all_but(4, {"1010"}));
}

// --- causality across three threads ---

TEST(Causality, AnAcquireHandsOnWhatItsReleaseKnew) {
  const Outcomes seen = outcomes(3, {[](Litmus& l) { l.x.store(1, kRelease); },
                                     [](Litmus& l) {
                                       l.r[0] = l.x.load(kAcquire);
                                       l.y.store(1, kRelease);
                                     },
                                     [](Litmus& l) {
                                       l.r[1] = l.y.load(kAcquire);
                                       l.r[2] = l.x.load(kRelaxed);
                                     }});
  EXPECT_EQ(seen, all_but(3, {"110"}));
}
TEST(Causality, IsLostWhenTheMiddleThreadIsRelaxed) {
  const Outcomes seen = outcomes(3, {[](Litmus& l) { l.x.store(1, kRelease); },
                                     [](Litmus& l) {
                                       l.r[0] = l.x.load(kRelaxed);
                                       l.y.store(1, kRelaxed);
                                     },
                                     [](Litmus& l) {
                                       l.r[1] = l.y.load(kAcquire);
                                       l.r[2] = l.x.load(kRelaxed);
                                     }});
  EXPECT_EQ(seen, all_but(3, {}));
}
TEST(Causality, AFenceOrdersWhatItsThreadHasReadToo) {
  const auto read_to_write = [](std::memory_order order) {
    return outcomes(3, {[](Litmus& l) { l.x.store(1, kRelaxed); },
                        [=](Litmus& l) {
                          l.r[0] = l.x.load(kRelaxed);
                          ModelSync::fence(order);
                          l.r[1] = l.y.load(kRelaxed);
                        },
                        [=](Litmus& l) {
                          l.y.store(1, kRelaxed);
                          ModelSync::fence(order);
                          l.r[2] = l.x.load(kRelaxed);
                        }});
  };
  EXPECT_EQ(read_to_write(kSeqCst), all_but(3, {"100"}));
  EXPECT_EQ(read_to_write(kAcqRel), all_but(3, {}));
}

// --- coherence of one location ---

TEST(Coherence, AThreadNeverReadsBackwards) {
  EXPECT_EQ(outcomes(2, {[](Litmus& l) {
                           l.x.store(1, kRelaxed);
                           l.x.store(2, kRelaxed);
                         },
                         [](Litmus& l) {
                           l.r[0] = l.x.load(kRelaxed);
                           l.r[1] = l.x.load(kRelaxed);
                         }}),
            (Outcomes{"00", "01", "02", "11", "12", "22"}));
}
TEST(Coherence, TwoReadersNeverDisagreeOnTheOrderOfTwoStores) {
  const Outcomes seen = outcomes(
      4, {[](Litmus& l) { l.x.store(1, kRelaxed); }, [](Litmus& l) { l.x.store(2, kRelaxed); },
          [](Litmus& l) {
            l.r[0] = l.x.load(kRelaxed);
            l.r[1] = l.x.load(kRelaxed);
          },
          [](Litmus& l) {
            l.r[2] = l.x.load(kRelaxed);
            l.r[3] = l.x.load(kRelaxed);
          }});
  EXPECT_TRUE(seen.contains("1212") && seen.contains("2121"));
  EXPECT_FALSE(seen.contains("1221") || seen.contains("2112"));
}
TEST(Coherence, AThreadReadsItsOwnStoreOrALaterOne) {
  EXPECT_EQ(outcomes(1, {[](Litmus& l) {
                           l.x.store(1, kRelaxed);
                           l.r[0] = l.x.load(kRelaxed);
                         },
                         [](Litmus& l) { l.x.store(2, kRelaxed); }}),
            (Outcomes{"1", "2"}));
}

// --- read-modify-writes ---

TEST(ReadModifyWrite, TwoOfThemNeverReadTheSameStore) {
  const Program add = [](Litmus& l) { l.x.fetch_add(1, kRelaxed); };
  EXPECT_EQ(outcomes(1, {add, add, add}, [](Litmus& l) { l.r[0] = l.x.load(kRelaxed); }),
            Outcomes{"3"});
}
TEST(ReadModifyWrite, OnlyOneOfTwoCompareExchangesSucceeds) {
  const auto claim = [](int register_) {
    return [=](Litmus& l) {
      int expected = 0;
      l.r[register_] = l.x.compare_exchange_strong(expected, 1, kRelaxed, kRelaxed);
    };
  };
  EXPECT_EQ(outcomes(2, {claim(0), claim(1)}), (Outcomes{"01", "10"}));
}
TEST(ReadModifyWrite, AFailedCompareExchangeMayReadAnOldStore) {
  EXPECT_EQ(outcomes(2, {[](Litmus& l) {
                           l.x.store(1, kRelaxed);
                           l.y.store(1, kRelaxed);
                         },
                         [](Litmus& l) {
                           l.r[0] = l.y.load(kRelaxed);
                           l.r[1] = 7;
                           l.x.compare_exchange_strong(l.r[1], 9, kRelaxed, kRelaxed);
                         }}),
            all_but(2, {}));
}
TEST(ReadModifyWrite, OnlyAWeakCompareExchangeFailsForNoReason) {
  EXPECT_EQ(outcomes(1, {[](Litmus& l) {
                       int expected = 0;
                       l.r[0] = l.x.compare_exchange_weak(expected, 1, kRelaxed, kRelaxed);
                     }}),
            (Outcomes{"0", "1"}));
  EXPECT_EQ(outcomes(1, {[](Litmus& l) {
                       int expected = 0;
                       l.r[0] = l.x.compare_exchange_strong(expected, 1, kRelaxed, kRelaxed);
                     }}),
            Outcomes{"1"});
}

// --- release sequences: data x, a release store to y, something in between; r0 is y, r1 the data
// ---

Outcomes release_sequence(Program in_between) {
  return outcomes(2, {[](Litmus& l) {
                        l.x.store(1, kRelaxed);
                        l.y.store(1, kRelease);
                      },
                      std::move(in_between),
                      [](Litmus& l) {
                        l.r[0] = l.y.load(kAcquire);
                        l.r[1] = l.x.load(kRelaxed);
                      }});
}

TEST(ReleaseSequence, IsContinuedByAnyReadModifyWrite) {
  const Outcomes seen = release_sequence([](Litmus& l) {
    int one = 1;
    l.y.compare_exchange_strong(one, 2, kRelaxed, kRelaxed);
  });
  EXPECT_EQ(seen, (Outcomes{"00", "01", "11", "21"}));
}
TEST(ReleaseSequence, IsBrokenByAPlainStore) {
  const Outcomes seen = release_sequence([](Litmus& l) {
    if (l.y.load(kRelaxed) == 1) l.y.store(2, kRelaxed);
  });
  EXPECT_EQ(seen, (Outcomes{"00", "01", "11", "20", "21"}));
}
TEST(ReleaseSequence, IsBrokenByAPlainStoreOfTheSameThreadSinceCxx20) {
  EXPECT_EQ(outcomes(2, {[](Litmus& l) {
                           l.x.store(1, kRelaxed);
                           l.y.store(1, kRelease);
                           l.y.store(2, kRelaxed);
                         },
                         [](Litmus& l) {
                           l.r[0] = l.y.load(kAcquire);
                           l.r[1] = l.x.load(kRelaxed);
                         }}),
            (Outcomes{"00", "01", "11", "20", "21"}));
}

}  // namespace
}  // namespace annulet::model_check
