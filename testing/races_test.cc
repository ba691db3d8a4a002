// Data races and ends of lives that the checker finds, and what it does not take for one.
#include <string>

#include "annulet/testing/model_check.h"
#include "annulet/testing/scenarios_for_tests.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace annulet::model_check {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(DataRace, IsFoundWhereNothingOrdersTheAccesses) {
  EXPECT_THAT(failure_of([] { share_without_order(kRelaxed, kAcquire); }),
              AllOf(HasSubstr("data race: reader uses cell#0 at"), HasSubstr("by writer"),
                    HasSubstr("scenarios_for_tests.h")));
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

TEST(Lifetime, AConditionVariableIsKnownToBeGone) {
  EXPECT_THAT(failure_of([] {
                Event* const event = create<Event>();
                destroy(event);
                event->changed.notify_one();
              }),
              HasSubstr("use after free"));
  // The waiter may see `done` and free everything before the other one has notified.
  EXPECT_THAT(failure_of([] {
                Event* const event = create<Event>();
                run_threads({{"waiter",
                              [&] {
                                {
                                  ModelSync::unique_lock lock(event->mutex);
                                  while (!event->done.read()) event->changed.wait(lock);
                                }
                                destroy(event);
                              }},
                             {"notifier", [&] {
                                {
                                  const ModelSync::lock_guard lock(event->mutex);
                                  event->done.write() = true;
                                }
                                event->changed.notify_one();
                              }}});
              }),
              testing::AnyOf(HasSubstr("use after free"), HasSubstr("ends the life of")));
}

TEST(Lifetime, AConditionVariableDoesNotGoWhileSomebodyWaits) {
  EXPECT_THAT(
      failure_of([] {
        ModelSync::mutex mutex;
        auto* const changed = create<ModelSync::condition_variable>();
        ModelSync::atomic<bool> waits{false};
        run_threads({{"waiter",
                      [&] {
                        ModelSync::unique_lock lock(mutex);
                        waits.store(true, kRelease);
                        changed->wait(lock);
                      }},
                     {"owner", [&] {
                        while (!waits.load(kAcquire)) ModelSync::yield();
                        const ModelSync::lock_guard lock(mutex);
                        destroy(changed);
                      }}});
      }),
      testing::AnyOf(HasSubstr("goes while waiter waits for it"), HasSubstr("ends the life of")));
}

}  // namespace
}  // namespace annulet::model_check
