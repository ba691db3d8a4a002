// A ring for one producer that grows when it stays full.
//
//   ring::GrowingRing<Event> ring({.capacity = 1024, .max_capacity = 1 << 20,
//                                  .patience = std::chrono::milliseconds(1)});
//   auto consumer = ring.add_consumer();
//   producer:  if (auto claim = ring.claim()) { claim->price = 7; claim.publish(); }
//   consumer:  as of a Ring: wait(), take(), release(), or ring::run()
//
// When a claim has waited for `patience` in vain, the producer goes on in a new ring of twice the
// capacity; each consumer follows when it has handled the old one, which is freed when the last of
// them has left it. Sequences go on without a gap. shrink() goes back to the first capacity.
//
// What it does to back-pressure: nearly ends it. A full ring tells the producer to slow down; this
// one believes it only after `patience`, up to max_capacity, and pays in memory and in the age of
// the events until then. Use it for bursts that are known to end, when the producer must not wait
// and losing events is worse than being late. Else use Ring, large enough, and claim_for().
//
// Cost: as Ring, and a growth as much as making a ring. Threads: claim(), publish() and shrink() by
// the producer, each consumer by its own thread, everything else by any. Lifetime: outlives its
// claims and consumers. When the last consumer leaves while it lags in an older ring, what is left
// in that one is dropped; what is in the newest is kept for the next. An event is destroyed with
// the ring it was built for, and built anew.
// Source: disruptor-rs, which copies what is in the ring; here nothing is copied.
#ifndef ANNULET_RING_GROWING_RING_H_
#define ANNULET_RING_GROWING_RING_H_

#include <algorithm>
#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/log/absl_check.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "annulet/ring/options.h"
#include "annulet/ring/ring.h"
#include "annulet/ring/sequence.h"
#include "annulet/wait/deadline.h"
#include "annulet/wait/sync.h"

namespace annulet::ring {

struct GrowingRingOptions {
  size_t capacity = 1024;         // at first; a power of two
  size_t max_capacity = 1 << 20;  // at most; a power of two
  std::chrono::nanoseconds patience = std::chrono::milliseconds(1);
  size_t max_consumers = 16;
  Sequence first_sequence = 0;
};

// InvalidArgument says which option is wrong, and how.
absl::Status check(const GrowingRingOptions& options);

namespace internal {

const GrowingRingOptions& must_pass(const GrowingRingOptions& options);

}  // namespace internal

template <class T, class Layout = Slots, class Sync = wait::RealSync>
class GrowingRing {
  struct Segment;

 public:
  using Event = T;
  using Ring = ring::Ring<T, SingleProducer, Layout, Sync>;
  using Claim = typename Ring::Claim;
  class Consumer;

  struct ConsumerOptions {
    std::string name = "consumer";
    std::vector<const Consumer*> after = {};
  };

  // Options that check() refuses end the program.
  explicit GrowingRing(const GrowingRingOptions& options)
      : GrowingRing(options, [](size_t) { return T(); }) {}
  // make(index) makes the event at each place of each ring; on the producer's thread. What it
  // throws when the ring grows passes through claim(), and the ring stays as it was.
  template <std::invocable<size_t> Make>
  GrowingRing(const GrowingRingOptions& options, Make make)
      : options_(internal::must_pass(options)),
        build_([make = std::move(make)](const RingOptions& ring) {
          return std::make_unique<Segment>(ring, make);
        }) {
    append(build(options.capacity, options.first_sequence));
  }
  GrowingRing(const GrowingRing&) = delete;
  GrowingRing& operator=(const GrowingRing&) = delete;

  // A place for `count` events. Waits for `patience`, then grows; at max_capacity, and while nobody
  // reads the ring, it waits as long as it takes. False if the ring is closed, or `count` is 0 or
  // more than max_capacity, or more than capacity() while nobody reads the ring.
  template <class Wait = BasicDefaultWait<Sync>>
  Claim claim(size_t count = 1) {
    for (;;) {
      Ring& ring = newest_->ring;
      if (ring.capacity() == options_.max_capacity || count == 0) {
        return ring.template claim<Wait>(count);
      }
      if (Claim claim = ring.template claim_for<Wait>(options_.patience, count)) return claim;
      if (count > options_.max_capacity || !grow(count)) return ring.template claim<Wait>(count);
    }
  }

  // Claims, lets `fill` write the event, and publishes it, as Ring::publish().
  template <std::invocable<T&> Fill>
  absl::Status publish(Fill&& fill) {
    Claim claim = this->claim();
    if (!claim) return claim.status();
    std::forward<Fill>(fill)(*claim);
    claim.publish();
    return absl::OkStatus();
  }

