// For tests: a runtime of two workers, once on each I/O backend.
//
//   using MyTest = testing::OnEachBackend;
//   ANNULET_INSTANTIATE_ON_EACH_BACKEND(MyTest);
//   TEST_P(MyTest, DoesThis) { runtime().block_on(...); }
#ifndef ANNULET_RUNTIME_TESTING_ON_EACH_BACKEND_H_
#define ANNULET_RUNTIME_TESTING_ON_EACH_BACKEND_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "annulet/io/backend.h"
#include "annulet/runtime/runtime.h"

namespace annulet::runtime::testing {

class OnEachBackend : public ::testing::TestWithParam<io::Backend> {
 protected:
  void SetUp() override {
    if (!io::choose_backend(GetParam()).ok()) GTEST_SKIP() << "io_uring does not work here";
    start({});
  }

  // Replaces the runtime by one with other options; the backend is the test's.
  void start(RuntimeOptions options) {
    runtime_.reset();
    options.backend = GetParam();
    if (options.engine.workers == 0) options.engine.workers = 2;
    absl::StatusOr<std::unique_ptr<Runtime>> made = Runtime::create(options);
    ASSERT_TRUE(made.ok()) << made.status();
    runtime_ = *std::move(made);
  }

  Runtime& runtime() { return *runtime_; }

 private:
  std::unique_ptr<Runtime> runtime_;
};

}  // namespace annulet::runtime::testing

#define ANNULET_INSTANTIATE_ON_EACH_BACKEND(Test)                                          \
  INSTANTIATE_TEST_SUITE_P(                                                                \
      OnEachBackend, Test,                                                                 \
      ::testing::Values(::annulet::io::Backend::kIoUring, ::annulet::io::Backend::kEpoll), \
      [](const auto& param) { return std::string(::annulet::io::backend_name(param.param)); })

#endif  // ANNULET_RUNTIME_TESTING_ON_EACH_BACKEND_H_
