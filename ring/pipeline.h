// A pipeline: a ring, the stages that handle its events, and a thread for each handler.
//
//   ring::Pipeline<Order> pipeline({.capacity = 4096});
//   pipeline.then(parse).then(journal, replicate).then(execute);
//   if (absl::Status started = pipeline.start(); !started.ok()) return started;
//   pipeline.publish([](Order& order) { order.price = 7; }).IgnoreError();
//   return pipeline.drain();
//
//           parse ---> journal ---> execute       Each handler sees every event, in order, once
//              \-----> replicate ---^             all handlers of the stage before have seen it.
//
// A handler that is alone in its stage gets T&; one that has siblings gets const T&, or by
// touch<>() the members that it declares. What cannot be described cannot be built: there are no
// cycles, and handlers that would race do not compile. ring/step.h has the parts of a stage.
//
// Use it for threads that live as long as the pipeline. With threads of your own use ring/ring.h.
//
// Failures: a handler that throws halts the pipeline (or as RunOptions::on_failure decides); claims
// and drain() then return what it threw.
// Cost: as ring/ring.h; the handlers are inlined into their threads' loops.
// Threads: then() and start() by one thread, before the others know of the pipeline; claims as the
// ring's; the rest by any but the handlers' own. Lifetime: the destructor halts and joins, so a
// handler that never returns blocks it.
// Source: the DSL of the LMAX Disruptor.
#ifndef ANNULET_RING_PIPELINE_H_
#define ANNULET_RING_PIPELINE_H_

#include <atomic>
#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/log/absl_check.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "annulet/ring/handler.h"
#include "annulet/ring/internal/crew.h"
#include "annulet/ring/layout.h"
#include "annulet/ring/options.h"
#include "annulet/ring/ring.h"
#include "annulet/ring/step.h"
#include "annulet/ring/touch.h"
#include "annulet/wait/deadline.h"

namespace annulet::ring {

template <class T, class Producers = SingleProducer, class Layout = Slots>
class Pipeline {
 public:
  using Ring = ring::Ring<T, Producers, Layout>;
  using ConsumerId = size_t;

  // Options that check() refuses end the program; see create(). make(index) makes the events.
  explicit Pipeline(const RingOptions& options) : Pipeline(options, [](size_t) { return T(); }) {}
  template <std::invocable<size_t> Make>
  Pipeline(const RingOptions& options, const Make& make) : ring_(options, make) {}

  // InvalidArgument says which option is wrong.
  static absl::StatusOr<std::unique_ptr<Pipeline>> create(const RingOptions& options) {
    return create(options, [](size_t) { return T(); });
  }
  template <std::invocable<size_t> Make>
  static absl::StatusOr<std::unique_ptr<Pipeline>> create(const RingOptions& options,
                                                          const Make& make) {
    if (absl::Status status = check(options); !status.ok()) return status;
    return std::make_unique<Pipeline>(options, make);
  }

  ~Pipeline() {
    ring_.halt();
    crew_.disband();
  }

  // Adds a stage after those there are. What is wrong with it is told by start().
  template <class... Parts>
  Pipeline& then(Parts&&... parts) {
    static_assert(sizeof...(Parts) > 0, "a stage needs a handler");
    return add_stage(internal::as_step(std::forward<Parts>(parts))...);
  }

  // Starts the threads. ResourceExhausted: more consumers than RingOptions::max_consumers, or no
  // thread to be had. InvalidArgument: members that parallel handlers touch overlap.
  // FailedPrecondition: no stages, or started before.
  absl::Status start() {
    if (!status_.ok()) return status_;
    const bool first = !crew_.was_started();
    absl::Status status = crew_.start();
    // If a thread could not be started, those that were shall end.
    if (!status.ok() && first && crew_.was_started()) ring_.halt(status);
    return status;
  }

  // One more handler, which sees the events published from now on, after the last stage, beside
  // others that were attached. It gets const T&. FailedPrecondition: not running.
  template <class Handler>
  absl::StatusOr<ConsumerId> attach(Handler&& handler) {
    if (!crew_.is_running()) return absl::FailedPreconditionError("pipeline: not running");
    auto step = internal::as_step(std::forward<Handler>(handler));
    static_assert(!internal::writes(typename internal::AccessOf<decltype(step), false>::List()),
                  "an attached handler runs beside others, and so may write to no member");
    auto part = make_part<false>(std::move(step), stage_);
    if (!part.ok()) return part.status();
    return crew_.add_and_start(std::move(part->part));
  }

  // Ends what attach() began: the handler finishes its batch, and the rest goes on without it.
  // NotFound: there is no such handler, or it is part of a stage.
  absl::Status detach(ConsumerId id) { return crew_.remove(id); }

  // Closes the ring and waits until all that was published is handled, at most until `until`. OK,
  // or what halted the pipeline. DeadlineExceeded: the handlers still run. FailedPrecondition: not
  // started. Any number of times.
  absl::Status drain(wait::Deadline until = wait::kNever) {
    if (!crew_.was_started()) return absl::FailedPreconditionError("pipeline: not started");
    ring_.close();
    if (absl::Status status = crew_.wait(until); !status.ok()) return status;
    return ring_.failure();
  }

  // Lets no handler begin another batch. Claims and drain() return `why`.
  void halt(const absl::Status& why = absl::CancelledError("pipeline: halted")) { ring_.halt(why); }

