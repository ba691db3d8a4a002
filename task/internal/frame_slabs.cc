#include "annulet/task/internal/frame_slabs.h"

#include <sys/mman.h>

#include <bit>
#include <cstdint>
#include <mutex>
#include <new>

namespace annulet::task::internal {
namespace {

constexpr std::size_t kSlabsPerRegion = kRegionBytes / kSlabBytes;
constexpr uint32_t kAllFree = ~uint32_t{0};
static_assert(kSlabsPerRegion == 32, "a bit each");

template <class T>
struct List {
  T* first = nullptr;

  void push(T* item) {
    item->previous = nullptr;
    item->next = first;
    if (first != nullptr) first->previous = item;
    first = item;
  }

  void remove(T* item) {
    (item->previous != nullptr ? item->previous->next : first) = item->next;
    if (item->next != nullptr) item->next->previous = item->previous;
  }
};

// In the header of the region's first slab.
struct Region {
  Region* next;
  Region* previous;
  uint32_t free_slabs;
};

// In use, at a slab's start. On the list of its class while it has frames to give.
struct Slab {
  Slab* next;
  Slab* previous;
  FreeFrame* freed;
  std::byte* fresh;
  std::byte* fresh_end;
  std::size_t frame_bytes;
  uint32_t size_class;
  uint32_t freed_count;
  uint32_t out;  // frames that threads have
  bool has_frames() const { return freed != nullptr || fresh != fresh_end; }
};

constexpr std::size_t kHeaderBytes = 128;
constexpr std::size_t kRegionOffset = 96;
static_assert(sizeof(Slab) <= kRegionOffset && kRegionOffset + sizeof(Region) <= kHeaderBytes);

std::byte* aligned(void* address, std::size_t alignment) {
  return std::bit_cast<std::byte*>(std::bit_cast<uintptr_t>(address) & ~(alignment - 1));
}

Slab* slab_of(void* frame) { return reinterpret_cast<Slab*>(aligned(frame, kSlabBytes)); }

Region* region_of(Slab* slab) {
  return reinterpret_cast<Region*>(aligned(slab, kRegionBytes) + kRegionOffset);
}

class Store {
 public:
  FrameSupply take(std::size_t size_class, std::size_t frame_bytes) {
    const std::lock_guard lock(mutex_);
    Slab* slab = with_frames_[size_class].first;
    if (slab == nullptr) {
      slab = make_slab(size_class, frame_bytes);
    } else {
      with_frames_[size_class].remove(slab);
    }
    const FrameSupply all = {slab->freed, slab->freed_count * frame_bytes, slab->fresh,
                             slab->fresh_end};
    slab->out += slab->freed_count + count(*slab, slab->fresh, slab->fresh_end);
    slab->freed = nullptr;
    slab->freed_count = 0;
    slab->fresh = slab->fresh_end = nullptr;
    return all;
  }

  void give(const FrameSupply& frames) noexcept {
    const std::lock_guard lock(mutex_);
    for (FreeFrame* frame = frames.freed; frame != nullptr;) {
      FreeFrame* const next = frame->next;
      Slab* const slab = slab_of(frame);
      if (!slab->has_frames()) with_frames_[slab->size_class].push(slab);
      frame->next = slab->freed;
      slab->freed = frame;
      ++slab->freed_count;
      came_back(slab, 1);
      frame = next;
    }
    if (frames.fresh == frames.fresh_end) return;
    Slab* const slab = slab_of(frames.fresh);
    if (!slab->has_frames()) with_frames_[slab->size_class].push(slab);
    slab->fresh = frames.fresh;
    slab->fresh_end = frames.fresh_end;
    came_back(slab, count(*slab, frames.fresh, frames.fresh_end));
  }

  std::size_t mapped_bytes() noexcept {
    const std::lock_guard lock(mutex_);
    return regions_ * kRegionBytes;
  }

