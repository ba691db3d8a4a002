#include "annulet/testing/internal/trace.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace annulet::model_check::internal {

void Trace::add(uint32_t step, const std::string& thread, const std::string& what,
                const Site* site) {
  std::string where;
  if (site != nullptr) where = absl::StrCat(site->position(), "  ", site->function());
  lines_.push_back({step, thread, what, std::move(where)});
}

std::string Trace::text() const {
  size_t thread = 0;
  size_t what = 0;
  for (const Line& line : lines_) {
    thread = std::max(thread, line.thread.size());
    what = std::max(what, std::min(line.what.size(), size_t{60}));
  }
  std::string result;
  for (const Line& line : lines_) {
    // No blanks at the end of a line.
    const size_t width = line.where.empty() ? 0 : what + 2;
    absl::StrAppendFormat(&result, "%5d  %-*s  %-*s%s\n", line.step, static_cast<int>(thread),
                          line.thread, static_cast<int>(width), line.what, line.where);
  }
  return result;
}

}  // namespace annulet::model_check::internal
