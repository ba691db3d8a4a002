#include "annulet/ring/handler.h"

#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace annulet::ring::internal {
namespace {

std::string text_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& exception) {
    return exception.what();
  } catch (...) {
    return "something that is no std::exception";
  }
}

}  // namespace

absl::Status failure_status(const Failure& failure) {
  const std::string who =
      failure.name.empty() ? "a consumer" : absl::StrCat("'", failure.name, "'");
  return absl::AbortedError(absl::StrCat("ring: ", who, " failed at event ", failure.sequence, ": ",
                                         text_of(failure.error)));
}

std::exception_ptr too_many_rewinds(uint32_t rewinds) {
  return std::make_exception_ptr(
      std::runtime_error(absl::StrCat("the batch was rewound more than ", rewinds, " times")));
}

}  // namespace annulet::ring::internal
