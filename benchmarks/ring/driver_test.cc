#include "annulet/benchmarks/ring/driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <utility>

#include "annulet/benchmarks/ring/event.h"
#include "annulet/benchmarks/ring/queue_plans.h"

namespace annulet::bench {
namespace {

using ::testing::Each;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// A queue that needs no trust. With kFaulty it loses an event when another one takes its place.
template <class E, bool kFaulty>
struct MutexQueue {
  static constexpr bool kManyProducers = true;
  static constexpr bool kBlocks = true;

  MutexQueue(size_t capacity_wanted, size_t) : capacity(capacity_wanted) {}

  struct Producer {
    explicit Producer(MutexQueue& of) : queue(of) {}

    template <class Source>
    size_t try_push(size_t n, const Source& source) {
      const std::lock_guard lock(queue.mutex);
      const size_t fits = std::min(n, queue.capacity - queue.events.size());
      for (size_t i = 0; i < fits; ++i) queue.events.push_back(source(i));
      if (kFaulty && fits > 1) queue.events.back() = queue.events.front();
      queue.not_empty.notify_all();
      return fits;
    }

    MutexQueue& queue;
  };

  struct Consumer {
    explicit Consumer(MutexQueue& of) : queue(of) {}

    template <class See>
    size_t try_drain(const See& see) {
      std::unique_lock lock(queue.mutex);
      return show(see);
    }

    template <class See>
    size_t drain(const See& see) {
      std::unique_lock lock(queue.mutex);
      queue.not_empty.wait(lock, [this] { return !queue.events.empty(); });
      return show(see);
    }

    template <class See>
    size_t show(const See& see) {
      const std::deque<E> taken = std::exchange(queue.events, {});
      for (const E& event : taken) see(event);
      return taken.size();
    }

    MutexQueue& queue;
  };

  const size_t capacity;
  std::mutex mutex;
  std::condition_variable not_empty;
  std::deque<E> events;
};

template <class E>
using Right = MutexQueue<E, false>;
template <class E>
using Faulty = MutexQueue<E, true>;

Options small(Topology topology) {
  return {.topology = topology,
          .ring = 16,
          .batch = 5,
          .wait = Wait::kYield,
          .events = 1009,
          .repeats = 2,
          .cpus = {0}};
}

class EveryTopology : public ::testing::TestWithParam<Topology> {};

TEST_P(EveryTopology, SumsWhatWasSentAndTimesEachRepeat) {
  for (const size_t event_bytes : {8, 64}) {
    Options options = small(GetParam());
    options.event_bytes = event_bytes;
    const absl::StatusOr<Plan> plan = queue_plan<Right>(options);
    ASSERT_TRUE(plan.ok());
    EXPECT_EQ(plan->workers.size(), threads_of(GetParam()));
    const Measured measured = measure(options, *plan);  // ends the program on a wrong sum
    EXPECT_THAT(measured.ns_per_event, SizeIs(2));
    EXPECT_THAT(measured.ns_per_event, Each(Gt(0.0)));
    EXPECT_THAT(measured.wait_share, SizeIs(2));
    EXPECT_THAT(measured.p50_ns, SizeIs(GetParam() == Topology::kPingpong ? 2 : 0));
  }
}

TEST_P(EveryTopology, BlocksWhereTheQueueCan) {
  Options options = small(GetParam());
  options.wait = Wait::kBlock;
  const absl::StatusOr<Plan> plan = queue_plan<Right>(options);
  ASSERT_EQ(plan.ok(), GetParam() != Topology::kDiamond);
  if (plan.ok()) measure(options, *plan);
}

INSTANTIATE_TEST_SUITE_P(Driver, EveryTopology,
                         ::testing::Values(Topology::kUnicast, Topology::kPipeline,
                                           Topology::kMulticast, Topology::kDiamond,
                                           Topology::kProducers, Topology::kPingpong),
                         [](const auto& param) { return std::string(name_of(param.param)); });

TEST(DriverDeathTest, AContestantThatChangesAnEventEndsTheProgram) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const Options options = small(Topology::kUnicast);
  EXPECT_DEATH(measure(options, *queue_plan<Faulty>(options)), "lost, doubled or changed");
}

TEST(Driver, ALineOfJsonHasAFigureForEachRepeat) {
  EXPECT_EQ(
      to_json("me", small(Topology::kUnicast), {.ns_per_event = {1.5, 2}, .wait_share = {0, 0.25}}),
      R"({"contestant":"me","topology":"unicast","ns_per_event":[1.500,2.000],)"
      R"("wait_share":[0.0000,0.2500]})");
  EXPECT_EQ(to_json("me", small(Topology::kPingpong),
                    {.p50_ns = {90}, .p99_ns = {200}, .wait_share = {0}}),
            R"({"contestant":"me","topology":"pingpong","p50_ns":[90],"p99_ns":[200],)"
            R"("wait_share":[0.0000]})");
}

TEST(Event, TheSumOfARangeIsThatOfItsEvents) {
  uint64_t sum = 0;
  for (uint64_t i = 3; i < 3 + 7; ++i) sum += Event<64>::of(i).sum();
  EXPECT_EQ(sum_of_range<Event<64>>(7, 3), sum);
  EXPECT_EQ(sum_of_range<Event<8>>(4), 6u);
  EXPECT_EQ(sum_of_range<Event<8>>(0), 0u);
}

TEST(Options, ThoseThatNoContestantCouldFollowAreRefused) {
  const auto why = [](const auto& change) {
    Options options;
    change(options);
    return std::string(validate(options).message());
  };
  EXPECT_EQ(why([](Options&) {}), "");
  EXPECT_THAT(why([](Options& o) { o.ring = 1000; }), HasSubstr("--ring"));
  EXPECT_THAT(why([](Options& o) { o.ring = 1; }), HasSubstr("--ring"));
  EXPECT_THAT(why([](Options& o) { o.batch = 0; }), HasSubstr("--batch"));
  EXPECT_THAT(why([](Options& o) { o.batch = kMaxBatch + 1; }), HasSubstr("--batch"));
  EXPECT_THAT(why([](Options& o) { o.event_bytes = 16; }), HasSubstr("--event_bytes"));
  EXPECT_THAT(why([](Options& o) { o.events = 0; }), HasSubstr("--events"));
  EXPECT_THAT(why([](Options& o) { o.repeats = 0; }), HasSubstr("--repeats"));
  EXPECT_THAT(why([](Options& o) { o.cpus.clear(); }), HasSubstr("--cpus"));
  EXPECT_FALSE(parse_topology("star").ok());
  EXPECT_FALSE(parse_wait("hope").ok());
}

}  // namespace
}  // namespace annulet::bench
