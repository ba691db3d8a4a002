// Memory for coroutine frames: a free list per thread and size class.
//
// A frame that is freed serves the next one of its class on the same thread, so a steady state
// allocates nothing. Bounded: a class keeps at most kMaxBytesPerClass a thread, a thread at most
// kMaxBytes; the rest goes back to the heap. A frame may be freed on another thread than the one
// that made it. Under AddressSanitizer nothing is kept, so that it sees every use after free.
// Cost: about 2.5 ns for a pair. Throws std::bad_alloc.
#ifndef ANNULET_TASK_INTERNAL_FRAME_CACHE_H_
#define ANNULET_TASK_INTERNAL_FRAME_CACHE_H_

#include <cstddef>

namespace annulet::task::internal {

inline constexpr std::size_t kFrameClassBytes = 32;
inline constexpr std::size_t kFrameClasses =
    33;  // frames up to 1 KiB; larger ones come from the heap
inline constexpr std::size_t kMaxBytesPerClass = 64 * 1024;
inline constexpr std::size_t kMaxBytes = kFrameClasses * kMaxBytesPerClass;

void* allocate_frame(std::size_t bytes);
void free_frame(void* frame, std::size_t bytes) noexcept;

// How many bytes the calling thread keeps for later frames.
std::size_t cached_frame_bytes() noexcept;

}  // namespace annulet::task::internal

#endif  // ANNULET_TASK_INTERNAL_FRAME_CACHE_H_
