#include "annulet/testing/axioms.h"

#include <array>
#include <string_view>
#include <utility>

#include "absl/log/check.h"
#include "annulet/testing/internal/candidate.h"

namespace annulet::model_check::axioms {
namespace {

// Walks through the executions of a program event by event; turns back where an axiom is broken.
class Walk {
 public:
  explicit Walk(const Program& program) : program_(program), threads_(program.size()) {
    for (int i = 0; i < kLocations; ++i) events_.push_back({.location = i, .writes = true});
  }

  Verdict run() {
    go_on();
    return std::move(verdict_);
  }

 private:
  struct Thread {
    size_t next = 0;  // step
    uint32_t last_read = 0;
  };

  void go_on() {
    bool ended = true;
    for (size_t i = 0; i < program_.size(); ++i) {
      const Thread before = threads_[i];
      if (const Step* const step = next_step(i)) {
        ended = false;
        execute(i, *step);
      }
      threads_[i] = before;
    }
    if (ended) end();
  }

  // Null at the end of the thread.
  const Step* next_step(size_t i) {
    Thread& thread = threads_[i];
    while (thread.next < program_[i].size()) {
      const Step& step = program_[i][thread.next++];
      if (!step.guarded || thread.last_read != 0) return &step;
    }
    return nullptr;
  }

  // Goes on behind each event that the step can be.
  void execute(size_t thread, const Step& step) {
    const Event event = {.thread = static_cast<int>(thread),
                         .kind = step.kind,
                         .order = step.order,
                         .location = step.location};
    switch (step.kind) {
      case Kind::kStore:
        return store(event, step.value);
      case Kind::kFence:
      case Kind::kCellRead:
      case Kind::kCellWrite:
        return append(event);
      case Kind::kLoad:
      case Kind::kFetchAdd:
      case Kind::kCompareExchange:
        for (size_t i = 0; i < events_.size(); ++i) {
          if (events_[i].writes && events_[i].location == step.location) read(event, step, i);
        }
    }
  }

  void read(Event event, const Step& step, size_t source) {
    event.reads = true;
    event.source = source;
    event.read = events_[source].written;
    threads_[event.thread].last_read = event.read;
    if (step.kind == Kind::kFetchAdd) return store(event, event.read + step.value);
    if (step.kind == Kind::kCompareExchange) {
      if (event.read == step.expected) return store(event, step.value);
      event.order = step.failure;
    }
    append(event);
  }

  void store(Event event, uint32_t value) {
    event.writes = true;
    event.written = value;
    append(event);
  }

  void append(const Event& event) {
    events_.push_back(event);
    if (keeps_the_axioms(events_)) go_on();
    events_.pop_back();
  }

  void end() {
    verdict_.data_race |= has_data_race(events_);
    Outcome outcome;
    for (size_t i = 0; i < program_.size(); ++i) {
      for (const Event& event : events_) {
        if (event.reads && event.thread == static_cast<int>(i)) outcome.push_back(event.read);
      }
    }
    std::array<uint32_t, kLocations> last{};
    for (const Event& event : events_) {
      if (event.writes) last[event.location] = event.written;
    }
    outcome.insert(outcome.end(), last.begin(), last.end());
    verdict_.outcomes.insert(std::move(outcome));
  }

  const Program& program_;
  std::vector<Thread> threads_;
  Candidate events_;
  Verdict verdict_;
};

std::string_view name(Kind kind) {
  constexpr std::array<std::string_view, 7> kNames = {
      "load", "store", "fetch_add", "compare_exchange", "fence", "cell read", "cell write"};
  return kNames[static_cast<size_t>(kind)];
}

std::string_view name(std::memory_order order) {
  constexpr std::array<std::string_view, 6> kNames = {"relaxed", "consume", "acquire",
                                                      "release", "acq_rel", "seq_cst"};
  return kNames[static_cast<size_t>(order)];
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Step& step) {
  if (step.guarded) out << "if read: ";
  out << name(step.kind);
  if (step.kind == Kind::kCellRead || step.kind == Kind::kCellWrite) return out;
  out << ' ' << name(step.order);
  if (step.kind == Kind::kFence) return out;
  out << " of " << "xy"[step.location];
  if (step.kind == Kind::kCompareExchange) {
    out << " from " << step.expected << ", else " << name(step.failure);
  }
  return step.kind == Kind::kLoad ? out : out << ": " << step.value;
}

Verdict judge(const Program& program) {
  size_t steps = 0;
  for (const std::vector<Step>& thread : program) steps += thread.size();
  CHECK_LE(steps, kMaxSteps);
  return Walk(program).run();
}

}  // namespace annulet::model_check::axioms
