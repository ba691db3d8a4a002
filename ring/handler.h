// Handlers: what a thread does with each event of its consumer, and the loop that does it.
//
// A handler is any callable with (event), (event, sequence) or (event, sequence, last), where
// `last` says that no more events of this batch follow. It returns nothing, or a Flow. It may have
// hooks: on_start(), on_shutdown(), on_idle() (nothing came for RunOptions::idle_after), and
// on_batch(size).
//
//   absl::Status status = ring::run(ring, consumer, [](Event& event) { ... }, strategy);
//
// An exception in a handler or hook is contained. RunOptions::on_failure decides what becomes of
// it; by default the ring is halted, and claims, drain() and run() return an error that names the
// consumer, the event, and what was thrown.
//
// Cost: the handler is inlined into the loop. Threads: run() returns when the ring has ended.
#ifndef ANNULET_RING_HANDLER_H_
#define ANNULET_RING_HANDLER_H_

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <type_traits>

#include "absl/status/status.h"
#include "annulet/ring/ring.h"
#include "annulet/ring/sequence.h"
#include "annulet/wait/deadline.h"

namespace annulet::ring {

enum class Flow : uint8_t {
  kContinue,
  kRelease,  // those who wait for this event, and for those before, may have them now
  kRewind,   // handle the batch again, from its first event that is not released
};

struct Failure {
  std::exception_ptr error;
  Sequence sequence;        // of the event; in a hook, of the next one
  const std::string& name;  // of the consumer
};

// What becomes of a failure.
enum class Remedy : uint8_t {
  kHalt,  // the ring is halted; producers learn why
  kSkip,  // the consumer goes on with the next event
};

struct RunOptions {
  // For messages; in a pipeline also for metrics and the thread's name.
  std::string name = {};
  // Events between releases; 0: a quarter of the ring, for a worker of a group one.
  size_t max_batch = 0;
  // on_idle() is called whenever nothing came for so long.
  std::chrono::nanoseconds idle_after = std::chrono::nanoseconds::max();
  // A batch that is rewound more often than this fails.
  uint32_t max_rewinds = 1000;
  // Called on the consumer's thread. Empty: kHalt.
  std::function<Remedy(const Failure&)> on_failure = {};
};

namespace internal {

// What halts a ring when a handler has thrown.
absl::Status failure_status(const Failure& failure);

std::exception_ptr too_many_rewinds(uint32_t rewinds);

// handler(event, sequence, last) with as many arguments as it takes.
template <class Handler, class Event>
decltype(auto) call_handler(Handler& handler, Event& event, Sequence sequence, bool last) {
  if constexpr (std::is_invocable_v<Handler&, Event&, Sequence, bool>) {
    return handler(event, sequence, last);
  } else if constexpr (std::is_invocable_v<Handler&, Event&, Sequence>) {
    return handler(event, sequence);
  } else {
    static_assert(std::is_invocable_v<Handler&, Event&>,
                  "a handler takes (event), (event, sequence) or (event, sequence, last); one that "
                  "is not alone in its stage gets a const event");
    return handler(event);
  }
}

// The loop of one handler. Event: T or const T.
template <class Event, class Ring, class Reader, class Handler, class Wait>
class Runner {
 public:
  Runner(Ring& ring, Reader& reader, Handler& handler, Wait& strategy, const RunOptions& options)
      : ring_(ring), reader_(reader), handler_(handler), strategy_(strategy), options_(options) {
    max_batch_ = options.max_batch != 0 ? options.max_batch : reader.default_batch();
    next_ = reader.sequence();
  }

  absl::Status run() {
    if constexpr (requires { handler_.on_start(); }) guard([&] { handler_.on_start(); });
    while (!failed_) {
      const Wake wake = reader_.wait(strategy_, idle_deadline());
      if (wake == Wake::kEnded) break;
      if (wake == Wake::kReady) {
        handle(reader_.take(max_batch_));
      } else if constexpr (requires { handler_.on_idle(); }) {
        guard([&] { handler_.on_idle(); });
      }
    }
    if constexpr (requires { handler_.on_shutdown(); }) guard([&] { handler_.on_shutdown(); });
    return failed_ ? ring_.failure() : absl::OkStatus();
  }

 private:
  using Batch = typename Reader::Batch;

  wait::Deadline idle_deadline() const {
    if (options_.idle_after == std::chrono::nanoseconds::max()) return wait::kNever;
    return wait::deadline_after(wait::Clock::now(), options_.idle_after);
  }

  void handle(const Batch& batch) {
    if (batch.empty()) return;
    next_ = batch.sequence();
    if constexpr (requires { handler_.on_batch(batch.size()); }) {
      guard([&] { handler_.on_batch(batch.size()); });
    }
    released_ = 0;
    size_t index = 0;
    uint32_t rewinds = 0;
    while (index < batch.size() && !failed_) {
      try {
        index = handle_from(batch, index, rewinds);
      } catch (...) {
        fail(std::current_exception());
        index = next_ - batch.sequence() + 1;
      }
    }
    // What failed, and what follows it, is not released: nobody after this consumer sees it.
    if (failed_) return;
    reader_.release(batch.size() - released_);
    next_ = batch.sequence() + batch.size();
  }

  // Handles events until the batch ends or is rewound; returns where to go on.
  size_t handle_from(const Batch& batch, size_t index, uint32_t& rewinds) {
    for (; index < batch.size(); ++index) {
      next_ = batch.sequence() + index;
      const bool last = index + 1 == batch.size();
      Event& event = batch[index];
      if constexpr (std::is_void_v<decltype(call_handler(handler_, event, next_, last))>) {
        call_handler(handler_, event, next_, last);
      } else {
        const Flow flow = call_handler(handler_, event, next_, last);
        if (flow == Flow::kRelease) {
          reader_.release(index + 1 - released_);
          released_ = index + 1;
        } else if (flow == Flow::kRewind) {
          if (++rewinds <= options_.max_rewinds) return released_;
          std::rethrow_exception(too_many_rewinds(options_.max_rewinds));
        }
      }
    }
    return index;
  }

  template <class Hook>
  void guard(const Hook& hook) {
    try {
      hook();
    } catch (...) {
      fail(std::current_exception());
    }
  }

  void fail(std::exception_ptr error) {
    const Failure failure{.error = std::move(error), .sequence = next_, .name = options_.name};
    Remedy remedy = Remedy::kHalt;
    if (options_.on_failure) {
      try {
        remedy = options_.on_failure(failure);
      } catch (...) {
        // Who cannot decide halts the ring.
      }
    }
    if (remedy == Remedy::kSkip) return;
    failed_ = true;
    ring_.halt(failure_status(failure));
  }

  Ring& ring_;
  Reader& reader_;
  Handler& handler_;
  Wait& strategy_;
  const RunOptions& options_;
  size_t max_batch_;
  size_t released_ = 0;  // events of the batch that were released early
  Sequence next_ = 0;    // the event at hand
  bool failed_ = false;
};

}  // namespace internal

// Handles the events of a Consumer, or of a Worker, until the ring has ended, or the reader is
// stopped. Returns OK, or the failure of this handler that halted the ring.
template <class Ring, class Reader, class Handler, class Wait>
absl::Status run(Ring& ring, Reader& reader, Handler&& handler, Wait&& strategy,
                 const RunOptions& options = {}) {
  using Event = typename Ring::Event;
  return internal::Runner<Event, Ring, Reader, std::remove_reference_t<Handler>,
                          std::remove_reference_t<Wait>>(ring, reader, handler, strategy, options)
      .run();
}

}  // namespace annulet::ring

#endif  // ANNULET_RING_HANDLER_H_
