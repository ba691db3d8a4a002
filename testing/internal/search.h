// The depth-first search over the choices of an execution, which is run anew for each path.
//
// A path is the list of choices made; pick 0 is always the ordinary one (go on with the running
// thread, read the newest store, nothing spurious). A state that was met before with no more
// preemptions spent has had its future explored: the execution then coasts, that is, takes the
// ordinary pick to its end and adds nothing to the path.
//
// Source: state caching by happens-before fingerprints (Musuvathi and Qadeer, "Partial-order
// reduction for context-bounded state exploration", 2007). Unlike sleep sets it stays sound under a
// preemption bound; it rests on 64-bit fingerprints being distinct.
#ifndef ANNULET_TESTING_INTERNAL_SEARCH_H_
#define ANNULET_TESTING_INTERNAL_SEARCH_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace annulet::model_check::internal {

class Search {
 public:
  // Explores everything. Without `reduction` it does not look whether a state is new.
  explicit Search(bool reduction) : reduction_(reduction) {}
  // Takes the one path that `replay` describes: "4:1,9:2" is pick 1 at choice 4 and 2 at choice 9.
  static absl::StatusOr<Search> following(std::string_view replay);

  // Before each execution.
  void begin();

  // One of 0 .. alternatives - 1. `here` is what the same choice must say again on each run.
  int choose(int alternatives, uint64_t here);

  // Whether visit() would look at the state: not on the way to where the path goes on.
  bool on_new_ground() const { return reduction_ && !coasting_ && position_ == path_.size(); }
  // The execution is in this state. Starts to coast if that is not new.
  void visit(uint64_t state, int preemptions);

  // After each execution that came to its end.
  void end();

  // Moves on to the next path. False: there is none.
  bool advance();

  // Errors of the search itself: the body did not repeat what it did before, or a replay that does
  // not fit.
  const absl::Status& status() const { return status_; }

  std::string replay_string() const;
  size_t states() const { return visited_.size(); }

 private:
  struct Choice {
    uint16_t alternatives;
    uint16_t pick;
    uint64_t here;
  };
  void diverge(std::string_view how);

  std::vector<Choice> path_;
  size_t position_ = 0;
  bool coasting_ = false;
  bool reduction_;
  bool replaying_ = false;
  absl::flat_hash_map<uint64_t, int> visited_;  // state -> fewest preemptions it was met with
  absl::flat_hash_map<size_t, int> replay_;     // choice -> pick
  absl::Status status_;
};

}  // namespace annulet::model_check::internal

#endif  // ANNULET_TESTING_INTERNAL_SEARCH_H_
