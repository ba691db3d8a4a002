// Which events of a ring the workers of a group have taken.
#ifndef ANNULET_RING_INTERNAL_WORK_SHARE_H_
#define ANNULET_RING_INTERNAL_WORK_SHARE_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "annulet/ring/internal/progress.h"
#include "annulet/ring/internal/upstream.h"
#include "annulet/ring/layout.h"
#include "annulet/ring/sequence.h"
#include "annulet/wait/cache_line.h"

namespace annulet::ring::internal {

// The group's entry in the table of progress counts the events taken. Together with the entries of
// the workers, which hold from before the taking until the release, it is what others may go on to;
// they read it first (ProgressTable::oldest).
template <class Ring>
class WorkShare {
 public:
  using Sync = typename Ring::SyncPolicy;

  WorkShare(Ring& ring, const typename Reader<Ring>::Member& member)
      : ring_(ring), reader_(member.reader), known_(member.place.known) {}

  Ring& ring() const { return ring_; }
  const Reader<Ring>& reader() const { return reader_; }

  // The first event that is not taken.
  Sequence next() const { return taken().load(std::memory_order_relaxed); }

  // `next` becomes the first event that is not taken, of which the answer tells.
  bool has_more(Sequence& next) {
    for (;;) {
      next = this->next();
      const Sequence end = known_end(next);
      if (next == this->next()) return distance(next, end) > 0;
    }
  }

  struct Taken {
    Sequence first;
    Sequence end;
  };

  // Takes up to `max` events, or none. hold(first) is called before.
  template <class Hold>
  Taken take(size_t max, const Hold& hold) {
    Sequence first = next();
    for (;;) {
      const Sequence end = known_end(first);
      if (distance(first, end) <= 0) {
        const Sequence now = next();
        if (now == first) return {.first = first, .end = first};
        first = now;
        continue;
      }
      const Sequence taken_end = first + std::min<Sequence>(max, end - first);
      hold(first);
      // Release pairs with the acquire in Progress::reach(): who sees these events taken sees that
      // their worker holds them.
      if (taken().compare_exchange_weak(first, taken_end, std::memory_order_release,
                                        std::memory_order_relaxed)) {
        progress().bell.notify_all();
        return {.first = first, .end = taken_end};
      }
    }
  }

  void leave(uint64_t workers) {
    const Sequence next = this->next();
    const Sequence known = known_up_to();
    reader_.leave(ring_, {.next = next, .known = distance(known, next) > 0 ? next : known},
                  workers);
  }

 private:
  static constexpr int kPublicationsALook = 16;

  Progress<Sync>& progress() const { return ring_.sequencer().table()[reader_.index()]; }
  typename Sync::template atomic<Sequence>& taken() const { return progress().released; }

  // Where a publication begins, at or behind what is taken.
  Sequence known_up_to() const {
    if constexpr (Ring::kManyProducers) {
      return known_.load(std::memory_order_relaxed);
    } else {
      return ring_.sequencer().published();
    }
  }

  // The end of the events that may be taken from `next` on. Of no use if `next` is not next() any
  // more.
  Sequence known_end(Sequence next) {
    if constexpr (Ring::kManyProducers) {
      return follow_marks(next);
    } else {
      return reader_.is_first() ? ring_.sequencer().published() : reader_.limit(ring_, next);
    }
  }

  // Marks are read where a publication begins: at known_. What is read there by a worker that is
  // late may be of a later lap; then known_ has moved, and his compare-exchange fails.
  Sequence follow_marks(Sequence next) {
    const Sequence limit =
        reader_.is_first() ? next + ring_.capacity() : reader_.limit(ring_, next);
    for (;;) {
      // Acquire pairs with the release below: what one worker learnt to be published, all may read.
      Sequence known = known_.load(std::memory_order_acquire);
      if (distance(known, next) > 0) {
        // Another one is passing over cancelled events. Relaxed: says nothing of published ones.
        known_.compare_exchange_strong(known, next, std::memory_order_relaxed);
      } else if (known != next || distance(known, limit) <= 0) {
        return distance(known, limit) < 0 ? limit : known;
      } else if (const Run run = ring_.events().look(known); run.cancelled) {
        pass_over(known, run.end);
        return next;  // which is not next() any more
      } else {
        const Sequence end = run.published ? last_end(run.end, limit) : known;
        if (end == known) return known;
        known_.compare_exchange_strong(known, end, std::memory_order_release,
                                       std::memory_order_relaxed);
      }
    }
  }

  // The end of some of the publications that follow one another from `end` on.
  Sequence last_end(Sequence end, Sequence limit) const {
    for (int count = 1; count < kPublicationsALook && distance(end, limit) > 0; ++count) {
      const Run run = ring_.events().look(end);
      if (!run.published) break;
      end = run.end;
    }
    return end;
  }

  void pass_over(Sequence from, Sequence end) {
    Sequence first = from;
    // Release pairs with the acquire in Progress::reach(): who claims these places after us comes
    // behind the producer that cancelled them.
    if (!taken().compare_exchange_strong(first, end, std::memory_order_release,
                                         std::memory_order_relaxed)) {
      return;
    }
    progress().bell.notify_all();
    known_.compare_exchange_strong(from, end, std::memory_order_relaxed);
  }

  Ring& ring_;
  const Reader<Ring> reader_;
  // With several producers: the end of the publications looked at.
  alignas(2 * wait::kCacheLine) typename Sync::template atomic<Sequence> known_;
};

}  // namespace annulet::ring::internal

#endif  // ANNULET_RING_INTERNAL_WORK_SHARE_H_
