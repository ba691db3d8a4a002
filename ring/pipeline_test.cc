#include "annulet/ring/pipeline.h"

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace annulet::ring {
namespace {

using ::testing::HasSubstr;

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

}  // namespace
}  // namespace annulet::ring
