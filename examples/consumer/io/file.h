// A header of this project, whose path is also one of the library's folders.
#ifndef IO_FILE_H_
#define IO_FILE_H_

#include <string>

#include "absl/status/statusor.h"

namespace io {

// The first line of a file, without its end. NotFound when there is no such file.
absl::StatusOr<std::string> first_line(const std::string& path);

}  // namespace io

#endif  // IO_FILE_H_