  // Goes on in a ring of the first capacity, if a larger one holds no more than half of that and
  // all consumers have reached it. Says whether it did. By the producer, between claims.
  bool shrink() {
    Ring& ring = newest_->ring;
    ABSL_CHECK(!ring.sequencer().has_claim()) << "shrink() while a claim is open";
    return allocated() == ring.capacity() && ring.capacity() > options_.capacity &&
           ring.held() <= options_.capacity / 2 && replace(options_.capacity);
  }

  // As Ring::add_consumer(). Sees each event once all of `after` have let it go.
  absl::StatusOr<std::unique_ptr<Consumer>> add_consumer(const ConsumerOptions& options = {}) {
    for (const Consumer* other : options.after) {
      if (&other->ring_ != this) {
        return absl::InvalidArgumentError(absl::StrCat(
            "ring: '", options.name, "' cannot come after a consumer of another ring"));
      }
    }
    Registration registration{.name = options.name, .after = numbers_of(options.after)};
    const typename Sync::lock_guard lock(mutex_);
    const size_t number = consumers_.size();
    auto consumer = std::make_unique<Consumer>(*this, number);
    consumers_.reserve(number + 1);
    Segment& segment = *segments_.read().back();
    absl::Status status = segment.add(number, registration.name, registration.after);
    if (!status.ok()) return status;
    // A reader from here on: nothing below throws.
    consumers_.push_back(std::move(registration));
    consumer->enter(segment);
    return consumer;
  }

  // As Ring::close().
  void close() {
    const typename Sync::lock_guard lock(mutex_);
    closed_ = true;
    segments_.read().back()->ring.close();
  }

  // As Ring::halt().
  void halt(const absl::Status& why = absl::OkStatus()) {
    const typename Sync::lock_guard lock(mutex_);
    closed_ = true;
    // The newest one first: its failure() is what counts.
    for (size_t index = segments_.read().size(); index > 0; --index)
      segments_.read()[index - 1]->ring.halt(why);
  }

  // Why the ring was halted; OK if it was not, or without a reason.
  absl::Status failure() const {
    const typename Sync::lock_guard lock(mutex_);
    return segments_.read().back()->ring.failure();
  }

  // Of the ring that the producer is in.
  size_t capacity() const {
    const typename Sync::lock_guard lock(mutex_);
    return segments_.read().back()->ring.capacity();
  }

  // Of all rings that are not yet freed.
  size_t allocated() const {
    const typename Sync::lock_guard lock(mutex_);
    size_t sum = 0;
    for (const auto& segment : segments_.read()) sum += segment->ring.capacity();
    return sum;
  }

 private:
  struct Registration {
    std::string name;
    std::vector<size_t> after;  // numbers of consumers
    bool gone = false;
  };

  using Segments = std::vector<std::unique_ptr<Segment>>;

  // One ring, with a reader for each consumer. Freed when all readers have left it for the next.
  struct Segment {
    template <class Make>
    Segment(const RingOptions& options, const Make& make) : ring(options, make) {}

    absl::Status add(size_t number, const std::string& name, const std::vector<size_t>& after) {
      ring::ConsumerOptions<Ring> options{.name = name};
      for (const size_t other : after) {
        if (other >= readers.size() || !readers[other]) {
          return absl::InvalidArgumentError(
              absl::StrCat("ring: '", name, "' comes after a consumer that has left"));
        }
        options.after.push_back(*readers[other]);
      }
      auto reader = ring.add_consumer(options);
      if (!reader.ok()) return reader.status();
      readers.resize(std::max(readers.size(), number + 1));
      readers[number] = std::make_unique<typename Ring::Consumer>(*std::move(reader));
      ++present;
      return absl::OkStatus();
    }

    Ring ring;
    // Destroyed from the last one on: those who come after others come later.
    std::vector<std::unique_ptr<typename Ring::Consumer>> readers;
    size_t present = 0;  // readers that have not moved on
    Segment* next = nullptr;
    std::unique_ptr<Segment> left_before;  // once it is to be freed: another one that is

    ~Segment() {
      while (!readers.empty()) readers.pop_back();
    }
  };

  static std::vector<size_t> numbers_of(const std::vector<const Consumer*>& consumers) {
    std::vector<size_t> numbers;
    for (const Consumer* consumer : consumers) numbers.push_back(consumer->number_);
    return numbers;
  }

  std::unique_ptr<Segment> build(size_t capacity, Sequence first) const {
    return build_(
        {.capacity = capacity, .max_consumers = options_.max_consumers, .first_sequence = first});
  }

  // Under mutex_, or before there is a second thread.
  void append(std::unique_ptr<Segment> segment) {
    segments_.write().push_back(std::move(segment));
    newest_ = segments_.read().back().get();
  }

