// A ring of preallocated events that producers fill and consumers read in order: the disruptor.
//
//   published                 claimed
//      v                         v
//   ...[7][8][ being filled ... ][ free ]...      event = memory[sequence mod capacity]
//    ^ slowest consumer: a claim that would run over him waits
//
// Use it to hand many small messages through fixed stages of threads, each seeing every event, at
// hundreds of millions a second. ring/pipeline.h builds such stages and their threads from
// handlers; this header is the ring alone, for threads of your own. Not for you if there is no
// fixed set of readers, if events are large and seldom, or if every event is for whoever is free:
// a work group (ring/work_group.h) does that, but a queue may do it better.
//
//   ring::Ring<Event> ring({.capacity = 1024});                 // one producer
//   ring::Ring<Event, ring::MultiProducer> ring({...});         // any number of them
//   ring::Ring<Event, ring::SingleProducer, ring::Dense> ring({...});
//
//   auto consumer = ring.add_consumer();                        // before the first event, or later
//   producer:  if (auto claim = ring.claim()) { claim->price = 7; claim.publish(); }
//   consumer:  while (consumer->wait(strategy) == ring::Wake::kReady) {
//                for (Event& event : consumer->take()) use(event);
//                consumer->release();
//              }
//
// When the ring is full: try_claim() gives nothing at once, claim_until() at its deadline, claim()
// waits until there is room or the ring is closed. A ring that nobody reads keeps its events and
// fills up. A published event is visible at once.
//
// Cost: an event about 1.5 ns on either side in a stream; no allocation, lock or system call but to
// sleep and to wake who sleeps, and publishing pays two loads to know that nobody does.
// Threads: claims by one thread (SingleProducer) or any (MultiProducer); everything else by any.
// Lifetime: the ring outlives its claims and consumers, and all events live as long as the ring.
// Source: the LMAX Disruptor. Marks beside the events: FastForward (Giacomoni, 2008).
#ifndef ANNULET_RING_RING_H_
#define ANNULET_RING_RING_H_

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "annulet/ring/batch.h"
#include "annulet/ring/claim.h"
#include "annulet/ring/consumer.h"
#include "annulet/ring/internal/multi_sequencer.h"
#include "annulet/ring/internal/roster.h"
#include "annulet/ring/internal/single_sequencer.h"
#include "annulet/ring/internal/upstream.h"
#include "annulet/ring/internal/work_share.h"
#include "annulet/ring/layout.h"
#include "annulet/ring/metrics.h"
#include "annulet/ring/options.h"
#include "annulet/ring/sequence.h"
#include "annulet/ring/work_group.h"
#include "annulet/wait/deadline.h"
#include "annulet/wait/strategy.h"
#include "annulet/wait/sync.h"

namespace annulet::ring {

struct SingleProducer {
  template <class Sync>
  using Sequencer = internal::SingleSequencer<Sync>;
};
struct MultiProducer {
  template <class Sync>
  using Sequencer = internal::MultiSequencer<Sync>;
};

// How producers wait for room, and consumers of a pipeline for events, unless told otherwise.
template <class Sync = wait::RealSync>
using BasicDefaultWait =
    wait::PhasedWait<wait::BasicPauseWait<Sync>, wait::BasicBlockWait<Sync>, Sync>;
using DefaultWait = BasicDefaultWait<>;

template <class T, class Producers = SingleProducer, class Layout = Slots,
          class Sync = wait::RealSync>
class Ring {
 public:
  using Event = T;
  using SyncPolicy = Sync;
  using Sequencer = typename Producers::template Sequencer<Sync>;
  using Array = typename Layout::template Array<T, Sync>;
  using Claim = ring::Claim<Ring>;
  using Consumer = ring::Consumer<Ring>;
  using WorkGroup = ring::WorkGroup<Ring>;

  static constexpr bool kManyProducers = Sequencer::kManyProducers;
  static_assert(!kManyProducers || Array::kMarks,
                "several producers publish out of order, which the layout Dense cannot show");

