#include "annulet/task/cancel.h"

namespace annulet::task {
namespace {

// A state that follows another: cancelled with it, no longer linked to it once gone.
class FollowingState : public internal::CancelState, private internal::CancelHook {
 public:
  explicit FollowingState(const CancelToken& parent) : CancelHook(&follow), parent_(parent) {
    if (parent_.state() != nullptr && !parent_.state()->attach(this)) cancel();
  }
  ~FollowingState() {
    if (parent_.state() != nullptr) parent_.state()->detach(this);
  }

 private:
  static void follow(CancelHook* hook) noexcept { static_cast<FollowingState*>(hook)->cancel(); }

  CancelToken parent_;
};

}  // namespace

CancelSource::CancelSource(const CancelToken& parent)
    : state_(std::make_shared<FollowingState>(parent)) {}

absl::Status cancelled_error() { return absl::CancelledError("cancelled by its token"); }

}  // namespace annulet::task
