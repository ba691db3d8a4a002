#include "annulet/ring/handler.h"

#include <chrono>
#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include "annulet/ring/ring.h"
#include "annulet/wait/strategy.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace annulet::ring {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Numbers = std::vector<uint64_t>;
using TestRing = Ring<uint64_t>;

// A closed ring with the events 0 .. count-1, and its only consumer.
struct Filled {
  explicit Filled(uint64_t count) {
    for (uint64_t value = 0; value < count; ++value) {
      EXPECT_TRUE(ring.publish([&](uint64_t& event) { event = value; }).ok());
    }
    ring.close();
  }

  template <class Handler>
  absl::Status run(Handler&& handler, const RunOptions& options = {}) {
    return ring::run(ring, consumer, handler, wait::BlockWait(), options);
  }

  TestRing ring{{.capacity = 16}};
  TestRing::Consumer consumer = *ring.add_consumer();
};

TEST(Handler, TakesTheEventTheSequenceAndWhetherItIsTheLastOfItsBatch) {
  Numbers seen;
  EXPECT_TRUE(Filled(3).run([&](uint64_t event) { seen.push_back(event); }).ok());
  EXPECT_THAT(seen, ElementsAre(0, 1, 2));
  seen.clear();
  EXPECT_TRUE(Filled(2).run([&](uint64_t&, Sequence sequence) { seen.push_back(sequence); }).ok());
  EXPECT_THAT(seen, ElementsAre(0, 1));
  std::vector<bool> lasts;
  const auto note_last = [&](const uint64_t&, Sequence, bool last) { lasts.push_back(last); };
  EXPECT_TRUE(Filled(5).run(note_last, {.max_batch = 2}).ok());
  EXPECT_EQ(lasts.size(), 5u);
  EXPECT_TRUE(lasts.back());
}

struct Hooked {
  void operator()(const uint64_t&) { log += 'e'; }
  void on_start() { log += '('; }
  void on_shutdown() { log += ')'; }
  void on_batch(size_t size) { log += static_cast<char>('0' + size); }

  std::string log;
};

TEST(Handler, HasHooksForStartBatchesAndShutdown) {
  Hooked handler;
  EXPECT_TRUE(Filled(3).run(handler, {.max_batch = 1}).ok());
  EXPECT_EQ(handler.log, "(1e1e1e)");
}

TEST(Handler, IsToldWhenNothingComes) {
  TestRing ring({.capacity = 4});
  auto consumer = *ring.add_consumer();
  struct Idle {
    void operator()(uint64_t) {}
    void on_idle() {
      if (++times == 3) ring.close();
    }
    TestRing& ring;
    int times = 0;
  } handler{ring};
  const RunOptions options{.idle_after = std::chrono::microseconds(100)};
  EXPECT_TRUE(run(ring, consumer, handler, wait::BlockWait(), options).ok());
  EXPECT_EQ(handler.times, 3);
}

TEST(Handler, ReleasesEarlyForThoseWhoComeAfter) {
  Filled filled(4);
  Numbers released;
  EXPECT_TRUE(filled
                  .run([&](uint64_t event) {
                    released.push_back(filled.consumer.sequence());
                    return event == 1 ? Flow::kRelease : Flow::kContinue;
                  })
                  .ok());
  // The batches before were released at their end.
  EXPECT_EQ(released.size(), 4u);
  EXPECT_GE(released[2], 2u);
}

TEST(Handler, RewindsABatchToItsFirstEventThatIsNotReleased) {
  Filled filled(1);
  Numbers seen;
  // Two batches: that of one event, and what the second wait finds.
  auto retry_twice = [&, tries = 0](uint64_t event) mutable {
    seen.push_back(event);
    return ++tries < 3 ? Flow::kRewind : Flow::kContinue;
  };
  EXPECT_TRUE(filled.run(retry_twice).ok());
  EXPECT_THAT(seen, ElementsAre(0, 0, 0));
}

TEST(Handler, ABatchThatIsRewoundTooOftenFails) {
  Filled filled(1);
  const absl::Status status =
      filled.run([](uint64_t) { return Flow::kRewind; }, {.name = "again", .max_rewinds = 5});
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("'again' failed at event 0: the batch was rewound more than 5 times"));
}

TEST(Handler, AnExceptionHaltsTheRingAndReleasesNothingFromThere) {
  Filled filled(5);
  Numbers seen;
  const absl::Status status = filled.run([&](uint64_t event) {
    if (event == 2) throw std::runtime_error("two");
    seen.push_back(event);
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("a consumer failed at event 2: two"));
  EXPECT_THAT(seen, ElementsAre(0, 1));
  EXPECT_LE(filled.consumer.sequence(), 2u);
  EXPECT_EQ(filled.ring.failure(), status);
}

TEST(Handler, AFailureMayBeSkipped) {
  Numbers seen;
  Numbers failed;
  const auto fail_when_odd = [&](uint64_t event) {
    if (event % 2 == 1) throw event;
    seen.push_back(event);
  };
  const auto skip = [&](const Failure& failure) {
    failed.push_back(failure.sequence);
    EXPECT_EQ(failure.name, "odd");
    return Remedy::kSkip;
  };
  EXPECT_TRUE(Filled(6).run(fail_when_odd, {.name = "odd", .on_failure = skip}).ok());
  EXPECT_THAT(seen, ElementsAre(0, 2, 4));
  EXPECT_THAT(failed, ElementsAre(1, 3, 5));
}

TEST(Handler, WhoThrowsWhileDecidingOnAFailureHaltsTheRing) {
  const auto throws = [](const Failure&) -> Remedy { throw std::runtime_error("undecided"); };
  const absl::Status status = Filled(1).run([](uint64_t) { throw 42; }, {.on_failure = throws});
  EXPECT_THAT(std::string(status.message()), HasSubstr("something that is no std::exception"));
}

TEST(Handler, ExceptionsInHooksAreFailures) {
  struct FailsToStart {
    void operator()(uint64_t) { ADD_FAILURE() << "handled an event"; }
    void on_start() { throw std::runtime_error("no disk"); }
    void on_shutdown() { ended = true; }
    bool ended = false;
  } handler;
  EXPECT_THAT(std::string(Filled(1).run(handler).message()), HasSubstr("no disk"));
  EXPECT_TRUE(handler.ended);
}

}  // namespace
}  // namespace annulet::ring
