#include "annulet/testing/internal/search.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace annulet::model_check::internal {

absl::StatusOr<Search> Search::following(std::string_view replay) {
  Search search(/*reduction=*/false);
  search.replaying_ = true;
  for (const std::string_view item : absl::StrSplit(replay, ',', absl::SkipEmpty())) {
    const std::vector<std::string_view> parts = absl::StrSplit(item, ':');
    size_t choice = 0;
    int pick = 0;
    if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &choice) ||
        !absl::SimpleAtoi(parts[1], &pick) || pick < 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("replay: \"", item, "\" is not of the form CHOICE:PICK, as in 4:1,9:2"));
    }
    search.replay_[choice] = pick;
  }
  return search;
}

void Search::begin() {
  position_ = 0;
  coasting_ = false;
}

int Search::choose(int alternatives, uint64_t here) {
  if (alternatives <= 1 || coasting_) return 0;
  if (position_ == path_.size()) {
    int pick = 0;
    if (const auto found = replay_.find(position_); found != replay_.end()) {
      pick = found->second;
      if (pick >= alternatives) {
        status_ = absl::InvalidArgumentError(absl::StrCat(
            "replay: choice ", position_, " has ", alternatives, " alternatives, so no pick ", pick,
            "; the code or the bound has changed since the replay string was printed"));
        pick = 0;
      }
    }
    path_.push_back({static_cast<uint16_t>(alternatives), static_cast<uint16_t>(pick), here});
  }
  const Choice choice = path_[position_];
  if (choice.alternatives != alternatives || choice.here != here) {
    diverge("is another one than before");
    return 0;
  }
  ++position_;
  return choice.pick;
}

void Search::diverge(std::string_view how) {
  status_ = absl::FailedPreconditionError(absl::StrCat(
      "the scenario does not repeat itself: choice ", position_, " ", how,
      "; it must depend on nothing but ModelSync (no clock, no random numbers, no state kept from"
      " one run to the next)"));
  coasting_ = true;
}

void Search::end() {
  if (!status_.ok()) return;
  if (!coasting_ && position_ < path_.size()) diverge("is not reached any more");
  for (const auto& [choice, pick] : replay_) {
    if (choice < path_.size()) continue;
    status_ = absl::InvalidArgumentError(
        absl::StrCat("replay: there are ", path_.size(), " choices, so no choice ", choice,
                     "; the code or the bound has changed since the replay string was printed"));
  }
}

void Search::visit(uint64_t state, int preemptions) {
  if (!on_new_ground()) return;
  const auto [entry, is_new] = visited_.try_emplace(state, preemptions);
  if (is_new) return;
  if (entry->second <= preemptions) {
    coasting_ = true;
  } else {
    entry->second = preemptions;
  }
}

bool Search::advance() {
  if (replaying_) return false;
  while (!path_.empty() && path_.back().pick + 1 >= path_.back().alternatives) path_.pop_back();
  if (path_.empty()) return false;
  ++path_.back().pick;
  return true;
}

std::string Search::replay_string() const {
  std::string result;
  for (size_t i = 0; i < path_.size(); ++i) {
    if (path_[i].pick == 0) continue;
    absl::StrAppend(&result, result.empty() ? "" : ",", i, ":", path_[i].pick);
  }
  return result;
}

}  // namespace annulet::model_check::internal
