#include "io/file.h"

#include <fstream>

#include "absl/status/status.h"

namespace io {

absl::StatusOr<std::string> first_line(const std::string& path) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace io
