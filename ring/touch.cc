#include "annulet/ring/touch.h"

#include <cstddef>
#include <vector>

namespace annulet::ring::internal {
namespace {

bool overlap(const std::vector<Bytes>& some, const std::vector<Bytes>& others) {
  for (const Bytes& a : some) {
    for (const Bytes& b : others) {
      if ((a.writes || b.writes) && a.begin < b.end && b.begin < a.end) return true;
    }
  }
  return false;
}

}  // namespace

bool any_overlap(const std::vector<std::vector<Bytes>>& handlers) {
  for (size_t a = 0; a < handlers.size(); ++a) {
    for (size_t b = a + 1; b < handlers.size(); ++b) {
      if (overlap(handlers[a], handlers[b])) return true;
    }
  }
  return false;
}

}  // namespace annulet::ring::internal
