// Where the threads' free lists of frames get their memory: slabs of one size class each, that the
// whole process shares.
//
//   region, 2 MiB    [ slab | slab | ... 32 of them ]      mapped and unmapped as a whole
//   slab, 64 KiB     [ header | frame | frame | ...  ]     found by a frame's address
//
// A thread takes all that a slab has at once, so that carving frames from it is a matter of that
// thread alone, and gives frames back by the list, whichever slabs they are from. A slab whose
// frames are all back may serve another class; a region without any slab in use is unmapped, but
// for kSpareRegions of them.
// Cost: a lock for a slab's worth of frames taken, and for each list given; 128 bytes of each slab,
// and what is left behind its last frame, with the largest up to a quarter.
// All regions but the first ask for huge pages: a burst of frames is mostly page faults else.
// Threads: any thread.
#ifndef ANNULET_TASK_INTERNAL_FRAME_SLABS_H_
#define ANNULET_TASK_INTERNAL_FRAME_SLABS_H_

#include <cstddef>

namespace annulet::task::internal {

inline constexpr std::size_t kSlabBytes = 64 * 1024;
inline constexpr std::size_t kRegionBytes = 2 * 1024 * 1024;
inline constexpr std::size_t kSpareRegions = 8;

struct FreeFrame {
  FreeFrame* next;
};

// Frames of one class: those that were in use before, and memory behind them that never was.
struct FrameSupply {
  FreeFrame* freed = nullptr;
  std::size_t freed_bytes = 0;
  std::byte* fresh = nullptr;
  std::byte* fresh_end = nullptr;
};

// At least one frame. Frames of a class are all `frame_bytes` long, a multiple of 16 and at most
// kMaxSlabFrame; classes are numbered from 0 and fewer than kMaxSlabClasses. Throws std::bad_alloc.
FrameSupply take_frames(std::size_t size_class, std::size_t frame_bytes);
void give_frames(const FrameSupply& frames) noexcept;

inline constexpr std::size_t kMaxSlabFrame = kSlabBytes / 4;
inline constexpr std::size_t kMaxSlabClasses = 128;

// What all slabs take from the system, with the spare regions.
std::size_t mapped_frame_bytes() noexcept;

}  // namespace annulet::task::internal

#endif  // ANNULET_TASK_INTERNAL_FRAME_SLABS_H_