  // Options that check() refuses end the program; see create(). make(index) makes the event at
  // each place of the ring; by default T().
  explicit Ring(const RingOptions& options) : Ring(options, [](size_t) { return T(); }) {}
  template <std::invocable<size_t> Make>
  Ring(const RingOptions& options, const Make& make)
      : sequencer_(internal::must_pass(options).capacity, options.max_consumers,
                   options.first_sequence),
        events_(options.capacity, options.first_sequence, make),
        roster_(options.max_consumers) {}

  // InvalidArgument says which option is wrong.
  static absl::StatusOr<std::unique_ptr<Ring>> create(const RingOptions& options) {
    return create(options, [](size_t) { return T(); });
  }
  template <std::invocable<size_t> Make>
  static absl::StatusOr<std::unique_ptr<Ring>> create(const RingOptions& options,
                                                      const Make& make) {
    if (absl::Status status = check(options); !status.ok()) return status;
    return std::make_unique<Ring>(options, make);
  }

  // A place for one event, or `count` consecutive ones; 1 to capacity(). A claim that evaluates to
  // false got none, and its status() says why.
  [[gnu::always_inline]] Claim try_claim() {
    return claim_by<internal::NoWait>(1, {}, wait::kNever);
  }
  Claim try_claim(size_t count) { return checked_claim(count, internal::NoWait{}, wait::kNever); }

  // Waits for room as long as it takes. Gets nothing only if the ring is closed; of several
  // producers those who wait then still get theirs, unless the ring is halted or nobody reads it.
  template <class Wait = BasicDefaultWait<Sync>>
  [[gnu::always_inline]] Claim claim() {
    return claim_by<internal::OwnWait<Wait>>(1, {}, wait::kNever);
  }
  template <class Wait = BasicDefaultWait<Sync>>
  [[gnu::always_inline]] Claim claim(size_t count) {
    return checked_claim(count, internal::OwnWait<Wait>{}, wait::kNever);
  }

  // Waits for room until `until`, or for as long as `patience`.
  template <class Wait = BasicDefaultWait<Sync>>
  Claim claim_until(wait::Deadline until, size_t count = 1) {
    return checked_claim(count, internal::OwnWait<Wait>{}, until);
  }
  template <class Wait = BasicDefaultWait<Sync>>
  Claim claim_for(std::chrono::nanoseconds patience, size_t count = 1) {
    Claim claim = try_claim(count);
    if (claim.outcome_ != internal::Outcome::kFull) return claim;
    return claim_until<Wait>(wait::deadline_after(wait::Clock::now(), patience), count);
  }

  // As claim(), by a strategy that the calling thread owns.
  template <class Wait>
  Claim claim_with(Wait& strategy, size_t count = 1, wait::Deadline until = wait::kNever) {
    return checked_claim(count, internal::GivenWait<Wait>{&strategy}, until);
  }

  // Claims, waits for room if need be, lets `fill` write the event, and publishes it. If `fill`
  // throws, nothing is published.
  template <std::invocable<T&> Fill>
  absl::Status publish(Fill&& fill) {
    Claim claim = this->claim();
    if (!claim) return claim.status();
    std::forward<Fill>(fill)(*claim);
    claim.publish();
    return absl::OkStatus();
  }

  // A consumer that sees every event published from now on; the first one, and one that comes when
  // all others have gone, goes on where the ring was last read. It sees an event once all of
  // `options.after` have let it go. ResourceExhausted: there are max_consumers.
  // FailedPrecondition: the ring is closed. InvalidArgument: one of `after` reads another ring.
  absl::StatusOr<Consumer> add_consumer(const ConsumerOptions<Ring>& options = {}) {
    return Consumer::join(*this, options);
  }

  // Workers that share the events among them; joins as add_consumer() does, with the same errors.
  // InvalidArgument: no workers.
  absl::StatusOr<WorkGroup> add_work_group(const WorkGroupOptions<Ring>& options) {
    return WorkGroup::join(*this, options);
  }

  // No event is claimed from now on. Consumers handle what was published, or is still claimed, and
  // then end. Any thread, any number of times.
  void close() { sequencer_.close(internal::State::kClosed); }

