// The model checker against the axioms of the C++ memory model: the same outcomes, the same races.
// Random programs from fixed seeds.
#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "annulet/testing/axioms.h"
#include "annulet/testing/model_check.h"
#include "gtest/gtest.h"

namespace annulet::model_check {
namespace {

using axioms::Kind;
using axioms::Outcome;
using axioms::Program;
using axioms::Step;
using axioms::Verdict;

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;
constexpr auto kAcqRel = std::memory_order_acq_rel;
constexpr auto kSeqCst = std::memory_order_seq_cst;

// --- a program under the model checker ---

struct Shared {
  std::array<ModelSync::atomic<uint32_t>, axioms::kLocations> atomics;
  ModelSync::cell<uint32_t> cell;
};

// What the step reads, if it is one that reads.
std::optional<uint32_t> execute(const Step& step, Shared& shared) {
  auto& atomic = shared.atomics[step.location];
  switch (step.kind) {
    case Kind::kLoad:
      return atomic.load(step.order);
    case Kind::kStore:
      atomic.store(step.value, step.order);
      return {};
    case Kind::kFetchAdd:
      return atomic.fetch_add(step.value, step.order);
    case Kind::kCompareExchange: {
      uint32_t expected = step.expected;
      atomic.compare_exchange_strong(expected, step.value, step.order, step.failure);
      return expected;
    }
    case Kind::kFence:
      ModelSync::fence(step.order);
      return {};
    case Kind::kCellRead:
      static_cast<void>(shared.cell.read());
      return {};
    case Kind::kCellWrite:
      shared.cell.write() = step.value;
      return {};
  }
  return {};
}

Outcome execute_all(const std::vector<Step>& steps, Shared& shared) {
  Outcome reads;
  for (const Step& step : steps) {
    if (step.guarded && (reads.empty() || reads.back() == 0)) continue;
    if (const std::optional<uint32_t> read = execute(step, shared)) reads.push_back(*read);
  }
  return reads;
}

struct Explored {
  Result result;
  std::set<Outcome> outcomes;
};

Explored explore(const Program& program) {
  Explored explored;
  const auto body = [&] {
    Shared shared;
    std::vector<Outcome> reads(program.size());
    std::vector<ModelThread> threads;
    for (size_t i = 0; i < program.size(); ++i) {
      threads.push_back(
          {"T" + std::to_string(i), [&, i] { reads[i] = execute_all(program[i], shared); }});
    }
    run_threads(std::move(threads));
    Outcome outcome;
    for (const Outcome& read : reads) outcome.insert(outcome.end(), read.begin(), read.end());
    for (const auto& atomic : shared.atomics) outcome.push_back(atomic.load(kRelaxed));
    explored.outcomes.insert(std::move(outcome));
  };
  explored.result = check("axiomatic", body, {.preemptions = kUnbounded});
  return explored;
}

// The verdict of the axioms, which must be that of the model checker.
Verdict compare(const Program& program) {
  const Verdict verdict = axioms::judge(program);
  const Explored explored = explore(program);
  if (verdict.data_race) {
    EXPECT_NE(explored.result.failure.find("data race"), std::string::npos) << explored.result;
  } else {
    EXPECT_TRUE(explored.result.ok()) << explored.result;
    EXPECT_EQ(explored.outcomes, verdict.outcomes);
  }
  return verdict;
}

// --- random programs ---

class Dice {
 public:
  explicit Dice(uint32_t seed) : random_(seed) {}

  uint32_t below(uint32_t limit) { return static_cast<uint32_t>(random_() % limit); }

  template <class T, size_t kSides>
  T pick(const T (&sides)[kSides]) {
    return sides[below(kSides)];
  }

