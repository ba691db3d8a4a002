#include "annulet/benchmarks/echo/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

namespace annulet::bench {
namespace {

std::array<int, 2> make_pipe() {
  std::array<int, 2> ends;
  if (pipe2(ends.data(), O_CLOEXEC) != 0) std::abort();
  return ends;
}

// One byte at a time: what follows the line must stay in the pipe.
bool read_byte(int fd, char* byte) {
  ssize_t size;
  do {
    size = read(fd, byte, 1);
  } while (size < 0 && errno == EINTR);
  return size == 1;
}

std::string read_all(int fd) {
  std::string text;
  for (char byte; read_byte(fd, &byte);) text += byte;
  return text;
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& command) {
  const std::array<int, 2> out = make_pipe();
  const std::array<int, 2> err = make_pipe();
  std::vector<char*> arguments;
  for (const std::string& argument : command)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  pid_ = fork();
  if (pid_ < 0) std::abort();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(out[1], STDOUT_FILENO);
    dup2(err[1], STDERR_FILENO);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  close(out[1]);
  close(err[1]);
  out_ = out[0];
  err_ = err[0];
}

ChildProcess::~ChildProcess() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    reap();
  }
  close(out_);
  close(err_);
}

int ChildProcess::reap() {
  int status = 0;
  pid_t reaped;
  do {
    reaped = waitpid(pid_, &status, 0);
  } while (reaped < 0 && errno == EINTR);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string ChildProcess::first_line() {
  std::string line;
  for (char byte; read_byte(out_, &byte) && byte != '\n';) line += byte;
  return line;
}

void ChildProcess::send_signal(int signal_number) const { kill(pid_, signal_number); }

Finished ChildProcess::wait() {
  Finished finished;
  finished.out = read_all(out_);
  finished.err = read_all(err_);
  finished.status = reap();
  return finished;
}

Finished run_command(const std::vector<std::string>& command) {
  return ChildProcess(command).wait();
}

}  // namespace annulet::bench
