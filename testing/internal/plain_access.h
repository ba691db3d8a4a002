// Who touched a piece of plain memory last, and whether the next access is ordered behind it; and
// the lifetime of an object, which is judged in the same way.
//
// Source: FastTrack (Flanagan and Freund, 2009), with one epoch per reader.
#ifndef ANNULET_TESTING_INTERNAL_PLAIN_ACCESS_H_
#define ANNULET_TESTING_INTERNAL_PLAIN_ACCESS_H_

#include <array>

#include "annulet/testing/internal/knowledge.h"
#include "annulet/testing/internal/site.h"

namespace annulet::model_check::internal {

class PlainAccess {
 public:
  struct Access {
    Epoch epoch = 0;  // 0: none yet
    const Site* site = nullptr;
    int thread = 0;
  };

  // Null, or the access that nothing orders before this read.
  const Access* read(int thread, const VectorClock& clock, const Site* site) {
    const Access* const conflict = unordered(write_, clock);
    reads_[thread] = {clock.at[thread], site, thread};
    return conflict;
  }

  // Null, or the access that nothing orders before this write.
  const Access* write(int thread, const VectorClock& clock, const Site* site) {
    const Access* conflict = unordered(write_, clock);
    for (const Access& read : reads_) {
      if (conflict == nullptr) conflict = unordered(read, clock);
    }
    if (conflict == nullptr) write_ = {clock.at[thread], site, thread};
    return conflict;
  }

 private:
  static const Access* unordered(const Access& access, const VectorClock& clock) {
    return access.epoch > clock.at[access.thread] ? &access : nullptr;
  }

  Access write_;
  std::array<Access, kMaxThreads> reads_;
};

// Where something lies that the model knows of, and whether it still does. What the object itself
// remembers cannot be trusted once it is gone.
struct Lifetime {
  const void* address = nullptr;
  bool alive = true;
  PlainAccess accesses;  // constructing and destroying write, every use reads
};

}  // namespace annulet::model_check::internal

#endif  // ANNULET_TESTING_INTERNAL_PLAIN_ACCESS_H_
