#include "annulet/task/internal/frame_cache.h"

#include <cstdint>
#include <new>

#include "absl/base/config.h"
#include "absl/base/optimization.h"

namespace annulet::task::internal {
namespace {

#ifdef ABSL_HAVE_ADDRESS_SANITIZER
constexpr bool kKeep = false;
#else
constexpr bool kKeep = true;
#endif

struct FreeFrame {
  FreeFrame* next;
};

struct FreeList {
  FreeFrame* first;
  std::size_t bytes;
};

enum class Phase : uint8_t {
  kFresh,   // this thread has freed no frame yet
  kActive,  // a Cleaner will empty the lists when the thread ends
  kOver,    // it has; frames freed by later destructors go to the heap
};

// Without a destructor, so that an access is a plain load relative to the thread pointer.
struct Cache {
  FreeList lists[kFrameClasses];
  Phase phase;
};
constinit thread_local Cache t_cache{};

struct Cleaner {
  ~Cleaner() {
    t_cache.phase = Phase::kOver;
    for (FreeList& list : t_cache.lists) {
      while (FreeFrame* frame = list.first) {
        list.first = frame->next;
        ::operator delete(frame);
      }
      list.bytes = 0;
    }
  }
  void touch() {}
};
thread_local Cleaner t_cleaner;

constexpr std::size_t class_of(std::size_t bytes) {
  return (bytes + kFrameClassBytes - 1) / kFrameClassBytes;
}

}  // namespace

void* allocate_frame(std::size_t bytes) {
  const std::size_t size_class = class_of(bytes);
  if (ABSL_PREDICT_FALSE(size_class >= kFrameClasses)) return ::operator new(bytes);
  FreeList& list = t_cache.lists[size_class];
  FreeFrame* frame = list.first;
  if (ABSL_PREDICT_FALSE(frame == nullptr)) return ::operator new(size_class * kFrameClassBytes);
  list.first = frame->next;
  list.bytes -= size_class * kFrameClassBytes;
  return frame;
}

void free_frame(void* frame, std::size_t bytes) noexcept {
  const std::size_t size_class = class_of(bytes);
  if (ABSL_PREDICT_FALSE(!kKeep || size_class >= kFrameClasses)) return ::operator delete(frame);
  if (ABSL_PREDICT_FALSE(t_cache.phase != Phase::kActive)) {
    if (t_cache.phase == Phase::kOver) return ::operator delete(frame);
    t_cleaner.touch();  // from here on it is destroyed with the thread
    t_cache.phase = Phase::kActive;
  }
  FreeList& list = t_cache.lists[size_class];
  if (ABSL_PREDICT_FALSE(list.bytes + size_class * kFrameClassBytes > kMaxBytesPerClass)) {
    return ::operator delete(frame);
  }
  list.bytes += size_class * kFrameClassBytes;
  list.first = ::new (frame) FreeFrame{list.first};
}

std::size_t cached_frame_bytes() noexcept {
  std::size_t sum = 0;
  for (const FreeList& list : t_cache.lists) sum += list.bytes;
  return sum;
}

}  // namespace annulet::task::internal
