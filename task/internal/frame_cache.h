// Memory for coroutine frames: a free list per thread and size class.
//
// A frame that is freed serves the next one of its class on the same thread, so a steady state
// allocates nothing. Classes are 16 bytes apart up to 1 KiB, and a frame takes no more than its
// class; above there are four classes to a doubling, up to 16 KiB; still larger frames come from
// the heap. Bounded: a class keeps at most kMaxBytesPerClass a thread, a thread at most kMaxBytes;
// the rest goes back to slabs that all threads share (frame_slabs.h), and from there to the system.
// A frame may be freed on another thread than the one that made it. Under AddressSanitizer all
// frames come from the heap, so that it sees every use after free.
// Cost: about 2.5 ns for a pair of up to 1 KiB. Throws std::bad_alloc.
#ifndef ANNULET_TASK_INTERNAL_FRAME_CACHE_H_
#define ANNULET_TASK_INTERNAL_FRAME_CACHE_H_

#include <cstddef>

#include "annulet/task/internal/frame_slabs.h"

namespace annulet::task::internal {

inline constexpr std::size_t kFrameClassBytes = 16;  // of the small ones
inline constexpr std::size_t kSmallFrame = 1024;
inline constexpr std::size_t kLargestFrame = 16 * kSmallFrame;
inline constexpr std::size_t kClassesPerDoubling = 4;
inline constexpr std::size_t kSmallClasses = kSmallFrame / kFrameClassBytes + 1;
inline constexpr std::size_t kFrameClasses = kSmallClasses + 4 * kClassesPerDoubling;
// Of ten thousand tasks of 96 bytes, and half of what a second-level cache holds.
inline constexpr std::size_t kMaxFreedBytes = 16 * kSlabBytes;                 // of a class
inline constexpr std::size_t kMaxBytesPerClass = kMaxFreedBytes + kSlabBytes;  // and unused ones
inline constexpr std::size_t kMaxBytes = kFrameClasses * kMaxBytesPerClass;

// The halves of the two below, split so that a caller who knows the size makes the choice, and the
// rounding to a class, while it is compiled.
void* allocate_small_frame(std::size_t class_bytes);
void free_small_frame(void* frame, std::size_t class_bytes) noexcept;
void* allocate_large_frame(std::size_t bytes);
void free_large_frame(void* frame, std::size_t bytes) noexcept;

constexpr std::size_t small_class_bytes(std::size_t bytes) {
  return (bytes + kFrameClassBytes - 1) / kFrameClassBytes * kFrameClassBytes;
}

inline void* allocate_frame(std::size_t bytes) {
  return bytes <= kSmallFrame ? allocate_small_frame(small_class_bytes(bytes))
                              : allocate_large_frame(bytes);
}

// `bytes`: what it was allocated with.
inline void free_frame(void* frame, std::size_t bytes) noexcept {
  return bytes <= kSmallFrame ? free_small_frame(frame, small_class_bytes(bytes))
                              : free_large_frame(frame, bytes);
}

// How many bytes the calling thread keeps for later frames.
std::size_t cached_frame_bytes() noexcept;

}  // namespace annulet::task::internal

#endif  // ANNULET_TASK_INTERNAL_FRAME_CACHE_H_
