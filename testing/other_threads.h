// For tests with threads: waiting for what other threads do, and counting the process's threads.
#ifndef ANNULET_TESTING_OTHER_THREADS_H_
#define ANNULET_TESTING_OTHER_THREADS_H_

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <thread>

namespace annulet::faults {

// Until `condition` holds; a test that waits in vain runs into its timeout.
template <class Condition>
void wait_until(Condition condition) {
  while (!condition()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

// How many the process has, with the one that ThreadSanitizer keeps from the first start of a
// thread on.
inline std::ptrdiff_t thread_count() {
  static const bool begun = (std::thread([] {}).join(), true);
  (void)begun;
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                       std::filesystem::directory_iterator());
}

}  // namespace annulet::faults

#endif  // ANNULET_TESTING_OTHER_THREADS_H_
