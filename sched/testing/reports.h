// Keeps the names under which failures are reported that nobody awaits, for tests.
//
// For as long as it lives, and for the whole process: one at a time.
// Threads: has() and its like from any thread.
#ifndef ANNULET_SCHED_TESTING_REPORTS_H_
#define ANNULET_SCHED_TESTING_REPORTS_H_

#include <set>
#include <string>

#include "absl/synchronization/mutex.h"
#include "annulet/task/unobserved.h"

namespace annulet::sched {

class Reports {
 public:
  Reports() : former_(task::set_unobserved_handler(&report)) {
    absl::MutexLock lock(&mutex());
    names().clear();
  }
  ~Reports() { task::set_unobserved_handler(former_); }
  Reports(const Reports&) = delete;
  Reports& operator=(const Reports&) = delete;

  // Whether a failure was reported under that name; "" for one without.
  static bool has(const std::string& name) {
    absl::MutexLock lock(&mutex());
    return names().count(name) != 0;
  }
  static bool has_one_that_begins(const std::string& start) {
    absl::MutexLock lock(&mutex());
    const auto found = names().lower_bound(start);
    return found != names().end() && found->compare(0, start.size(), start) == 0;
  }

 private:
  static absl::Mutex& mutex() {
    static absl::Mutex mutex(absl::kConstInit);
    return mutex;
  }
  static std::set<std::string>& names() {
    static std::set<std::string> names;
    return names;
  }
  static void report(const task::UnobservedFailure& failure) noexcept {
    absl::MutexLock lock(&mutex());
    names().insert(failure.name != nullptr ? failure.name : "");
  }

  const task::UnobservedHandler former_;
};

}  // namespace annulet::sched

#endif  // ANNULET_SCHED_TESTING_REPORTS_H_
