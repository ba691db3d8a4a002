// What awaiting, spawning, yielding and waking cost, each beside a floor or a rival of the same
// run.
#include <benchmark/benchmark.h>

#include <atomic>
#include <coroutine>
#include <cstddef>
#include <future>
#include <utility>

#include "annulet/task/block_on.h"
#include "annulet/task/inbox.h"
#include "annulet/task/spawn.h"
#include "annulet/task/task.h"
#include "annulet/task/this_task.h"
#include "annulet/wait/event_count.h"

namespace annulet::task {
namespace {

Task<int> give(int value) { co_return value; }

// --- Awaiting a task costs a frame from a free list. Rival: the same frame from the heap. ---

Task<void> await_many(benchmark::State& state) {
  int sum = 0;
  for (auto iteration : state) sum += co_await give(1);
  benchmark::DoNotOptimize(sum);
}

void AwaitATask(benchmark::State& state) { block_on(await_many(state)); }
BENCHMARK(AwaitATask);

struct HeapCoroutine {
  struct promise_type {
    HeapCoroutine get_return_object() {
      return {std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_value(int result) { value = result; }
    void unhandled_exception() {}
    int value = 0;
  };
  std::coroutine_handle<promise_type> handle;
};

// Not inlined, or clang would see that the frame need not exist.
[[gnu::noinline]] HeapCoroutine give_from_heap(int value) { co_return value; }

void ResumeACoroutineOnTheHeap(benchmark::State& state) {
  int sum = 0;
  for (auto iteration : state) {
    HeapCoroutine coroutine = give_from_heap(1);
    benchmark::DoNotOptimize(coroutine.handle.address());
    coroutine.handle.resume();
    sum += coroutine.handle.promise().value;
    coroutine.handle.destroy();
  }
  benchmark::DoNotOptimize(sum);
}
BENCHMARK(ResumeACoroutineOnTheHeap);

// --- A spawn and its join through the queue of the same thread. Rival: std::async, deferred. ---

Task<void> spawn_and_join_many(benchmark::State& state) {
  int sum = 0;
  for (auto iteration : state) sum += co_await *spawn_here(give(1));
  benchmark::DoNotOptimize(sum);
}

void SpawnAndJoinATask(benchmark::State& state) { block_on(spawn_and_join_many(state)); }
BENCHMARK(SpawnAndJoinATask);

void DeferAFuture(benchmark::State& state) {
  int sum = 0;
  for (auto iteration : state) sum += std::async(std::launch::deferred, [] { return 1; }).get();
  benchmark::DoNotOptimize(sum);
}
BENCHMARK(DeferAFuture);

Task<void> yield_many(benchmark::State& state) {
  for (auto iteration : state) co_await yield();
}

void Yield(benchmark::State& state) { block_on(yield_many(state)); }
BENCHMARK(Yield);

// --- A frame from the free list. Rival: the heap. ---

void AllocateAFrame(benchmark::State& state) {
  for (auto iteration : state) {
    void* frame = internal::allocate_frame(96);
    benchmark::DoNotOptimize(frame);
    internal::free_frame(frame, 96);
  }
}
BENCHMARK(AllocateAFrame);

void AllocateFromTheHeap(benchmark::State& state) {
  for (auto iteration : state) {
    void* memory = ::operator new(96);
    benchmark::DoNotOptimize(memory);
    ::operator delete(memory, 96);
  }
}
BENCHMARK(AllocateFromTheHeap);

// --- Waking costs a fence and a load when nobody sleeps. Floor: a locked addition. ---

void NotifyNobody(benchmark::State& state) {
  wait::EventCount event_count;
  for (auto iteration : state) event_count.notify();
}
BENCHMARK(NotifyNobody);

void AddLocked(benchmark::State& state) {
  std::atomic<int> counter{0};
  for (auto iteration : state) counter.fetch_add(1);
  benchmark::DoNotOptimize(counter);
}
BENCHMARK(AddLocked);

void PushToAnInboxAndTake(benchmark::State& state) {
  Inbox<Runnable> inbox;
  Runnable node;
  for (auto iteration : state) {
    benchmark::DoNotOptimize(inbox.push(&node));
    benchmark::DoNotOptimize(inbox.take_all());
  }
}
BENCHMARK(PushToAnInboxAndTake);

// --- A token costs a wait two passes through its lock. ---

void AttachToATokenAndDetach(benchmark::State& state) {
  CancelSource source;
  internal::CancelHook hook(+[](internal::CancelHook*) noexcept {});
  for (auto iteration : state) {
    benchmark::DoNotOptimize(source.token().state()->attach(&hook));
    benchmark::DoNotOptimize(source.token().state()->detach(&hook));
  }
}
BENCHMARK(AttachToATokenAndDetach);

}  // namespace
}  // namespace annulet::task