  // As close(), but consumers end at once, and waiting producers too. `why` is what claims then
  // return; the first one that is not OK counts.
  void halt(const absl::Status& why = absl::OkStatus()) {
    roster_.fail(why);
    sequencer_.close(internal::State::kHalted);
  }

  bool is_closed() const { return sequencer_.state() != internal::State::kOpen; }
  // Why the ring was halted; OK if it was not, or without a reason.
  absl::Status failure() const { return roster_.failure(); }

  size_t capacity() const { return sequencer_.capacity(); }
  // What everybody did so far. Costs the others a cache miss each.
  RingMetrics metrics() const {
    return roster_.metrics(sequencer_.newest(), sequencer_.published_bell().rings(),
                           sequencer_.table());
  }

  // The sequence that is claimed next; by the only producer, between claims, exactly so.
  Sequence next_sequence() const { return sequencer_.newest(); }

  // Events that are claimed or published, and not yet released by all.
  size_t held() const {
    const Sequence next = next_sequence();
    const int64_t held =
        distance(sequencer_.table().oldest(sequencer_.table().members(), next), next);
    return static_cast<size_t>(std::clamp<int64_t>(held, 0, static_cast<int64_t>(capacity())));
  }

  // The event at a sequence that the caller has claimed, or taken and not yet released.
  T& event(Sequence sequence) const { return events_.event(sequence); }

 private:
  // Those who claim and read for the users.
  friend Claim;
  friend Consumer;
  friend WorkGroup;
  friend ring::Batch<Ring>;
  friend ring::Worker<Ring>;
  friend internal::Reader<Ring>;
  friend internal::WorkShare<Ring>;
  template <class, class, class>
  friend class GrowingRing;

  auto spans(Sequence first, Sequence end) const { return events_.spans(first, end); }
  Sequencer& sequencer() { return sequencer_; }
  const Sequencer& sequencer() const { return sequencer_; }
  internal::Roster<Sync>& roster() { return roster_; }
  const Array& events() const { return events_; }

  absl::Status status_of(internal::Outcome outcome) const {
    return internal::status_of(outcome, capacity(), roster_.slowest(sequencer_.table()), failure());
  }

  void publish_claim(Sequence first, Sequence end) {
    if constexpr (!kManyProducers) {
      // Readers have had the lines that will be written next: fetched in time they cost nothing,
      // else each of them a transfer from another core (in a stream 1.2 times the time, 1.5 between
      // cores that are far apart). Not the lines that a reader may still need.
      if (sequencer_.has_room_for(end + Array::ahead())) events_.fetch(end + Array::ahead());
    }
    if constexpr (Array::kMarks) events_.mark(first, end);
    sequencer_.publish(first, end);
  }

  // Out of line, so that a claim that is published stays in registers.
  [[gnu::noinline]] void cancel_claim(Sequence first, Sequence end) {
    if constexpr (kManyProducers) {
      // Others may have claimed what follows: readers pass over it.
      events_.mark_cancelled(first, end);
      sequencer_.publish(first, end);
    } else {
      sequencer_.cancel(first);
    }
  }

  template <class Waiter>
  [[gnu::always_inline]] Claim claim_by(size_t count, Waiter waiter, wait::Deadline until) {
    const internal::Grant grant = sequencer_.claim(count, waiter, until);
    return Claim(*this, grant.first, grant.outcome == internal::Outcome::kClaimed ? count : 0,
                 grant.outcome);
  }

  template <class Waiter>
  [[gnu::always_inline]] Claim checked_claim(size_t count, Waiter waiter, wait::Deadline until) {
    if (count - 1 >= capacity()) [[unlikely]]
      return Claim(*this, 0, 0, internal::Outcome::kTooMany);
    return claim_by(count, waiter, until);
  }

  Sequencer sequencer_;
  Array events_;
  internal::Roster<Sync> roster_;
};

}  // namespace annulet::ring

#endif  // ANNULET_RING_RING_H_
