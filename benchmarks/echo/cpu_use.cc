#include "annulet/benchmarks/echo/cpu_use.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace annulet::bench {

absl::StatusOr<CpuUse> read_cpu_use(pid_t pid) {
  const std::string folder = pid == 0 ? "/proc/self/task" : absl::StrCat("/proc/", pid, "/task");
  std::error_code error;
  CpuUse total;
  bool found = false;
  for (const auto& thread : std::filesystem::directory_iterator(folder, error)) {
    std::ifstream file(thread.path() / "schedstat");
    CpuUse use;
    if (!(file >> use.run_ns >> use.wait_ns)) continue;  // the thread has just ended
    total.run_ns += use.run_ns;
    total.wait_ns += use.wait_ns;
    found = true;
  }
  if (!found) return absl::NotFoundError(absl::StrCat("no process ", pid, " to read CPU time of"));
  return total;
}

}  // namespace annulet::bench
