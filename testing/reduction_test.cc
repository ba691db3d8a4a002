// The reduction against the exhaustive search: random programs, the same outcomes.
#include <array>
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "annulet/testing/model_check.h"
#include "gtest/gtest.h"

namespace annulet::model_check {
namespace {

constexpr int kSteps = 4;

enum class Kind : uint8_t {
  kLoad,
  kStore,
  kFetchAdd,
  kExchange,
  kCompareExchange,
  kFence,
  kLocked,
  kTryLock,
  kFutexWait,
  kFutexWake,
  kNotify,
  kPause,
};

struct Step {
  Kind kind;
  std::memory_order order;
  int location;
  uint32_t value;
};

using Program = std::vector<std::array<Step, kSteps>>;  // by thread

std::memory_order order_for(Kind kind, uint32_t random) {
  constexpr std::array kLoads = {std::memory_order_relaxed, std::memory_order_acquire,
                                 std::memory_order_seq_cst};
  constexpr std::array kStores = {std::memory_order_relaxed, std::memory_order_release,
                                  std::memory_order_seq_cst};
  constexpr std::array kOthers = {std::memory_order_relaxed, std::memory_order_acquire,
                                  std::memory_order_release, std::memory_order_acq_rel,
                                  std::memory_order_seq_cst};
  if (kind == Kind::kLoad) return kLoads[random % kLoads.size()];
  if (kind == Kind::kStore) return kStores[random % kStores.size()];
  return kOthers[random % kOthers.size()];
}

Program random_program(uint32_t seed) {
  std::mt19937 random(seed);
  Program program(2 + random() % 2);
  for (auto& thread : program) {
    for (Step& step : thread) {
      // Half of the steps are loads and stores, which have the most outcomes.
      step.kind = static_cast<Kind>(random() % 2 == 0 ? random() % 2 : random() % 12);
      step.order = order_for(step.kind, random());
      step.location = static_cast<int>(random() % 2);
      step.value = 1 + random() % 3;
    }
  }
  return program;
}

struct Shared {
  std::array<ModelSync::atomic<uint32_t>, 2> atomics;
  ModelSync::mutex mutex;
  ModelSync::cell<uint32_t> under_mutex;
  ModelSync::condition_variable condition;
};

// What the thread learns by the step.
uint32_t execute(const Step& step, Shared& shared) {
  auto& atomic = shared.atomics[step.location];
  switch (step.kind) {
    case Kind::kLoad:
      return atomic.load(step.order);
    case Kind::kStore:
      atomic.store(step.value, step.order);
      return 0;
    case Kind::kFetchAdd:
      return atomic.fetch_add(step.value, step.order);
    case Kind::kExchange:
      return atomic.exchange(step.value, step.order);
    case Kind::kCompareExchange: {
      uint32_t expected = step.value - 1;
      const bool done =
          atomic.compare_exchange_weak(expected, step.value, step.order, std::memory_order_relaxed);
      return done ? 9 : expected;
    }
    case Kind::kFence:
      ModelSync::fence(step.order);
      return 0;
    case Kind::kLocked: {
      const ModelSync::lock_guard lock(shared.mutex);
      return shared.under_mutex.write() += step.value;
    }
    case Kind::kTryLock: {
      if (!shared.mutex.try_lock()) return 9;
      const uint32_t seen = shared.under_mutex.read();
      atomic.store(step.value, std::memory_order_relaxed);  // another may want the lock meanwhile
      shared.mutex.unlock();
      return seen;
    }
    case Kind::kFutexWait:
      ModelSync::futex_wait(atomic, step.value - 1, wait::Deadline());
      return atomic.load(std::memory_order_relaxed);
    case Kind::kFutexWake:
      ModelSync::futex_wake(atomic, 1);
      return 0;
    case Kind::kNotify:
      shared.condition.notify_all();
      return 0;
    case Kind::kPause:
      ModelSync::pause();
      return 0;
  }
  return 0;
}

std::set<std::string> outcomes(const Program& program, int preemptions, bool reduction,
                               uint64_t& executions) {
  std::set<std::string> result;
  const Result explored =
      check("random",
            [&] {
              Shared shared;
              std::array<std::string, kSteps> learnt;
              std::vector<ModelThread> threads;
              for (size_t i = 0; i < program.size(); ++i) {
                threads.push_back({"T" + std::to_string(i), [&, i] {
                                     for (const Step& step : program[i]) {
                                       learnt[i] += std::to_string(execute(step, shared)) + " ";
                                     }
                                   }});
              }
              run_threads(std::move(threads));
              std::string outcome;
              for (const std::string& words : learnt) outcome += words + "| ";
              for (auto& atomic : shared.atomics) outcome += std::to_string(atomic.load()) + " ";
              result.insert(outcome);
            },
            {.preemptions = preemptions, .reduction = reduction});
  EXPECT_TRUE(explored.ok()) << explored;
  executions += explored.executions;
  return result;
}

class Reduction : public testing::TestWithParam<int> {};  // the bound on preemptions

TEST_P(Reduction, LosesNoOutcomeOfARandomProgram) {
  uint64_t exhaustive = 0;
  uint64_t reduced = 0;
  size_t distinct = 0;
  for (uint32_t seed = 0; seed < 80; ++seed) {
    const Program program = random_program(seed);
    const std::set<std::string> all = outcomes(program, GetParam(), false, exhaustive);
    EXPECT_EQ(outcomes(program, GetParam(), true, reduced), all) << "seed " << seed;
    distinct += all.size();
  }
  EXPECT_LT(reduced, exhaustive);
  RecordProperty("executions", std::to_string(reduced));
  RecordProperty("exhaustive_executions", std::to_string(exhaustive));
  RecordProperty("outcomes", std::to_string(distinct));
}

INSTANTIATE_TEST_SUITE_P(WithPreemptions, Reduction, testing::Values(0, 1, 2));

}  // namespace
}  // namespace annulet::model_check
