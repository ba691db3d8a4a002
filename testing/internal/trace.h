// What an execution did, step by step, for people to read. Written only while a failure is
// replayed.
#ifndef ANNULET_TESTING_INTERNAL_TRACE_H_
#define ANNULET_TESTING_INTERNAL_TRACE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "annulet/testing/internal/site.h"

namespace annulet::model_check::internal {

class Trace {
 public:
  void add(uint32_t step, const std::string& thread, const std::string& what, const Site* site);
  // One line a step, in columns.
  std::string text() const;

 private:
  struct Line {
    uint32_t step;
    std::string thread;
    std::string what;
    std::string where;
  };
  std::vector<Line> lines_;
};

}  // namespace annulet::model_check::internal

#endif  // ANNULET_TESTING_INTERNAL_TRACE_H_
