#include "annulet/task/executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <source_location>
#include <string>
#include <thread>
#include <vector>

#include "annulet/task/inbox.h"
#include "annulet/task/runnable_queue.h"
#include "annulet/task/worker_context.h"
#include "annulet/wait/thread_parker.h"

namespace annulet::task {
namespace {

struct Counter : CallbackRunnable {
  Counter() : CallbackRunnable(&count) {}
  static void count(CallbackRunnable* self) noexcept { ++static_cast<Counter*>(self)->runs; }
  int runs = 0;
};

TEST(CallbackRunnable, RunsEachTimeItIsPosted) {
  WorkerContext context;
  Counter counter;
  EXPECT_FALSE(run(context, &counter));
  EXPECT_FALSE(run(context, &counter));
  EXPECT_EQ(counter.runs, 2);
}

class NoLoop final : public Executor {
 public:
  void post(Runnable*) noexcept override {}
  bool admit() noexcept override { return true; }
};

TEST(Executor, KeepsOneContextForEachPairOfPriorityAndName) {
  NoLoop executor;
  const Context& low = executor.context(Priority::kLow, "name");
  EXPECT_EQ(low.priority, Priority::kLow);
  EXPECT_STREQ(low.name, "name");
  EXPECT_EQ(&executor.context(Priority::kLow, std::string("name").c_str()), &low);
  EXPECT_NE(&executor.context(Priority::kHigh, "name"), &low);
  EXPECT_EQ(&executor.context(Priority::kLow, nullptr), &executor.context(Priority::kLow));
}

TEST(Executor, ANameWithThePlaceOfTheSpawnOutlivesIt) {
  const auto site = std::source_location::current();
  const auto name_in = [&](Executor& executor) {
    const Context& context = executor.context(Priority::kNormal, "visit", site);
    EXPECT_EQ(&executor.context(Priority::kNormal, "visit", site), &context);
    return context.name;
  };
  NoLoop second;
  const char* const name = name_in(*std::make_unique<NoLoop>());
  EXPECT_EQ(std::string(name), std::string("visit, spawned at ") + site.file_name() + ":" +
                                   std::to_string(site.line()));
  EXPECT_EQ(name_in(second), name) << "kept once";
}

TEST(RunnableQueue, IsFirstInFirstOutAlsoForChains) {
  RunnableQueue queue;
  Runnable nodes[4];
  EXPECT_EQ(queue.pop(), nullptr);
  nodes[1].next = &nodes[2];
  queue.push(&nodes[0]);
  queue.push_chain(&nodes[1]);
  queue.push_chain(nullptr);
  queue.push(&nodes[3]);
  for (Runnable& node : nodes) EXPECT_EQ(queue.pop(), &node);
  EXPECT_TRUE(queue.empty());
  queue.push(&nodes[0]);
  EXPECT_EQ(queue.pop(), &nodes[0]);
}

TEST(RunnableQueue, GivesAwayAllAsAChainAndGoesOnEmpty) {
  RunnableQueue queue;
  Runnable nodes[3];
  EXPECT_EQ(queue.take_all(), nullptr);
  queue.push(&nodes[0]);
  queue.push(&nodes[1]);
  EXPECT_EQ(queue.take_all(), &nodes[0]);
  EXPECT_EQ(nodes[0].next, &nodes[1]);
  EXPECT_EQ(nodes[1].next, nullptr);
  EXPECT_TRUE(queue.empty());
  queue.push(&nodes[2]);
  EXPECT_EQ(queue.pop(), &nodes[2]);
}

struct Item {
  Item* next = nullptr;
  int producer = 0;
  int number = 0;
};

TEST(Inbox, TellsOnlyThePusherThatFindsTheOwnerAsleepToWakeIt) {
  Inbox<Item> inbox;
  Item items[3];
  EXPECT_FALSE(inbox.push(&items[0]));
  EXPECT_FALSE(inbox.begin_sleep()) << "something is there";
  EXPECT_EQ(inbox.take_all(), &items[0]);
  ASSERT_TRUE(inbox.begin_sleep());
  EXPECT_EQ(inbox.take_all(), nullptr);
  EXPECT_TRUE(inbox.push(&items[1]));
  EXPECT_FALSE(inbox.push(&items[2]));
  inbox.woke();
  inbox.end_sleep();
  Item* all = inbox.take_all();
  EXPECT_EQ(all, &items[1]);
  EXPECT_EQ(all->next, &items[2]);
  inbox.quiesce();
}

// Fault 5: the signal goes out only on empty -> non-empty, and a drain may race a push.
TEST(Inbox, LosesNothingAndKeepsEachProducersOrderWhileItsOwnerSleepsAndWakes) {
  constexpr int kProducers = 3;
  constexpr int kItems = 20000;
  Inbox<Item> inbox;
  wait::ThreadParker parker;
  std::vector<std::vector<Item>> items(kProducers, std::vector<Item>(kItems));
  std::vector<std::thread> producers;
  for (int p = 0; p < kProducers; ++p) {
    producers.emplace_back([&, p] {
      for (int i = 0; i < kItems; ++i) {
        items[p][i].producer = p;
        items[p][i].number = i;
        if (inbox.push(&items[p][i])) {
          parker.unpark();
          inbox.woke();
        }
        if (i % 512 == 0) std::this_thread::yield();
      }
    });
  }
  int next[kProducers] = {};
  for (int taken = 0; taken < kProducers * kItems;) {
    for (Item* item = inbox.take_all(); item != nullptr; item = item->next, ++taken) {
      ASSERT_EQ(item->number, next[item->producer]++);
    }
    if (taken < kProducers * kItems && inbox.begin_sleep()) {
      parker.park(wait::kNever);
      inbox.end_sleep();
    }
  }
  inbox.quiesce();
  for (std::thread& producer : producers) producer.join();
}

}  // namespace
}  // namespace annulet::task
