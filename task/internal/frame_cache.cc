#include "annulet/task/internal/frame_cache.h"

#include <bit>
#include <cstdint>
#include <new>
#include <utility>

#include "absl/base/config.h"
#include "absl/base/optimization.h"

namespace annulet::task::internal {
namespace {

#ifdef ABSL_HAVE_ADDRESS_SANITIZER
constexpr bool kKeep = false;
#else
constexpr bool kKeep = true;
#endif

static_assert(kFrameClasses <= kMaxSlabClasses);
static_assert(kLargestFrame <= kMaxSlabFrame);

enum class Phase : uint8_t {
  kFresh,   // this thread has had no frame yet
  kActive,  // a Cleaner will empty the lists when the thread ends
  kOver,    // it has; nothing is kept for what later destructors do
};

// Without a destructor, so that an access is a plain load relative to the thread pointer.
struct Cache {
  FrameSupply lists[kFrameClasses];
  Phase phase;
  std::size_t most;  // how many bytes of a class are kept: 0 unless active, so that who frees
                     // compares but once
};
constinit thread_local Cache t_cache{};

struct Cleaner {
  ~Cleaner() {
    t_cache.phase = Phase::kOver;
    t_cache.most = 0;
    for (FrameSupply& list : t_cache.lists) give_frames(std::exchange(list, {}));
  }
  void touch() {}
};
thread_local Cleaner t_cleaner;

struct FrameClass {
  std::size_t number;
  std::size_t bytes;  // of its frames
};

constexpr FrameClass small_class(std::size_t class_bytes) {
  return {.number = class_bytes / kFrameClassBytes, .bytes = class_bytes};
}

// Of more than kSmallFrame bytes, and at most kLargestFrame.
constexpr FrameClass large_class(std::size_t bytes) {
  const auto doubling = static_cast<std::size_t>(std::bit_width((bytes - 1) / kSmallFrame)) - 1;
  const std::size_t base = kSmallFrame << doubling;
  const std::size_t step = base / kClassesPerDoubling;
  const std::size_t step_number = (bytes - 1 - base) / step;
  return {.number = kSmallClasses + doubling * kClassesPerDoubling + step_number,
          .bytes = base + (step_number + 1) * step};
}
static_assert(large_class(kSmallFrame + 1).number == kSmallClasses);
static_assert(large_class(kLargestFrame).number == kFrameClasses - 1);
static_assert(large_class(kLargestFrame).bytes == kLargestFrame);

// False: the thread is ending and keeps nothing.
bool may_keep() {
  if (ABSL_PREDICT_TRUE(t_cache.phase == Phase::kActive)) return true;
  if (t_cache.phase == Phase::kOver) return false;
  t_cleaner.touch();  // from here on it is destroyed with the thread
  t_cache.phase = Phase::kActive;
  t_cache.most = kMaxFreedBytes;
  return true;
}

// From a list that is not empty, or null.
void* take_from(FrameSupply& list, std::size_t class_bytes) {
  if (FreeFrame* frame = list.freed; ABSL_PREDICT_TRUE(frame != nullptr)) {
    list.freed = frame->next;
    list.freed_bytes -= class_bytes;
    return frame;
  }
  if (list.fresh == list.fresh_end) return nullptr;
  return std::exchange(list.fresh, list.fresh + class_bytes);
}

[[gnu::noinline]] void* refill(FrameClass frames) {
  FrameSupply supply = take_frames(frames.number, frames.bytes);
  void* const frame = take_from(supply, frames.bytes);
  if (may_keep()) {
    t_cache.lists[frames.number] = supply;
  } else {
    give_frames(supply);
  }
  return frame;
}

// Gives half of what the thread keeps of a class, or all of it, to the slabs: the half that was
// freed earlier, so that what is kept lies close together, and in the caches.
[[gnu::noinline]] void shed(FrameSupply& list, std::size_t class_bytes) noexcept {
  if (!may_keep()) return give_frames(std::exchange(list, {}));
  if (list.freed_bytes <= t_cache.most) return;  // the thread's first frame of all
  FreeFrame* last = list.freed;
  std::size_t kept = class_bytes;
  for (; kept < kMaxFreedBytes / 2; kept += class_bytes) last = last->next;
  list.freed_bytes = kept;
  give_frames({.freed = std::exchange(last->next, nullptr)});
}

inline void* allocate_of(FrameClass frames) {
  void* const frame = take_from(t_cache.lists[frames.number], frames.bytes);
  return ABSL_PREDICT_TRUE(frame != nullptr) ? frame : refill(frames);
}

inline void free_of(void* frame, FrameClass frames) noexcept {
  FrameSupply& list = t_cache.lists[frames.number];
  list.freed = ::new (frame) FreeFrame{list.freed};
  list.freed_bytes += frames.bytes;
  if (ABSL_PREDICT_FALSE(list.freed_bytes > t_cache.most)) shed(list, frames.bytes);
}

}  // namespace

void* allocate_small_frame(std::size_t class_bytes) {
  if (!kKeep) return ::operator new(class_bytes);
  return allocate_of(small_class(class_bytes));
}

void free_small_frame(void* frame, std::size_t class_bytes) noexcept {
  if (!kKeep) return ::operator delete(frame);
  free_of(frame, small_class(class_bytes));
}

void* allocate_large_frame(std::size_t bytes) {
  if (!kKeep || bytes > kLargestFrame) return ::operator new(bytes);
  return allocate_of(large_class(bytes));
}

void free_large_frame(void* frame, std::size_t bytes) noexcept {
  if (!kKeep || bytes > kLargestFrame) return ::operator delete(frame);
  free_of(frame, large_class(bytes));
}

std::size_t cached_frame_bytes() noexcept {
  std::size_t sum = 0;
  for (const FrameSupply& list : t_cache.lists) {
    sum += list.freed_bytes + static_cast<std::size_t>(list.fresh_end - list.fresh);
  }
  return sum;
}

}  // namespace annulet::task::internal
