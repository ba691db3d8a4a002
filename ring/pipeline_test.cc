#include "annulet/ring/pipeline.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "annulet/wait/strategy.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace annulet::ring {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

struct Event {
  uint64_t value = 0;
  uint64_t doubled = 0;
  uint64_t squared = 0;
};

constexpr uint64_t kEvents = 20'000;

void publish_values(auto& ring, uint64_t count = kEvents) {
  for (uint64_t value = 0; value < count; ++value) {
    ASSERT_TRUE(ring.publish([&](Event& event) { event.value = value; }).ok());
  }
}

TEST(Pipeline, EachStageSeesWhatTheStageBeforeWrote) {
  Pipeline<Event> pipeline({.capacity = 64});
  uint64_t sum = 0;
  pipeline.then([](Event& event) { event.doubled = 2 * event.value; })
      .then([](Event& event) { event.squared = event.doubled * event.doubled / 4; })
      .then([&](const Event& event) { sum += event.squared - event.value * event.value + 1; });
  ASSERT_TRUE(pipeline.start().ok());
  publish_values(pipeline);
  EXPECT_TRUE(pipeline.drain().ok());
  EXPECT_EQ(sum, kEvents);
}

TEST(Pipeline, ADiamondJoinsWhatParallelHandlersWroteToMembersOfTheirOwn) {
  Pipeline<Event> pipeline({.capacity = 64});
  uint64_t right = 0;
  pipeline
      .then(touch<Write<&Event::doubled>, Read<&Event::value>>(
                [](uint64_t& doubled, const uint64_t& value) { doubled = 2 * value; }),
            touch<Write<&Event::squared>, Read<&Event::value>>(
                [](uint64_t& squared, const uint64_t& value) { squared = value * value; }))
      .then([&](const Event& event) {
        right += event.doubled == 2 * event.value && event.squared == event.value * event.value;
      });
  ASSERT_TRUE(pipeline.start().ok());
  publish_values(pipeline);
  EXPECT_TRUE(pipeline.drain().ok());
  EXPECT_EQ(right, kEvents);
}

TEST(Pipeline, WorkersOfAGroupShareTheEvents) {
  Pipeline<Event, MultiProducer> pipeline({.capacity = 64});
  std::atomic<uint64_t> shared = 0;
  uint64_t after = 0;
  const auto work = [&](Event& event) {
    event.doubled = 2 * event.value;
    shared.fetch_add(1);
  };
  pipeline.then(share(work, work, work)).then([&](const Event& event) {
    after += event.doubled == 2 * event.value;
  });
  ASSERT_TRUE(pipeline.start().ok());
  publish_values(pipeline);
  EXPECT_TRUE(pipeline.drain().ok());
  EXPECT_EQ(shared, kEvents);
  EXPECT_EQ(after, kEvents);
}

TEST(Pipeline, TheMetricsNameEachHandlerAsItsOptionsDo) {
  Pipeline<Event> pipeline({.capacity = 8});
  const auto ignore = [](const Event&) {};
  pipeline.then(share(step(ignore, {.name = "left"}), ignore)).then(step(ignore, {.name = "last"}));
  std::vector<std::string> names;
  for (const ConsumerMetrics& consumer : pipeline.ring().metrics().consumers)
    names.push_back(consumer.name);
  EXPECT_THAT(names, UnorderedElementsAre("group 1", "left", "group 1/1", "last"));
}

TEST(Pipeline, IsCreatedWithEventsThatAMakerMade) {
  const auto pipeline =
      Pipeline<Event>::create({.capacity = 4}, [](size_t index) { return Event{.value = index}; });
  ASSERT_TRUE(pipeline.ok()) << pipeline.status();
  EXPECT_EQ((*pipeline)->ring().try_claim(3)[2].value, 2u);
}

TEST(Pipeline, AHandlersHooksRunOnThePipelinesOwnCopyOfIt) {
  struct Hooked {
    void operator()(const Event&) {}
    void on_start() { ++*started_anywhere; }
    void on_shutdown() { ended = true; }
    std::atomic<int>* started_anywhere;
    bool ended = false;
  };
  std::atomic<int> started = 0;
  Hooked hooked{.started_anywhere = &started};
  Pipeline<Event> pipeline({.capacity = 8});
  ASSERT_TRUE(pipeline.then(hooked).start().ok());
  EXPECT_TRUE(pipeline.drain().ok());
  EXPECT_EQ(started, 1);
  EXPECT_FALSE(hooked.ended);
}

