#include "annulet/testing/internal/candidate.h"

#include <array>
#include <bitset>

namespace annulet::model_check::axioms {
namespace {

// A set of pairs of events: the first stands before the second, in one sense or another.
class Relation {
 public:
  void add(size_t first, size_t second) { rows_[first].set(second); }
  void add(const Relation& other) {
    for (size_t i = 0; i < kMaxEvents; ++i) rows_[i] |= other.rows_[i];
  }
  bool contains(size_t first, size_t second) const { return rows_[first][second]; }

  // Adds (a, c) where there are (a, b) and (b, c), until there is nothing to add.
  void close() {
    for (size_t b = 0; b < kMaxEvents; ++b) {
      for (Row& row : rows_) {
        if (row[b]) row |= rows_[b];
      }
    }
  }

  // The pairs (a, c) with (a, b) here and (b, c) in `next`.
  Relation then(const Relation& next) const {
    Relation result;
    for (size_t a = 0; a < kMaxEvents; ++a) {
      for (size_t b = 0; b < kMaxEvents; ++b) {
        if (rows_[a][b]) result.rows_[a] |= next.rows_[b];
      }
    }
    return result;
  }

  bool is_irreflexive() const {
    for (size_t i = 0; i < kMaxEvents; ++i) {
      if (rows_[i][i]) return false;
    }
    return true;
  }

  // In each pair the first is less than the second.
  bool is_ascending() const {
    for (size_t i = 0; i < kMaxEvents; ++i) {
      for (size_t j = 0; j <= i; ++j) {
        if (rows_[i][j]) return false;
      }
    }
    return true;
  }

 private:
  using Row = std::bitset<kMaxEvents>;
  std::array<Row, kMaxEvents> rows_;
};

// The pairs of events for which `holds(first, second)`.
template <class Holds>
Relation relate(const Candidate& events, Holds holds) {
  Relation result;
  for (size_t i = 0; i < events.size(); ++i) {
    for (size_t j = 0; j < events.size(); ++j) {
      if (holds(i, j)) result.add(i, j);
    }
  }
  return result;
}

// --- the relations of [intro.races], [atomics.order] and [atomics.fences] ---

Relation sequenced_before(const Candidate& events) {
  return relate(events, [&](size_t i, size_t j) {
    return i < j && events[i].thread == events[j].thread && events[i].thread != kNobody;
  });
}

// Who makes the locations has done so when it starts the threads.
Relation made_before(const Candidate& events) {
  return relate(events, [&](size_t i, size_t j) {
    return events[i].thread == kNobody && events[j].thread != kNobody;
  });
}

Relation reads_from(const Candidate& events) {
  return relate(events,
                [&](size_t i, size_t j) { return events[j].reads && events[j].source == i; });
}

Relation modification_order(const Candidate& events) {
  return relate(events, [&](size_t i, size_t j) {
    return i < j && events[i].writes && events[j].writes &&
           events[i].location == events[j].location;
  });
}

// From a read to the stores behind the one that it reads, of which a read-modify-write is none.
Relation reads_before(const Candidate& events) {
  return relate(events, [&](size_t i, size_t j) {
    return i != j && events[i].reads && events[j].writes &&
           events[i].location == events[j].location && events[i].source < j;
  });
}

// From the head of a release sequence to all of it: itself and what read-modify-writes make of it.
Relation release_sequence(const Candidate& events) {
  Relation result = relate(events, [&](size_t i, size_t j) {
    return events[i].writes && events[j].writes &&
           (i == j || (events[j].reads && events[j].source == i));
  });
  result.close();
  return result;
}

// From what releases a store to the store: itself, or a fence before it.
Relation releases(const Candidate& events, const Relation& sequenced) {
  return relate(events, [&](size_t i, size_t j) {
    return events[i].is_release() && events[j].writes &&
           (i == j || (events[i].is_fence() && sequenced.contains(i, j)));
  });
}

// From a read to what makes it acquire: itself, or a fence behind it.
Relation is_acquired_by(const Candidate& events, const Relation& sequenced) {
  return relate(events, [&](size_t i, size_t j) {
    return events[i].reads && events[j].is_acquire() &&
           (i == j || (events[j].is_fence() && sequenced.contains(i, j)));
  });
}

Relation synchronizes_with(const Candidate& events, const Relation& sequenced) {
  return releases(events, sequenced)
      .then(release_sequence(events))
      .then(reads_from(events))
      .then(is_acquired_by(events, sequenced));
}

Relation happens_before(const Candidate& events) {
  Relation result = sequenced_before(events);
  result.add(synchronizes_with(events, result));
  result.add(made_before(events));
  result.close();
  return result;
}

Relation coherence_ordered_before(const Candidate& events) {
  Relation result = reads_from(events);
  result.add(modification_order(events));
  result.add(reads_before(events));
  result.close();
  return result;
}

// --- the axioms ---

struct Execution {
  const Candidate& events;
  Relation happens_before;
  Relation coherence_ordered_before;
};

// [atomics.order]: a read-modify-write reads the last store before its own. A store in between
// would stand both behind the read and before the write, hence the event before itself.
bool read_modify_writes_are_atomic(const Execution& execution) {
  return execution.coherence_ordered_before.is_irreflexive();
}

// [intro.races]: write-write, read-read, read-write and write-read coherence. What happens before
// an event is not coherence-ordered behind it.
bool is_coherent(const Execution& execution) {
  return execution.happens_before.then(execution.coherence_ordered_before).is_irreflexive();
}

// [atomics.order]: of two events of which one is coherence-ordered before the other, the first, if
// seq_cst, and each seq_cst fence that happens before it precede in S the second, if seq_cst, and
// each seq_cst fence that it happens before.
bool seq_cst_has_one_order(const Execution& execution) {
  const Candidate& events = execution.events;
  const Relation begins = relate(events, [&](size_t i, size_t j) {
    return events[i].is_seq_cst() &&
           (i == j || (events[i].is_fence() && execution.happens_before.contains(i, j)));
  });
  const Relation ends = relate(events, [&](size_t i, size_t j) {
    return events[j].is_seq_cst() &&
           (i == j || (events[j].is_fence() && execution.happens_before.contains(i, j)));
  });
  return begins.then(execution.coherence_ordered_before).then(ends).is_ascending();
}

// [intro.races]: accesses by two threads, one of them to write.
bool conflict(const Event& a, const Event& b) {
  return a.is_of_cell() && b.is_of_cell() && a.thread != b.thread &&
         (a.kind == Kind::kCellWrite || b.kind == Kind::kCellWrite);
}

}  // namespace

bool keeps_the_axioms(const Candidate& events) {
  const Execution execution = {events, happens_before(events), coherence_ordered_before(events)};
  return read_modify_writes_are_atomic(execution) && is_coherent(execution) &&
         seq_cst_has_one_order(execution);
}

bool has_data_race(const Candidate& events) {
  const Relation ordered = happens_before(events);
  for (size_t i = 0; i < events.size(); ++i) {
    for (size_t j = i + 1; j < events.size(); ++j) {
      if (conflict(events[i], events[j]) && !ordered.contains(i, j)) return true;
    }
  }
  return false;
}

}  // namespace annulet::model_check::axioms
