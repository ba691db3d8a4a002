#include "annulet/ring/internal/crew.h"

#include <pthread.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "annulet/wait/deadline.h"

namespace annulet::ring::internal {
namespace {

constexpr size_t kThreadName = 15;  // the kernel's limit

}  // namespace

void Crew::add(std::unique_ptr<Part> part) {
  const std::lock_guard lock(mutex_);
  members_.push_back(std::make_unique<Member>(
      Member{.id = next_id_++, .attached = false, .part = std::move(part)}));
}

absl::Status Crew::start() {
  const std::lock_guard lock(mutex_);
  if (started_) return absl::FailedPreconditionError("pipeline: started before");
  if (members_.empty()) {
    return absl::FailedPreconditionError("pipeline: nothing handles events; then() adds handlers");
  }
  started_ = true;
  for (const auto& member : members_) {
    if (absl::Status status = launch(*member); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<size_t> Crew::add_and_start(std::unique_ptr<Part> part) {
  const std::lock_guard lock(mutex_);
  auto member =
      std::make_unique<Member>(Member{.id = next_id_++, .attached = true, .part = std::move(part)});
  members_.reserve(members_.size() + 1);  // so that nothing fails once the thread runs
  if (absl::Status status = launch(*member); !status.ok()) return status;
  members_.push_back(std::move(member));
  return members_.back()->id;
}

// Under mutex_, which the thread takes at its end.
absl::Status Crew::launch(Member& member) {
  try {
    member.thread = std::thread([this, &member] {
      const std::string name = member.part->name().substr(0, kThreadName);
      ::pthread_setname_np(::pthread_self(), name.c_str());
      member.part->run();
      const std::lock_guard lock(mutex_);
      member.ended = true;
      ended_.notify_all();
    });
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(absl::StrCat("pipeline: no thread for '",
                                                     member.part->name(), "': ", error.what(),
                                                     "; is a limit on processes reached?"));
  }
  return absl::OkStatus();
}

absl::Status Crew::remove(size_t id) {
  const std::lock_guard removing(removing_);
  std::unique_ptr<Member> removed;
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(members_.begin(), members_.end(), [&](const auto& member) {
      return member->id == id && member->attached;
    });
    if (found == members_.end()) {
      return absl::NotFoundError(absl::StrCat("pipeline: no attached handler has number ", id));
    }
    removed = std::move(*found);
    members_.erase(found);
  }
  removed->part->stop();
  removed->thread.join();
  return absl::OkStatus();
}

bool Crew::was_started() const {
  const std::lock_guard lock(mutex_);
  return started_;
}

bool Crew::is_running() const {
  const std::lock_guard lock(mutex_);
  return started_ && std::any_of(members_.begin(), members_.end(),
                                 [](const auto& member) { return !member->ended; });
}

absl::Status Crew::wait(wait::Deadline until) {
  std::unique_lock lock(mutex_);
  if (!started_) return absl::FailedPreconditionError("pipeline: not started");
  const auto still_runs = [](const auto& member) {
    return member->thread.joinable() && !member->ended;
  };
  const auto all_ended = [&] { return std::none_of(members_.begin(), members_.end(), still_runs); };
  if (until == wait::kNever) {
    ended_.wait(lock, all_ended);
  } else if (!ended_.wait_until(lock, until, all_ended)) {
    const auto late = std::find_if(members_.begin(), members_.end(), still_runs);
    return absl::DeadlineExceededError(
        absl::StrCat("pipeline: '", (*late)->part->name(), "' still handles events"));
  }
  return absl::OkStatus();
}

void Crew::disband() {
  const std::lock_guard removing(removing_);
  // No thread is added any more. None can be joined under the lock, which it takes at its end.
  for (const auto& member : members_) {
    if (member->thread.joinable()) member->thread.join();
  }
  while (!members_.empty()) members_.pop_back();
}

}  // namespace annulet::ring::internal
