// What a reader of a ring waits for: the producers, or readers before it.
#ifndef ANNULET_RING_INTERNAL_UPSTREAM_H_
#define ANNULET_RING_INTERNAL_UPSTREAM_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/log/absl_check.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "annulet/ring/internal/progress.h"
#include "annulet/ring/internal/sequencer.h"
#include "annulet/ring/layout.h"
#include "annulet/ring/sequence.h"
#include "annulet/wait/deadline.h"

namespace annulet::ring {

enum class Wake : uint8_t {
  kReady,    // there are events to take
  kTimeout,  // there were none until the deadline
  kEnded,    // there will be none: the ring was closed and all is handled, or it was halted
};

namespace internal {

// Readers of a ring that others come after.
template <class Ring>
struct Upstream {
  const Ring* ring;
  uint64_t mask;
};

// The upstream of one reader, and its membership in the ring.
template <class Ring>
class Reader {
 public:
  using Sync = typename Ring::SyncPolicy;
  using Table = ProgressTable<Sync>;
  using Mask = typename Table::Mask;

  struct Member {
    Reader reader;
    Mask workers;
    Place place;
  };

  // FailedPrecondition: the ring is closed. InvalidArgument: `after` names another ring.
  // ResourceExhausted: with the reader, and its workers if it is a group, the ring would have more
  // than max_consumers.
  static absl::StatusOr<Member> join(Ring& ring, std::string name,
                                     const std::vector<Upstream<Ring>>& after, size_t workers = 0) {
    Mask upstream = 0;
    for (const Upstream<Ring>& other : after) {
      if (other.ring != &ring) {
        return absl::InvalidArgumentError(
            absl::StrCat("ring: '", name, "' cannot come after a consumer of another ring"));
      }
      upstream |= other.mask;
    }
    if (ring.is_closed()) {
      return absl::FailedPreconditionError(
          absl::StrCat("ring: '", name, "' cannot join a closed ring"));
    }
    Table& table = ring.sequencer().table();
    if ((upstream & ~table.members()) != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("ring: '", name, "' cannot come after a consumer that has left"));
    }
    const auto joined = table.join([&] { return ring.sequencer().newest(); }, workers);
    if (!joined) {
      return absl::ResourceExhaustedError(
          absl::StrCat("ring: no place for '", name, "'; raise RingOptions::max_consumers"));
    }
    // A member from here on: nothing below throws.
    ring.roster().add(joined->index, std::move(name), upstream);
    return Member{.reader = Reader(joined->index, upstream, joined->place),
                  .workers = joined->workers,
                  .place = joined->place};
  }

  size_t index() const { return index_; }
  Mask mask() const { return Table::bit(index_); }
  bool is_first() const { return upstream_ == 0; }

  // `workers`: those of a group.
  void leave(Ring& ring, const Place& place, Mask workers = 0) const {
    for (; workers != 0; workers &= workers - 1) {
      const auto worker = static_cast<size_t>(std::countr_zero(workers));
      ring.roster().remove(worker);
      ring.sequencer().table().leave(worker, {});
    }
    ABSL_CHECK(!ring.roster().is_awaited(index_))
        << "a consumer was destroyed before one that comes after it";
    ring.roster().remove(index_);
    ring.sequencer().table().leave(index_, place);
  }

  // How far the readers before this one are; `next` if he is ahead of them, as one who has just
  // joined may be.
  Sequence limit(const Ring& ring, Sequence next) const {
    const Sequence end = ring.sequencer().table().oldest(upstream_, next);
    return distance(next, end) < 0 ? next : end;
  }

  // Learns what may be read of the events from `known` on, where nothing is known of. `far`: all;
  // else at least one event if there is any, by the cheapest look. Moves `next` over events that
  // were cancelled.
  void look(const Ring& ring, Sequence& next, Sequence& known, bool far) {
    if constexpr (Ring::kManyProducers) {
      follow_marks(ring, next, known);
    } else if (!is_first()) {
      known = limit(ring, next);
    } else if constexpr (Ring::Array::kMarks) {
      if (!far) {
        known = ring.events().look(known).end;
      } else if (const Sequence end = ring.sequencer().published(); distance(known, end) > 0) {
        known = end;  // it may lie before: an event's mark is seen first
      }
    } else {
      known = ring.sequencer().published();
    }
  }

  // Whether the reader at `index`, this one or a worker of its group, is to end at once.
  bool is_stopped(const Ring& ring, size_t index) const {
    return ring.sequencer().state() == State::kHalted ||
           ring.sequencer().table()[index].stopped.load(std::memory_order_relaxed);
  }

  void stop(Ring& ring, size_t index) const {
    ring.sequencer().table()[index].stopped.store(true, std::memory_order_relaxed);
    ring.sequencer().ring_all_bells();
  }

  // Waits until look() returns true. `next` is the first event that the reader at `index` waits
  // for; look() may change it.
  template <class Look, class Wait>
  Wake wait(Ring& ring, size_t index, const Sequence& next, const Look& look, Wait& strategy,
            wait::Deadline until) const {
    auto& sequencer = ring.sequencer();
    const auto ended = [&] { return is_stopped(ring, index) || sequencer.ends_at(next); };
    if (is_first()) {
      Wake wake = Wake::kTimeout;
      const auto decided = [&] {
        if (look()) {
          wake = Wake::kReady;
        } else if (ended()) {
          wake = Wake::kEnded;
        }
        return wake != Wake::kTimeout;
      };
      strategy.wait(decided, sequencer.published_bell(), until);
      return wake;
    }
    for (;;) {
      if (look()) return Wake::kReady;
      if (ended()) return Wake::kEnded;
      for (Mask rest = upstream_; rest != 0; rest &= rest - 1) {
        const auto& before = sequencer.table()[static_cast<size_t>(std::countr_zero(rest))];
        const auto passed = [&] { return distance(next, before.reach()) > 0 || ended(); };
        if (!strategy.wait(passed, sequencer.table()[std::countr_zero(rest)].bell, until)) {
          return Wake::kTimeout;
        }
      }
    }
  }

 private:
  // As many events as one look learns of, where each has to be looked at.
  static constexpr int64_t kOneLook = 256;

  Reader(size_t index, Mask upstream, const Place& place)
      : index_(index), upstream_(upstream), run_end_(place.known) {}

  // Several producers publish out of order, so that only the marks tell what is published. They
  // are read where a publication begins: at run_end_.
  void follow_marks(const Ring& ring, Sequence& next, Sequence& known) {
    const Sequence limit = is_first() ? next + ring.capacity() : this->limit(ring, next);
    const auto up_to_limit = [&](Sequence end) { return distance(end, limit) < 0 ? limit : end; };
    known = up_to_limit(run_end_);
    while (distance(run_end_, limit) > 0 && distance(next, known) < kOneLook) {
      const Run run = ring.events().look(run_end_);
      if (run.cancelled && known == next) {
        next = known = run_end_ = run.end;
      } else if (run.published) {
        run_end_ = run.end;
        known = up_to_limit(run_end_);
      } else {
        break;
      }
    }
  }

  size_t index_;
  Mask upstream_;
  Sequence run_end_;  // the end of the last publication looked at
};

}  // namespace internal
}  // namespace annulet::ring

#endif  // ANNULET_RING_INTERNAL_UPSTREAM_H_
