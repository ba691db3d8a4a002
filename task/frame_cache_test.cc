#include "annulet/task/internal/frame_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

namespace annulet::task::internal {
namespace {

// Under AddressSanitizer frames come from the heap.
bool frames_are_kept() {
  free_frame(allocate_frame(64), 64);
  return cached_frame_bytes() > 0;
}

class FrameSlabs : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!frames_are_kept()) GTEST_SKIP() << "frames come from the heap here";
  }
};

struct Frame {
  unsigned char* memory;
  size_t bytes;
};

Frame make(size_t bytes) {
  auto* const memory = static_cast<unsigned char*>(allocate_frame(bytes));
  std::memset(memory, static_cast<int>(bytes % 251), bytes);
  return {memory, bytes};
}

// Whether nobody else has written to it.
bool intact(const Frame& frame) {
  return std::all_of(frame.memory, frame.memory + frame.bytes,
                     [&](unsigned char byte) { return byte == frame.bytes % 251; });
}

TEST_F(FrameSlabs, AFrameTakesNoMoreThanItsSizeAndNoneTouchesAnother) {
  constexpr size_t kCount = 10'000;
  for (size_t bytes : {48, 64, 112}) {
    std::vector<Frame> frames;
    for (size_t i = 0; i < kCount; ++i) frames.push_back(make(bytes));
    std::sort(frames.begin(), frames.end(),
              [](const Frame& a, const Frame& b) { return a.memory < b.memory; });
    size_t side_by_side = 0;
    for (size_t i = 1; i < kCount; ++i) {
      const auto distance = static_cast<size_t>(frames[i].memory - frames[i - 1].memory);
      ASSERT_GE(distance, bytes);
      ASSERT_EQ(reinterpret_cast<uintptr_t>(frames[i].memory) % 16, 0u);
      side_by_side += distance == bytes ? 1 : 0;
    }
    EXPECT_GT(side_by_side, kCount - 100) << bytes;
    for (const Frame& frame : frames) {
      ASSERT_TRUE(intact(frame));
      free_frame(frame.memory, bytes);
    }
  }
}

TEST_F(FrameSlabs, ALargeFrameTakesAQuarterMoreThanItsSizeAtMostAndNoneTouchesAnother) {
  const auto burst_of = [](size_t bytes) {
    std::vector<Frame> frames;
    for (size_t i = 0; i < 1000; ++i) frames.push_back(make(bytes));
    std::sort(frames.begin(), frames.end(),
              [](const Frame& a, const Frame& b) { return a.memory < b.memory; });
    size_t least = SIZE_MAX;
    for (size_t i = 1; i < frames.size(); ++i) {
      least = std::min(least, static_cast<size_t>(frames[i].memory - frames[i - 1].memory));
    }
    EXPECT_GE(least, bytes);
    EXPECT_LE(least, bytes + bytes / 4);
    for (const Frame& frame : frames) {
      ASSERT_TRUE(intact(frame)) << bytes;
      free_frame(frame.memory, bytes);
    }
  };
  for (size_t bytes : {1025, 1280, 1281, 2048, 2049, 9000, 16'384}) {
    std::thread(burst_of, bytes).join();  // which keeps nothing
  }
}

TEST_F(FrameSlabs, WhatIsLargerThanTheLargestClassComesFromTheHeap) {
  const size_t mapped = mapped_frame_bytes();
  const size_t kept = cached_frame_bytes();
  const Frame frame = make(kLargestFrame + 1);
  free_frame(frame.memory, frame.bytes);
  EXPECT_EQ(mapped_frame_bytes(), mapped);
  EXPECT_EQ(cached_frame_bytes(), kept);
}

TEST_F(FrameSlabs, AfterABurstTheMemoryGoesBackToTheSystem) {
  constexpr size_t kCount = 1'000'000;
  std::vector<void*> frames(kCount);
  for (int round = 0; round < 2; ++round) {
    for (void*& frame : frames) frame = allocate_frame(112);
    EXPECT_GE(mapped_frame_bytes(), kCount * 112);
    EXPECT_LE(mapped_frame_bytes(), kCount * 113 + (kSpareRegions + 2) * kRegionBytes);
    for (void* frame : frames) free_frame(frame, 112);
    EXPECT_LE(mapped_frame_bytes(), (kSpareRegions + 4) * kRegionBytes);
  }
}

TEST_F(FrameSlabs, AThreadThatEndsKeepsNothing) {
  const auto use_all_classes = [] {
    for (size_t bytes = 1; bytes <= 1024; bytes += 16) {
      free_frame(allocate_frame(bytes), bytes);
    }
  };
  std::thread(use_all_classes).join();
  const size_t before = mapped_frame_bytes();
  for (int i = 0; i < 100; ++i) std::thread(use_all_classes).join();
  EXPECT_EQ(mapped_frame_bytes(), before);
}

TEST(FrameCache, ThreadsThatFreeEachOthersFramesNeverShareOne) {
  std::mutex mutex;
  std::vector<Frame> pool;
  const auto work = [&](unsigned seed) {
    std::minstd_rand random(seed);
    std::vector<Frame> mine;
    for (int step = 0; step < 30'000; ++step) {
      const size_t most = random() % 16 == 0 ? 20'000 : 1100;
      if (random() % 2 == 0) mine.push_back(make(1 + random() % most));
      if (mine.empty()) continue;
      std::swap(mine[random() % mine.size()], mine.back());
      if (random() % 2 == 0) {
        const std::lock_guard lock(mutex);
        pool.push_back(mine.back());
        std::swap(pool[random() % pool.size()], pool.back());
        mine.back() = pool.back();
        pool.pop_back();
      }
      if (random() % 2 == 0 || step > 25'000) {
        ASSERT_TRUE(intact(mine.back()));
        free_frame(mine.back().memory, mine.back().bytes);
        mine.pop_back();
      }
    }
    const std::lock_guard lock(mutex);
    pool.insert(pool.end(), mine.begin(), mine.end());
  };
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed <= 3; ++seed) threads.emplace_back(work, seed);
  for (std::thread& thread : threads) thread.join();
  for (const Frame& frame : pool) {
    ASSERT_TRUE(intact(frame));
    free_frame(frame.memory, frame.bytes);
  }
}

}  // namespace
}  // namespace annulet::task::internal