TEST(Pipeline, AnExceptionInAHandlerReachesProducersAndDrain) {
  Pipeline<Event> pipeline({.capacity = 8});
  pipeline.then(step(
      [](const Event& event) {
        if (event.value == 100) throw std::runtime_error("no more");
      },
      {.name = "picky"}));
  ASSERT_TRUE(pipeline.start().ok());
  absl::Status status;
  for (uint64_t value = 0; status.ok(); ++value) {
    status = pipeline.publish([&](Event& event) { event.value = value; });
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("'picky' failed at event 100: no more"));
  EXPECT_EQ(pipeline.drain(), status);
}

TEST(Pipeline, AChainRunsBesideItsSiblings) {
  Pipeline<Event> pipeline({.capacity = 64});
  std::atomic<uint64_t> first = 0;
  uint64_t out_of_order = 0;
  uint64_t beside = 0;
  uint64_t joined = 0;
  pipeline
      .then(chain([&](const Event&) { first.fetch_add(1); },
                  [&](const Event& event) { out_of_order += first.load() <= event.value; }),
            [&](const Event&) { ++beside; })
      .then([&](Event&) { ++joined; });
  ASSERT_TRUE(pipeline.start().ok());
  publish_values(pipeline);
  EXPECT_TRUE(pipeline.drain().ok());
  EXPECT_EQ(out_of_order, 0u);
  EXPECT_EQ(beside, kEvents);
  EXPECT_EQ(joined, kEvents);
}

TEST(Pipeline, WhatWouldRaceDoesNotCompile) {
  using Reads = internal::Step<int, DefaultWait>;  // a handler of the whole event
  using WritesValue = internal::Step<internal::Touch<int, Write<&Event::value>>, DefaultWait>;
  using WritesDoubled = internal::Step<internal::Touch<int, Write<&Event::doubled>>, DefaultWait>;
  using ReadsDoubled = internal::Step<internal::Touch<int, Read<&Event::doubled>>, DefaultWait>;
  static_assert(internal::are_independent<Reads, Reads>());
  static_assert(internal::are_independent<WritesValue, WritesDoubled>());
  static_assert(internal::are_independent<WritesValue, ReadsDoubled, ReadsDoubled>());
  static_assert(!internal::are_independent<WritesDoubled, WritesDoubled>());
  static_assert(!internal::are_independent<WritesValue, WritesDoubled, ReadsDoubled>());
  static_assert(!internal::are_independent<WritesValue, Reads>());
  static_assert(!internal::are_independent<ReadsDoubled, internal::Chain<Reads, WritesDoubled>>());
  static_assert(!internal::are_independent<ReadsDoubled, internal::Share<WritesDoubled>>());
  // A handler that is not alone gets a const event.
  const auto writes = [](Event& event) { event.value = 0; };
  static_assert(!std::is_invocable_v<decltype(writes), const Event&>);
}

TEST(Pipeline, MembersThatOverlapAreRefused) {
  union Number {
    uint64_t integer = 0;
    double real;
  };
  Pipeline<Number> pipeline({.capacity = 8});
  pipeline.then(touch<Write<&Number::integer>>([](uint64_t&) {}),
                touch<Write<&Number::real>>([](double&) {}));
  const absl::Status status = pipeline.start();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("overlap"));
}

