// A child process of a test: its output is read through pipes and it never outlives its object.
//
// When: end-to-end tests of the programs in this folder. Cost: a fork and an exec.
// Threads: one. Lifetime: the destructor kills and reaps a child that still runs.
#ifndef ANNULET_BENCHMARKS_ECHO_CHILD_PROCESS_H_
#define ANNULET_BENCHMARKS_ECHO_CHILD_PROCESS_H_

#include <sys/types.h>

#include <string>
#include <vector>

namespace annulet::bench {

struct Finished {
  int status = -1;  // exit status, or 128 + the signal that ended it
  std::string out;
  std::string err;
};

class ChildProcess {
 public:
  explicit ChildProcess(const std::vector<std::string>& command);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }

  // Blocks for the first line of its standard output, without the line's end.
  std::string first_line();

  void send_signal(int signal_number) const;

  // Reads both outputs to their end and reaps the child.
  Finished wait();

 private:
  int reap();

  pid_t pid_ = -1;
  int out_ = -1;
  int err_ = -1;
};

// Runs a command to its end.
Finished run_command(const std::vector<std::string>& command);

}  // namespace annulet::bench

#endif  // ANNULET_BENCHMARKS_ECHO_CHILD_PROCESS_H_