 private:
  std::mt19937 random_;
};

// What orders the threads of a program, and what shows it.
enum class Mix : uint8_t { kOrderedAccesses, kFences, kCell };

Kind random_kind(Mix mix, size_t position, Dice& dice) {
  if (mix == Mix::kFences && position % 2 == 1) return Kind::kFence;
  const uint32_t percent = dice.below(100);
  if (mix == Mix::kCell && percent < 30) return percent < 10 ? Kind::kCellRead : Kind::kCellWrite;
  if (mix != Mix::kFences && percent >= 90) return Kind::kFence;
  const uint32_t die = dice.below(10);
  if (die < 8) return die < 4 ? Kind::kLoad : Kind::kStore;
  return die == 8 ? Kind::kFetchAdd : Kind::kCompareExchange;
}

std::memory_order random_order(Kind kind, Dice& dice) {
  switch (kind) {
    case Kind::kLoad:
      return dice.pick({kRelaxed, kRelaxed, kAcquire, kSeqCst});
    case Kind::kStore:
      return dice.pick({kRelaxed, kRelaxed, kRelease, kSeqCst});
    case Kind::kFetchAdd:
    case Kind::kCompareExchange:
      return dice.pick({kRelaxed, kAcquire, kRelease, kAcqRel, kSeqCst});
    case Kind::kFence:
      return dice.pick({kAcquire, kRelease, kAcqRel, kSeqCst, kSeqCst});
    case Kind::kCellRead:
    case Kind::kCellWrite:
      return kRelaxed;
  }
  return kRelaxed;
}

// Two threads with up to four steps, or five with fences; or three threads with up to three.
Program random_program(Mix mix, uint32_t seed) {
  Dice dice(seed);
  Program program(2 + dice.below(2));
  const uint32_t lengths = program.size() == 2 && mix == Mix::kFences ? 3 : 2;
  uint32_t value = 0;
  for (std::vector<Step>& thread : program) {
    thread.resize((program.size() == 2 ? 3 : 2) + dice.below(lengths));
    for (size_t i = 0; i < thread.size(); ++i) {
      Step& step = thread[i];
      step.kind = random_kind(mix, i, dice);
      const bool relaxed = mix == Mix::kFences && step.kind != Kind::kFence;
      step.order = relaxed ? kRelaxed : random_order(step.kind, dice);
      step.failure = relaxed ? kRelaxed : dice.pick({kRelaxed, kAcquire, kSeqCst});
      step.location = static_cast<int>(dice.below(axioms::kLocations));
      // Tells each store from the others; what is added leads beyond them.
      step.value = step.kind == Kind::kFetchAdd ? 100 : ++value;
      step.expected = dice.below(3);
      step.guarded = i > 0 && dice.below(mix == Mix::kCell ? 2 : 8) == 0;
    }
  }
  return program;
}

class MemoryModel : public testing::TestWithParam<Mix> {};

TEST_P(MemoryModel, HasTheOutcomesAndTheRacesOfTheAxiomsForRandomPrograms) {
  constexpr uint32_t kPrograms = 1400;
  int races = 0;
  size_t outcomes = 0;
  for (uint32_t seed = 0; seed < kPrograms && !HasFailure(); ++seed) {
    const Program program = random_program(GetParam(), seed);
    SCOPED_TRACE("seed " + std::to_string(seed) + ": " + testing::PrintToString(program));
    const Verdict verdict = compare(program);
    races += verdict.data_race ? 1 : 0;
    outcomes += verdict.outcomes.size();
  }
  RecordProperty("programs", std::to_string(kPrograms));
  RecordProperty("data_races", std::to_string(races));
  RecordProperty("outcomes", std::to_string(outcomes));
}

INSTANTIATE_TEST_SUITE_P(OfOrderedAccesses, MemoryModel, testing::Values(Mix::kOrderedAccesses));
INSTANTIATE_TEST_SUITE_P(OfFences, MemoryModel, testing::Values(Mix::kFences));
INSTANTIATE_TEST_SUITE_P(AroundACell, MemoryModel, testing::Values(Mix::kCell));

}  // namespace
}  // namespace annulet::model_check