TEST(Pipeline, WhatIsWrongWithItsStagesIsToldWhenItStarts) {
  Pipeline<Event> empty({.capacity = 8});
  EXPECT_EQ(empty.start().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(empty.drain().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(empty.then([](const Event&) {}).start().ok());
  EXPECT_TRUE(empty.publish([](Event&) {}).ok());
  const auto ignore = [](const Event&) {};
  Pipeline<Event> crowded({.capacity = 8, .max_consumers = 2});
  crowded.then(ignore, ignore).then(ignore);
  EXPECT_EQ(crowded.start().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_FALSE(Pipeline<Event>::create({.capacity = 9}).ok());
  Pipeline<Event> twice({.capacity = 8});
  EXPECT_TRUE(twice.then(ignore).start().ok());
  EXPECT_EQ(twice.start().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(twice.publish([](Event&) {}).ok());  // and it still runs
  EXPECT_DEATH(twice.then(ignore), "after start");
}

TEST(Pipeline, HandlersAreAttachedAndDetachedWhileItRuns) {
  Pipeline<Event> pipeline({.capacity = 32});
  uint64_t handled = 0;
  pipeline.then([&](Event& event) { event.doubled = 2 * event.value; }).then([&](const Event&) {
    ++handled;
  });
  EXPECT_EQ(pipeline.attach([](const Event&) {}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(pipeline.start().ok());
  std::thread producer([&] { publish_values(pipeline); });
  for (int visit = 0; visit < 20; ++visit) {
    std::atomic<uint64_t> seen = 0;
    std::atomic<uint64_t> wrong = 0;
    uint64_t next = 0;
    const auto guest = pipeline.attach([&](const Event& event) {
      wrong += event.doubled != 2 * event.value || (next != 0 && event.value != next);
      next = event.value + 1;
      ++seen;
    });
    ASSERT_TRUE(guest.ok()) << guest.status();
    EXPECT_TRUE(pipeline.detach(*guest).ok());
    EXPECT_EQ(pipeline.detach(*guest).code(), absl::StatusCode::kNotFound);
    EXPECT_EQ(wrong, 0u);
  }
  EXPECT_EQ(pipeline.detach(0).code(), absl::StatusCode::kNotFound);  // part of a stage
  producer.join();
  EXPECT_TRUE(pipeline.drain().ok());
  EXPECT_EQ(handled, kEvents);
  EXPECT_EQ(pipeline.attach([](const Event&) {}).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(Pipeline, AnAttachedHandlerSeesEverythingPublishedSince) {
  Pipeline<Event> pipeline({.capacity = 32});
  pipeline.then([](const Event&) {});
  ASSERT_TRUE(pipeline.start().ok());
  uint64_t seen = 0;
  ASSERT_TRUE(pipeline.attach(step<wait::BlockWait>([&](const Event&) { ++seen; })).ok());
  publish_values(pipeline);
  EXPECT_TRUE(pipeline.drain().ok());
  EXPECT_EQ(seen, kEvents);
}

TEST(Pipeline, DrainTellsWhoIsLate) {
  Pipeline<Event> pipeline({.capacity = 8});
  std::atomic<bool> go_on = false;
  pipeline.then(step(
      [&](const Event&) {
        while (!go_on) std::this_thread::yield();
      },
      {.name = "stuck"}));
  ASSERT_TRUE(pipeline.start().ok());
  publish_values(pipeline, 3);
  const absl::Status late = pipeline.drain(wait::Clock::now() + std::chrono::milliseconds(1));
  EXPECT_EQ(late.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(late.message()), HasSubstr("'stuck'"));
  go_on = true;
  EXPECT_TRUE(pipeline.drain().ok());
}

TEST(Pipeline, AHaltEndsProducersThatWaitForRoom) {
  Pipeline<Event> pipeline({.capacity = 4});
  std::atomic<bool> go_on = false;
  pipeline.then([&](const Event&) {
    while (!go_on) std::this_thread::yield();
  });
  ASSERT_TRUE(pipeline.start().ok());
  publish_values(pipeline, 4);
  std::thread producer(
      [&] { EXPECT_EQ(pipeline.ring().claim().status(), absl::CancelledError("enough")); });
  pipeline.halt(absl::CancelledError("enough"));
  producer.join();
  go_on = true;
  EXPECT_EQ(pipeline.drain(), absl::CancelledError("enough"));
}

TEST(Pipeline, EachHandlerMayWaitInItsOwnWay) {
  using wait::BlockWait;
  using wait::PauseWait;
  using wait::PhasedWait;
  using wait::SleepWait;
  using wait::TimedBlockWait;
  using wait::YieldWait;
  Pipeline<Event> pipeline({.capacity = 64});
  std::atomic<uint64_t> handled = 0;
  const auto handle = [&](const Event&) { handled.fetch_add(1, std::memory_order_relaxed); };
  pipeline
      .then(step<YieldWait>(handle, {.name = "yields"}), step<BlockWait>(handle, {.max_batch = 1}),
            step<SleepWait>(handle, {}, std::chrono::microseconds(50)))
      .then(step<TimedBlockWait>(handle), step<PhasedWait<YieldWait, BlockWait>>(handle));
  ASSERT_TRUE(pipeline.start().ok());
  publish_values(pipeline);
  EXPECT_TRUE(pipeline.drain().ok());
  EXPECT_EQ(handled, 5 * kEvents);
}

}  // namespace
}  // namespace annulet::ring