  bool grow(size_t count) {
    size_t capacity = 2 * newest_->ring.capacity();
    while (capacity < count) capacity *= 2;
    return replace(std::min(capacity, options_.max_capacity));
  }

  // Leads producer and consumers to a new ring. False if the ring is closed, or nobody reads it.
  // What throws while the new one is made leaves everything as it was.
  bool replace(size_t capacity) {
    const typename Sync::lock_guard lock(mutex_);
    if (closed_ || newest_->present == 0) return false;
    Segment& old = *newest_;
    std::unique_ptr<Segment> next = build(capacity, old.ring.next_sequence());
    for (size_t number = 0; number < consumers_.size(); ++number) {
      const Registration& consumer = consumers_[number];
      // There is as much room for consumers as in the old ring.
      if (!consumer.gone) ABSL_CHECK_OK(next->add(number, consumer.name, consumer.after));
    }
    append(std::move(next));
    old.next = newest_;
    old.ring.close();
    return true;
  }

  // One reader less in `segment`. Under mutex_; returns the segment, if it was the last one.
  std::unique_ptr<Segment> leave(Segment& segment) {
    if (--segment.present > 0 || segment.next == nullptr) return nullptr;
    Segments& segments = segments_.write();
    const auto found = std::find_if(segments.begin(), segments.end(),
                                    [&](const auto& other) { return other.get() == &segment; });
    std::unique_ptr<Segment> left = std::move(*found);
    segments.erase(found);
    return left;
  }

  const GrowingRingOptions options_;
  const std::function<std::unique_ptr<Segment>(const RingOptions&)> build_;
  Segment* newest_ = nullptr;  // the producer's

  mutable typename Sync::mutex mutex_;
  // Under mutex_, oldest first; the last one is *newest_.
  typename Sync::template cell<Segments> segments_;
  std::vector<Registration> consumers_;
  bool closed_ = false;
};

// As ring::Consumer. Destroyed after those that come after it.
template <class T, class Layout, class Sync>
class GrowingRing<T, Layout, Sync>::Consumer {
 public:
  using Event = T;
  using Batch = ring::Batch<Ring>;

  // By add_consumer().
  Consumer(GrowingRing& ring, size_t number) : ring_(ring), number_(number) {}
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  ~Consumer() {
    if (segment_ == nullptr) return;
    // The rings that nobody else is in, freed after the lock. Chained, for a destructor had better
    // not need memory.
    std::unique_ptr<Segment> left;
    const typename Sync::lock_guard lock(ring_.mutex_);
    ring_.consumers_[number_].gone = true;
    // Also from the rings that it has left for the next: there it still waits for those before it,
    // which may not leave until it has.
    for (const auto& segment : ring_.segments_.read()) {
      if (number_ < segment->readers.size()) segment->readers[number_].reset();
    }
    for (Segment* segment = segment_; segment != nullptr;) {
      Segment* const next = segment->next;
      if (std::unique_ptr<Segment> last = ring_.leave(*segment)) {
        last->left_before = std::move(left);
        left = std::move(last);
      }
      segment = next;
    }
  }

  template <class Wait>
  Wake wait(Wait& strategy, wait::Deadline until = wait::kNever) {
    for (;;) {
      const Wake wake = reader_->wait(strategy, until);
      if (wake != Wake::kEnded || !move_on()) return wake;
    }
  }

  Batch take(size_t max = kAll) { return reader_->take(max); }
  void release() { reader_->release(); }
  void release(size_t count) { reader_->release(count); }
  size_t default_batch() const { return reader_->default_batch(); }
  Sequence sequence() const { return reader_->sequence(); }

  void stop() {
    const typename Sync::lock_guard lock(ring_.mutex_);
    stopped_ = true;
    reader_->stop();
  }

 private:
  friend GrowingRing;

  void enter(Segment& segment) {
    segment_ = &segment;
    reader_ = segment.readers[number_].get();
  }

  // Into the next ring, if there is one.
  bool move_on() {
    std::unique_ptr<Segment> left;  // freed after the lock
    const typename Sync::lock_guard lock(ring_.mutex_);
    if (stopped_ || segment_->next == nullptr) return false;
    Segment& old = *segment_;
    enter(*old.next);
    left = ring_.leave(old);
    return true;
  }

  GrowingRing& ring_;
  const size_t number_;
  // Written by this thread, under the ring's mutex_.
  Segment* segment_ = nullptr;  // until it has joined
  typename Ring::Consumer* reader_ = nullptr;
  bool stopped_ = false;  // under the ring's mutex_
};

}  // namespace annulet::ring

#endif  // ANNULET_RING_GROWING_RING_H_
