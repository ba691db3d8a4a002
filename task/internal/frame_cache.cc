#include "annulet/task/internal/frame_cache.h"

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
static_assert((kFrameClasses - 1) * kFrameClassBytes <= kMaxSlabFrame);

enum class Phase : uint8_t {
  kFresh,   // this thread has had no frame yet
  kActive,  // a Cleaner will empty the lists when the thread ends
  kOver,    // it has; nothing is kept for what later destructors do
};

// Without a destructor, so that an access is a plain load relative to the thread pointer.
struct Cache {
  FrameSupply lists[kFrameClasses];
  Phase phase;
};
constinit thread_local Cache t_cache{};

struct Cleaner {
  ~Cleaner() {
    t_cache.phase = Phase::kOver;
    for (FrameSupply& list : t_cache.lists) give_frames(std::exchange(list, {}));
  }
  void touch() {}
};
thread_local Cleaner t_cleaner;

constexpr std::size_t class_of(std::size_t bytes) {
  return (bytes + kFrameClassBytes - 1) / kFrameClassBytes;
}

// False: the thread is ending and keeps nothing.
bool may_keep() {
  if (ABSL_PREDICT_TRUE(t_cache.phase == Phase::kActive)) return true;
  if (t_cache.phase == Phase::kOver) return false;
  t_cleaner.touch();  // from here on it is destroyed with the thread
  t_cache.phase = Phase::kActive;
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

[[gnu::noinline]] void* refill(std::size_t size_class) {
  const std::size_t class_bytes = size_class * kFrameClassBytes;
  FrameSupply supply = take_frames(size_class, class_bytes);
  void* const frame = take_from(supply, class_bytes);
  if (may_keep()) {
    t_cache.lists[size_class] = supply;
  } else {
    give_frames(supply);
  }
  return frame;
}

// Gives half of what the thread keeps of a class, or all of it, to the slabs.
[[gnu::noinline]] void shed(FrameSupply& list, std::size_t class_bytes) noexcept {
  if (!may_keep()) return give_frames(std::exchange(list, {}));
  const FrameSupply given{.freed = list.freed};
  FreeFrame* last = nullptr;
  while (list.freed_bytes > kMaxFreedBytes / 2) {
    last = std::exchange(list.freed, list.freed->next);
    list.freed_bytes -= class_bytes;
  }
  last->next = nullptr;
  give_frames(given);
}

}  // namespace

void* allocate_frame(std::size_t bytes) {
  const std::size_t size_class = class_of(bytes);
  if (ABSL_PREDICT_FALSE(!kKeep || size_class >= kFrameClasses)) return ::operator new(bytes);
  void* const frame = take_from(t_cache.lists[size_class], size_class * kFrameClassBytes);
  return ABSL_PREDICT_TRUE(frame != nullptr) ? frame : refill(size_class);
}

void free_frame(void* frame, std::size_t bytes) noexcept {
  const std::size_t size_class = class_of(bytes);
  if (ABSL_PREDICT_FALSE(!kKeep || size_class >= kFrameClasses)) return ::operator delete(frame);
  const std::size_t class_bytes = size_class * kFrameClassBytes;
  FrameSupply& list = t_cache.lists[size_class];
  list.freed = ::new (frame) FreeFrame{list.freed};
  list.freed_bytes += class_bytes;
  if (ABSL_PREDICT_FALSE(list.freed_bytes > kMaxFreedBytes || !may_keep())) shed(list, class_bytes);
}

std::size_t cached_frame_bytes() noexcept {
  std::size_t sum = 0;
  for (const FrameSupply& list : t_cache.lists) {
    sum += list.freed_bytes + static_cast<std::size_t>(list.fresh_end - list.fresh);
  }
  return sum;
}

}  // namespace annulet::task::internal