 private:
  static uint32_t count(const Slab& slab, const std::byte* begin, const std::byte* end) {
    return static_cast<uint32_t>(static_cast<std::size_t>(end - begin) / slab.frame_bytes);
  }

  Slab* make_slab(std::size_t size_class, std::size_t frame_bytes) {
    if (with_slabs_.first == nullptr && spare_.first == nullptr) map_region();
    List<Region>& list = with_slabs_.first != nullptr ? with_slabs_ : spare_;
    Region* const region = list.first;
    const auto index = static_cast<std::size_t>(std::countr_zero(region->free_slabs));
    if (region->free_slabs == kAllFree) {
      spare_.remove(region);
      --spare_count_;
      with_slabs_.push(region);
    }
    region->free_slabs &= region->free_slabs - 1;
    if (region->free_slabs == 0) with_slabs_.remove(region);
    std::byte* const start = aligned(region, kRegionBytes) + index * kSlabBytes;
    std::byte* const fresh = start + kHeaderBytes;
    const std::size_t capacity = (kSlabBytes - kHeaderBytes) / frame_bytes;
    return ::new (start) Slab{.next = nullptr,
                              .previous = nullptr,
                              .freed = nullptr,
                              .fresh = fresh,
                              .fresh_end = fresh + capacity * frame_bytes,
                              .frame_bytes = frame_bytes,
                              .size_class = static_cast<uint32_t>(size_class),
                              .freed_count = 0,
                              .out = 0};
  }

  void came_back(Slab* slab, uint32_t frames) {
    slab->out -= frames;
    if (slab->out > 0) return;
    with_frames_[slab->size_class].remove(slab);
    Region* const region = region_of(slab);
    const auto offset = static_cast<std::size_t>(reinterpret_cast<std::byte*>(slab) -
                                                 aligned(region, kRegionBytes));
    if (region->free_slabs == 0) with_slabs_.push(region);
    region->free_slabs |= uint32_t{1} << (offset / kSlabBytes);
    if (region->free_slabs != kAllFree) return;
    with_slabs_.remove(region);
    if (spare_count_ == kSpareRegions) {
      unmap(region);
    } else {
      spare_.push(region);
      ++spare_count_;
    }
  }

  // Adds a spare one.
  void map_region() {
    // Twice the size has an aligned region inside.
    void* const mapped = mmap(nullptr, 2 * kRegionBytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    auto* const first = static_cast<std::byte*>(mapped);
    std::byte* const start = aligned(first + kRegionBytes - 1, kRegionBytes);
    const auto before = static_cast<std::size_t>(start - first);
    if (before > 0) munmap(first, before);
    if (before < kRegionBytes) munmap(start + kRegionBytes, kRegionBytes - before);
    // A hint, and a small program, whose frames fit one region, need not have 2 MiB resident.
    if (regions_ > 0) madvise(start, kRegionBytes, MADV_HUGEPAGE);
    ++regions_;
    ++spare_count_;
    spare_.push(::new (start + kRegionOffset) Region{nullptr, nullptr, kAllFree});
  }

  void unmap(Region* region) {
    munmap(aligned(region, kRegionBytes), kRegionBytes);
    --regions_;
  }

  std::mutex mutex_;
  List<Slab> with_frames_[kMaxSlabClasses];
  List<Region> with_slabs_;  // partly in use
  List<Region> spare_;       // not in use
  std::size_t spare_count_ = 0;
  std::size_t regions_ = 0;
};

// Never destroyed: threads may end after static objects have.
constinit Store g_store;

}  // namespace

FrameSupply take_frames(std::size_t size_class, std::size_t frame_bytes) {
  return g_store.take(size_class, frame_bytes);
}

void give_frames(const FrameSupply& frames) noexcept { g_store.give(frames); }

std::size_t mapped_frame_bytes() noexcept { return g_store.mapped_bytes(); }

}  // namespace annulet::task::internal