  // For claims, metrics, and consumers of your own.
  Ring& ring() { return ring_; }

  // As Ring::publish().
  template <std::invocable<T&> Fill>
  absl::Status publish(Fill&& fill) {
    return ring_.publish(std::forward<Fill>(fill));
  }

 private:
  using Upstreams = std::vector<internal::Upstream<Ring>>;

  // A part that has joined the ring, and what those after it wait for.
  struct Joined {
    std::unique_ptr<internal::Part> part;
    Upstreams upstream;
  };

  template <class... Steps>
  Pipeline& add_stage(Steps... steps) {
    static_assert(internal::are_independent<Steps...>(),
                  "handlers of one stage touch the same member, or one touches members while "
                  "another reads the whole event; let each declare its own by touch<...>()");
    ABSL_CHECK(!crew_.was_started()) << "pipeline: then() after start(); attach() adds handlers";
    if (members_overlap<Steps...>()) {
      fail(absl::InvalidArgumentError("pipeline: members that parallel handlers touch overlap"));
    }
    constexpr bool kAlone = sizeof...(Steps) == 1;
    Upstreams stage;
    (append(stage, add_part<kAlone>(std::move(steps), stage_)), ...);
    stage_ = std::move(stage);
    return *this;
  }

  template <class... Steps>
  bool members_overlap() const {
    const T& event = ring_.event(0);
    return internal::any_overlap({internal::all_bytes_of(
        typename internal::AccessOf < Steps, sizeof...(Steps) == 1 > ::List(), event)...});
  }

  // Each of the next three joins the ring and returns what those after it wait for.
  template <bool kAlone, class Handler, class Wait>
  Upstreams add_part(internal::Step<Handler, Wait> step, const Upstreams& after) {
    auto joined = make_part<kAlone>(std::move(step), after);
    if (!joined.ok()) {
      fail(joined.status());
      return {};
    }
    crew_.add(std::move(joined->part));
    return joined->upstream;
  }

  template <bool kAlone, class... Steps>
  Upstreams add_part(internal::Chain<Steps...> chain, Upstreams after) {
    std::apply(
        [&](auto&... steps) {
          ((after = add_part<kAlone>(std::move(steps), std::as_const(after))), ...);
        },
        chain.steps);
    return after;
  }

  template <bool kAlone, class... Steps>
  Upstreams add_part(internal::Share<Steps...> share, const Upstreams& after) {
    const std::string name = name_for("group");
    std::vector<std::string> names;
    const auto name_worker = [&](RunOptions& options) {
      if (options.name.empty()) options.name = absl::StrCat(name, "/", names.size());
      names.push_back(options.name);
    };
    std::apply([&](auto&... steps) { (name_worker(steps.options), ...); }, share.steps);
    auto joined = ring_.add_work_group({.name = name,
                                        .workers = sizeof...(Steps),
                                        .after = after,
                                        .worker_names = std::move(names)});
    if (!joined.ok()) {
      fail(joined.status());
      return {};
    }
    const auto group = std::make_shared<WorkGroup<Ring>>(*std::move(joined));
    size_t number = 0;
    std::apply(
        [&](auto&... steps) { (add_worker<kAlone>(group, number++, std::move(steps)), ...); },
        share.steps);
    return {*group};
  }

  template <bool kAlone, class Handler, class Wait>
  void add_worker(const std::shared_ptr<WorkGroup<Ring>>& group, size_t number,
                  internal::Step<Handler, Wait> step) {
    auto& worker = group->worker(number);
    crew_.add(internal::make_part<EventFor<kAlone, Handler>>(
        ring_, std::shared_ptr<Worker<Ring>>(group, &worker), std::move(step)));
  }

  template <bool kAlone, class Handler, class Wait>
  absl::StatusOr<Joined> make_part(internal::Step<Handler, Wait> step, const Upstreams& after) {
    name(step.options);
    auto joined = ring_.add_consumer({.name = step.options.name, .after = after});
    if (!joined.ok()) return joined.status();
    auto consumer = std::make_shared<Consumer<Ring>>(*std::move(joined));
    Upstreams upstream = {*consumer};
    return Joined{.part = internal::make_part<EventFor<kAlone, Handler>>(ring_, std::move(consumer),
                                                                         std::move(step)),
                  .upstream = std::move(upstream)};
  }

  // What a handler gets: a Touch takes its members itself.
  template <bool kAlone, class Handler>
  using EventFor = std::conditional_t<kAlone || internal::kTouches<Handler>, T, const T>;

  static void append(Upstreams& stage, const Upstreams& more) {
    stage.insert(stage.end(), more.begin(), more.end());
  }

  void name(RunOptions& options) {
    if (options.name.empty()) options.name = name_for("consumer");
  }
  std::string name_for(const char* kind) {
    return absl::StrCat(kind, " ", named_.fetch_add(1) + 1);
  }

  void fail(const absl::Status& why) {
    if (status_.ok()) status_ = why;
  }

  Ring ring_;
  internal::Crew crew_;  // ends before the ring
  Upstreams stage_;      // the last one
  absl::Status status_;
  std::atomic<size_t> named_ = 0;
};

}  // namespace annulet::ring

#endif  // ANNULET_RING_PIPELINE_H_
