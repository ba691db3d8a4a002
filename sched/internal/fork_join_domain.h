// The threads that share the jobs of fork_join(), and how an idle one gets a job.
//
// Each thread of a domain has a slot with a JobDeque, bound to it by ScopedForkJoinWorker. In the
// loop of a thread:
//
//   ScopedForkJoinWorker bound(domain, self);
//   while (...) {
//     if (work of its own) ...
//     else if (domain.run_one(self)) continue;
//     else {
//       key = ec.prepare_wait();                        // or any token that a wake leaves behind
//       if (domain.maybe_has_work(self)) ec.cancel_wait();
//       else ec.commit_wait(key, parker, until);
//     }
//   }
//
// with a `wake` that calls ec.notify(1).
//
// Why no wake-up is lost. A thread that is about to sleep raises the want flag of every other slot,
// and looks; an owner that forks and sees its flag lowers it, makes jobs public, and calls wake():
//
//   sleeper: announce;  fence (W);  raise want;  read word      owner: want = 0;  write word;
//                                                                      fence (N);  wake whoever
//                                                                      is announced
//
//   W before N: the owner wakes the sleeper.  N before W: the sleeper sees the public jobs, or if
//   those are gone already, its request comes behind the owner's want = 0 and so stays.
//   An owner that has not seen the flag yet sees it at a later fork. Nothing is public until then,
//   and what is private its owner runs itself.
//   A single flag stands for all who sleep: who steals a job and leaves others behind it wakes the
//   next, and who steals the last one raises the flag again.
//
// Forks of tasks (fork_join_tasks.h) are no jobs, but they answer the same requests, with ready
// tasks in the run queue of the owner.
//
// Whoever waits for a stolen job helps: first the thief of that job (leapfrogging, which needs no
// more stack than the job itself would have), then, kMaxUnrelated frames deep, anybody. With
// nothing to help with it pauses, then yields (together some microseconds), then sleeps until its
// job has ended, but looks for work in between, kFirstNap after it has run out and then each time
// after twice as long: it misses what comes up for no longer than it has waited, and behind a long
// job wakes some 80 times a second, once every kLastNap.
// Waiting cannot end in a circle: a job waits only for jobs that started later, so the one that
// started last runs.
//
// Cost: a fork that nobody steals costs no locked instruction; see JobDeque.
// Threads: run_one and maybe_has_work by the thread bound to `self`; the wake callback is called
// from any bound thread.
// Lifetime: outlives every bound thread's binding.
#ifndef ANNULET_SCHED_INTERNAL_FORK_JOIN_DOMAIN_H_
#define ANNULET_SCHED_INTERNAL_FORK_JOIN_DOMAIN_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "annulet/sched/internal/job_deque.h"
#include "annulet/sched/internal/worker_counter.h"
#include "annulet/wait/cache_line.h"

namespace annulet::sched::internal {

class ForkJoinDomain;

// One thread's slot. All by that thread.
class alignas(wait::kCacheLine) ForkJoinWorker {
 public:
  // The slot that the calling thread is bound to, or null. For functions that are never inlined, or
  // a coroutine might keep it across a suspension.
  static ForkJoinWorker* current() { return current_; }

  // Lets other threads run `job` from now on. False: not now, the caller runs it itself.
  [[nodiscard]] bool fork(Job* job) {
    if (!jobs_.push(job)) [[unlikely]]
      return false;
    if (jobs_.wanted()) [[unlikely]]
      expose();
    return true;
  }

  // Of the newest fork: true if nobody has stolen it; then the caller runs it. Else wait_for() it.
  [[nodiscard]] bool take_back() { return jobs_.take_back(); }

  // Returns when `job`, the newest fork, which was stolen, has ended.
  void wait_for(Job& job);

  // Whether somebody would take a job.
  bool wanted() const { return jobs_.wanted(); }

  // Answers wanted() with something else than jobs: calls `publish()`, which puts it where whoever
  // looks for work finds it.
  template <class Publish>
  void answer(const Publish& publish) {
    jobs_.lower_request();
    publish();
    wake_one();
  }

  size_t domain_size() const;

 private:
  friend class ForkJoinDomain;
  friend class ScopedForkJoinWorker;

  void expose();
  void wake_one();
  bool help(const Job& job);
  bool run_one();
  bool run_one_of(ForkJoinWorker& victim);

  // Initialised by a constant, so that reading it is one instruction.
  static inline constinit thread_local ForkJoinWorker* current_ = nullptr;

  JobDeque jobs_;
  alignas(wait::kCacheLine) ForkJoinDomain* domain_ = nullptr;
  uint32_t index_ = 0;
  uint32_t unrelated_ = 0;  // how many frames of this stack help with anybody's jobs
  uint64_t random_ = 0;
  WorkerCounter* jobs_stolen_ = nullptr;
};

class ForkJoinDomain {
 public:
  // How deep a waiting thread helps with jobs that have nothing to do with the one it waits for.
  static constexpr uint32_t kMaxUnrelated = 8;
  // How long it sleeps at a time.
  static constexpr std::chrono::microseconds kFirstNap{50};
  static constexpr std::chrono::microseconds kLastNap{12'800};

  using Wake = void (*)(void* context);

  // `wake(context)`, unless null, is called after jobs have become public.
  explicit ForkJoinDomain(size_t workers, Wake wake = nullptr, void* context = nullptr,
                          uint64_t seed = 1);
  ForkJoinDomain(const ForkJoinDomain&) = delete;
  ForkJoinDomain& operator=(const ForkJoinDomain&) = delete;

  size_t size() const { return size_; }

  // Steals a job from another slot and runs it. False: there is none; others have been asked.
  bool run_one(size_t self);

  // For a thread that is about to sleep: whether another slot has public jobs. Asks those that have
  // none.
  bool maybe_has_work(size_t self);

  // Asks the others for work.
  void request(size_t self) const;

  // The same as maybe_has_work() without asking.
  bool has_public(size_t self) const;

 private:
  friend class ForkJoinWorker;
  friend class ScopedForkJoinWorker;

  void wake_one() const {
    if (wake_ != nullptr) wake_(context_);
  }

  const size_t size_;
  const std::unique_ptr<ForkJoinWorker[]> workers_;
  const Wake wake_;
  void* const context_;
};

// Binds the calling thread to a slot that no other thread is bound to. Nests: the binding before
// holds again afterwards.
class ScopedForkJoinWorker {
 public:
  // Counts in `jobs_stolen`, if it is not null, the jobs that the thread takes from other slots.
  ScopedForkJoinWorker(ForkJoinDomain& domain, size_t slot, WorkerCounter* jobs_stolen = nullptr);
  ~ScopedForkJoinWorker();
  ScopedForkJoinWorker(const ScopedForkJoinWorker&) = delete;
  ScopedForkJoinWorker& operator=(const ScopedForkJoinWorker&) = delete;

 private:
  ForkJoinWorker* const before_;
};

inline size_t ForkJoinWorker::domain_size() const { return domain_->size(); }

}  // namespace annulet::sched::internal

#endif  // ANNULET_SCHED_INTERNAL_FORK_JOIN_DOMAIN_H_
