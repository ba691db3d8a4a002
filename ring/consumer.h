// A consumer: one place in the order of reading a ring.
//
//   while (consumer.wait(strategy) == Wake::kReady) {      // or poll: take() without wait()
//     for (Event& event : consumer.take()) use(event);
//     consumer.release();                                  // what was taken is done
//   }
//
// What is taken and not released is taken again: so a batch is rewound. release(n) lets the first n
// go early, for those who wait for them.
//
// Cost: wait() and take() for events that are there: a few loads; release() a store and two loads.
// In a dense stream, one that brings an event each 100 ns or more often, wait() holds back before
// it looks, for up to 64 pause instructions or one to two microseconds, so that it does not take
// the producer's cache lines away for each event; it does so only after it found events without
// waiting (internal/pace.h).
// Threads: one at a time, the consumer's own. Lifetime: within the ring's. A consumer is destroyed
// after those that come after it; the ring then goes on without it.
#ifndef ANNULET_RING_CONSUMER_H_
#define ANNULET_RING_CONSUMER_H_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/log/absl_check.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "annulet/ring/batch.h"
#include "annulet/ring/internal/pace.h"
#include "annulet/ring/internal/progress.h"
#include "annulet/ring/internal/sequencer.h"
#include "annulet/ring/internal/upstream.h"
#include "annulet/ring/layout.h"
#include "annulet/ring/sequence.h"
#include "annulet/wait/deadline.h"

namespace annulet::ring {

template <class Ring>
struct ConsumerOptions {
  std::string name = "consumer";  // for metrics and messages
  // Consumers and work groups of the same ring that handle each event before this one does.
  std::vector<internal::Upstream<Ring>> after;
};

inline constexpr size_t kAll = std::numeric_limits<size_t>::max();

template <class Ring>
class Consumer {
 public:
  using Event = typename Ring::Event;
  using Sync = typename Ring::SyncPolicy;
  using Batch = ring::Batch<Ring>;

  Consumer(Consumer&& other) noexcept
      : reader_(other.reader_),
        progress_(other.progress_),
        ring_(std::exchange(other.ring_, nullptr)),
        next_(other.next_),
        known_(other.known_),
        taken_(other.taken_),
        pace_(other.pace_) {}
  Consumer& operator=(Consumer&&) = delete;
  ~Consumer() {
    if (ring_ != nullptr) leave();
  }

  // Waits for events until `until`, by a strategy that the calling thread owns.
  template <class Wait>
  Wake wait(Wait& strategy, wait::Deadline until = wait::kNever) {
    if (reader_.is_stopped(*ring_, reader_.index())) return Wake::kEnded;
    if (known_ != next_ || (pace_.in_stream() && look_in_stream())) return Wake::kReady;
    uint32_t looks = 0;
    const auto look_near = [&] {
      ++looks;
      return look(/*far=*/false);
    };
    const Wake wake = reader_.wait(*ring_, reader_.index(), next_, look_near, strategy, until);
    if (wake == Wake::kReady && looks == 1) {
      pace_.enter_stream();
    } else {
      pace_.leave_stream();
      internal::count(progress_->waits);
    }
    return wake;
  }

  // Up to `max` events that are there; never waits. Right after wait() it may return fewer than
  // there are: as many as wait() had to look at.
  Batch take(size_t max = kAll) {
    if (known_ == next_ && max != 0 && look(/*far=*/false)) look(/*far=*/true);
    taken_ = next_ + std::min<size_t>(max, known_ - next_);
    return Batch(*ring_, next_, taken_);
  }

  // Lets go of all events that take() returned last, or of the first `count` of them.
  void release() { release(taken_ - next_); }
  void release(size_t count) {
    ABSL_DCHECK_LE(count, taken_ - next_) << "release() of more than was taken";
    next_ += count;
    progress_->release(next_);
    internal::count(progress_->batches);
  }

  // As many events as a consumer may keep to itself without holding the producers up.
  size_t default_batch() const { return std::max<size_t>(1, ring_->capacity() / 4); }

  // From any thread: wait() says kEnded from now on.
  void stop() { reader_.stop(*ring_, reader_.index()); }

  // The first event that is not released.
  Sequence sequence() const { return next_; }

  // For ConsumerOptions::after.
  operator internal::Upstream<Ring>() const { return {ring_, reader_.mask()}; }

 private:
  friend Ring;
  using Table = internal::ProgressTable<Sync>;

  static absl::StatusOr<Consumer> join(Ring& ring, const ConsumerOptions<Ring>& options) {
    auto member = internal::Reader<Ring>::join(ring, options.name, options.after);
    if (!member.ok()) return member.status();
    return Consumer(ring, member->reader, member->place);
  }

  Consumer(Ring& ring, const internal::Reader<Ring>& reader, const internal::Place& place)
      : reader_(reader),
        progress_(&ring.sequencer().table()[reader.index()]),
        ring_(&ring),
        next_(place.next),
        known_(place.known),
        taken_(place.next),
        pace_(ring.capacity()) {}

  void leave() { reader_.leave(*ring_, {.next = next_, .known = known_}); }

  // Of a consumer that knows of no events: learns of some. `far`: of all there are.
  bool look(bool far) {
    const Sequence before = next_;
    reader_.look(*ring_, next_, known_, far);
    if (next_ != before) {  // over events that were cancelled
      taken_ = next_;
      progress_->release(next_);
    }
    return known_ != next_;
  }

  // A look after a moment's pause.
  bool look_in_stream() {
    for (uint32_t pause = 0; pause < pace_.pauses(); ++pause) Sync::pause();
    look(/*far=*/true);
    pace_.found(known_ - next_);
    return known_ != next_;
  }

  internal::Reader<Ring> reader_;
  internal::Progress<Sync>* progress_;
  Ring* ring_;
  Sequence next_;   // everything before is released
  Sequence known_;  // everything before may be read
  Sequence taken_;  // the end of the last batch
  internal::Pace pace_;
};

}  // namespace annulet::ring

#endif  // ANNULET_RING_CONSUMER_H_
