// What the tests of the checker share: small scenarios, and how one of them fails.
#ifndef ANNULET_TESTING_SCENARIOS_FOR_TESTS_H_
#define ANNULET_TESTING_SCENARIOS_FOR_TESTS_H_

#include <atomic>
#include <cstdlib>
#include <functional>
#include <string>

#include "annulet/testing/model_check.h"

namespace annulet::model_check {

inline constexpr auto kRelaxed = std::memory_order_relaxed;
inline constexpr auto kAcquire = std::memory_order_acquire;
inline constexpr auto kRelease = std::memory_order_release;
inline constexpr auto kSeqCst = std::memory_order_seq_cst;

// Empty if it does not fail.
inline std::string failure_of(const std::function<void()>& body, const Options& options = {}) {
  return check("scenario", body, options).failure;
}

// Sets a variable of the environment for as long as it lives.
class ScopedEnvironment {
 public:
  ScopedEnvironment(const char* name, const std::string& value) : name_(name) {
    setenv(name, value.c_str(), 1);
  }
  ~ScopedEnvironment() { unsetenv(name_); }
  ScopedEnvironment(const ScopedEnvironment&) = delete;
  ScopedEnvironment& operator=(const ScopedEnvironment&) = delete;

 private:
  const char* const name_;
};

struct Node {
  ModelSync::atomic<int> value{7};
};

struct Event {
  ModelSync::mutex mutex;
  ModelSync::condition_variable changed;
  ModelSync::cell<bool> done;
};

// Right only with release and acquire.
inline void share_without_order(std::memory_order store, std::memory_order load) {
  ModelSync::cell<int> data;
  ModelSync::atomic<bool> ready{false};
  run_threads({
      {"writer",
       [&] {
         data.write() = 1;
         ready.store(true, store);
       }},
      {"reader",
       [&] {
         if (ready.load(load)) ensure(data.read() == 1, "old data");
       }},
  });
}

// Fails only where each thread is interrupted between its two stores.
inline void needs_two_preemptions() {
  ModelSync::atomic<int> x{0};
  ModelSync::atomic<int> y{0};
  bool saw_x = false;
  bool saw_y = false;
  run_threads({{"one",
                [&] {
                  x.store(1, kSeqCst);
                  saw_y = y.load(kSeqCst) == 1;
                  x.store(0, kSeqCst);
                }},
               {"other", [&] {
                  y.store(1, kSeqCst);
                  saw_x = x.load(kSeqCst) == 1;
                  y.store(0, kSeqCst);
                }}});
  ensure(!(saw_x && saw_y), "both saw the other one");
}

}  // namespace annulet::model_check

#endif  // ANNULET_TESTING_SCENARIOS_FOR_TESTS_H_
