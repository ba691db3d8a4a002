#include "annulet/sched/internal/fork_join_domain.h"

#include <algorithm>

#include "absl/base/macros.h"
#include "annulet/wait/backoff.h"
#include "annulet/wait/deadline.h"
#include "annulet/wait/sync.h"

namespace annulet::sched::internal {
namespace {

uint64_t next_random(uint64_t& state) {
  // Marsaglia's xorshift64; never 0.
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

}  // namespace

// --- ForkJoinWorker ---

[[gnu::noinline]] void ForkJoinWorker::expose() {
  jobs_.expose();
  wake_one();
}

void ForkJoinWorker::wake_one() { domain_->wake_one(); }

bool ForkJoinWorker::run_one_of(ForkJoinWorker& victim) {
  const JobDeque::Stolen stolen = victim.jobs_.steal();
  if (stolen.job == nullptr) {
    victim.jobs_.request();
    return false;
  }
  if (stolen.more) {
    domain_->wake_one();
  } else {
    victim.jobs_.request();
  }
  if (jobs_stolen_ != nullptr) jobs_stolen_->add(1);
  stolen.job->run_stolen(index_);
  return true;
}

bool ForkJoinWorker::run_one() {
  const size_t size = domain_->size();
  const size_t start = next_random(random_) % size;
  for (size_t i = 0; i < size; ++i) {
    ForkJoinWorker& victim = domain_->workers_[(start + i) % size];
    if (&victim != this && run_one_of(victim)) return true;
  }
  return false;
}

bool ForkJoinWorker::help(const Job& job) {
  if (const auto thief = job.thief()) {
    if (run_one_of(domain_->workers_[*thief])) return true;
  }
  if (unrelated_ == ForkJoinDomain::kMaxUnrelated) return false;
  ++unrelated_;
  const bool helped = run_one();
  --unrelated_;
  return helped;
}

[[gnu::noinline]] void ForkJoinWorker::wait_for(Job& job) {
  wait::Backoff<> backoff;
  std::chrono::microseconds nap = ForkJoinDomain::kFirstNap;
  while (!job.ended()) {
    if (help(job)) {
      backoff.reset();
      nap = ForkJoinDomain::kFirstNap;
    } else if (!backoff.exhausted()) {
      backoff.snooze();
    } else if (job.sleep(wait::deadline_after(wait::Clock::now(), nap))) {
      nap = std::min(2 * nap, ForkJoinDomain::kLastNap);
    } else {
      wait::RealSync::yield();
    }
  }
  jobs_.drop();
}

// --- ForkJoinDomain ---

ForkJoinDomain::ForkJoinDomain(size_t workers, Wake wake, void* context, uint64_t seed)
    : size_(workers),
      workers_(std::make_unique<ForkJoinWorker[]>(workers)),
      wake_(wake),
      context_(context) {
  uint64_t random = seed | 1;
  for (size_t i = 0; i < workers; ++i) {
    workers_[i].domain_ = this;
    workers_[i].index_ = static_cast<uint32_t>(i);
    workers_[i].random_ = next_random(random);
  }
}

bool ForkJoinDomain::run_one(size_t self) {
  ABSL_ASSERT(ForkJoinWorker::current() == &workers_[self] && "the calling thread is not bound");
  return workers_[self].run_one();
}

bool ForkJoinDomain::maybe_has_work(size_t self) {
  for (size_t i = 0; i < size_; ++i) {
    if (i == self) continue;
    JobDeque& jobs = workers_[i].jobs_;
    jobs.request();
    if (jobs.has_public()) return true;
  }
  return false;
}

void ForkJoinDomain::request(size_t self) const {
  for (size_t i = 0; i < size_; ++i) {
    if (i != self) workers_[i].jobs_.request();
  }
}

bool ForkJoinDomain::has_public(size_t self) const {
  for (size_t i = 0; i < size_; ++i) {
    if (i != self && workers_[i].jobs_.has_public()) return true;
  }
  return false;
}

// --- ScopedForkJoinWorker ---

ScopedForkJoinWorker::ScopedForkJoinWorker(ForkJoinDomain& domain, size_t slot,
                                           WorkerCounter* jobs_stolen)
    : before_(ForkJoinWorker::current_) {
  ABSL_ASSERT(slot < domain.size());
  ForkJoinWorker::current_ = &domain.workers_[slot];
  ForkJoinWorker::current_->jobs_stolen_ = jobs_stolen;
}

ScopedForkJoinWorker::~ScopedForkJoinWorker() { ForkJoinWorker::current_ = before_; }

}  // namespace annulet::sched::internal
