#include "annulet/io/backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>

#include "annulet/io/reactor.h"
#include "annulet/testing/deny_syscalls.h"

namespace annulet::io {
namespace {

using ::testing::HasSubstr;

// What choose_backend() says on a thread whose system calls were restricted first.
absl::StatusOr<BackendChoice> choose_under(const std::function<void()>& restriction,
                                           Backend wanted = Backend::kAuto) {
  absl::StatusOr<BackendChoice> choice = absl::UnknownError("");
  std::thread([&] {
    restriction();
    choice = choose_backend(wanted);
  }).join();
  return choice;
}

std::function<void()> deny_setup(int error) {
  return [error] { faults::deny_syscalls({SYS_io_uring_setup}, error); };
}

// Faults 47 to 50: each obstacle is told apart and names the way out.
TEST(Backend, FallsBackToEpollWhenSetupIsForbidden) {
  const auto choice = choose_under(deny_setup(EPERM));
  ASSERT_TRUE(choice.ok());
  EXPECT_EQ(choice->backend, Backend::kEpoll);
  EXPECT_THAT(choice->reason, HasSubstr("io_uring_setup: EPERM"));
  EXPECT_THAT(choice->reason, HasSubstr("seccomp"));
}

TEST(Backend, FallsBackToEpollWhenTheKernelHasNoIoUring) {
  const auto choice = choose_under(deny_setup(ENOSYS));
  ASSERT_TRUE(choice.ok());
  EXPECT_EQ(choice->backend, Backend::kEpoll);
  EXPECT_THAT(choice->reason, HasSubstr("ENOSYS"));
  EXPECT_THAT(choice->reason, HasSubstr("5.19"));
}

TEST(Backend, FallsBackToEpollWhenMemoryCannotBeLocked) {
  const auto choice = choose_under(deny_setup(ENOMEM));
  ASSERT_TRUE(choice.ok());
  EXPECT_EQ(choice->backend, Backend::kEpoll);
  EXPECT_THAT(choice->reason, HasSubstr("ulimit -l"));
}

TEST(Backend, FallsBackToEpollWhenTheKernelKnowsNoneOfTheFlags) {
  const auto choice = choose_under(deny_setup(EINVAL));
  ASSERT_TRUE(choice.ok());
  EXPECT_EQ(choice->backend, Backend::kEpoll);
  EXPECT_THAT(choice->reason, HasSubstr("EINVAL"));
}

TEST(Backend, FallsBackToEpollWhenSetupWorksButEnteringIsForbidden) {
  const auto choice = choose_under([] { faults::deny_syscalls({SYS_io_uring_enter}, EPERM); });
  ASSERT_TRUE(choice.ok());
  EXPECT_EQ(choice->backend, Backend::kEpoll);
  EXPECT_THAT(choice->reason, HasSubstr("io_uring_"));
  EXPECT_THAT(choice->reason, HasSubstr("EPERM"));
}

TEST(Backend, SaysWhatStandsInTheWayWhenIoUringIsDemanded) {
  const auto choice = choose_under(deny_setup(EPERM), Backend::kIoUring);
  EXPECT_EQ(choice.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(choice.status().message()), HasSubstr("EPERM"));
}

TEST(Backend, TheEnvironmentDecidesWhereTheProgramLeavesItOpen) {
  setenv("ANNULET_IO_BACKEND", "epoll", 1);
  EXPECT_EQ(choose_backend(Backend::kAuto)->backend, Backend::kEpoll);
  setenv("ANNULET_IO_BACKEND", "kqueue", 1);
  const auto wrong = choose_backend(Backend::kAuto);
  EXPECT_EQ(wrong.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(wrong.status().message()),
              HasSubstr("ANNULET_IO_BACKEND: unknown backend 'kqueue'"));
  EXPECT_EQ(choose_backend(Backend::kEpoll)->backend, Backend::kEpoll);
  unsetenv("ANNULET_IO_BACKEND");
}

TEST(Backend, NamesAreReadAndWritten) {
  for (Backend backend : {Backend::kAuto, Backend::kIoUring, Backend::kEpoll}) {
    EXPECT_EQ(*parse_backend(backend_name(backend)), backend);
  }
}

TEST(Reactor, RefusesARingWithoutEntries) {
  if (!choose_backend(Backend::kIoUring).ok()) GTEST_SKIP() << "no io_uring here";
  EXPECT_EQ(make_reactor(Backend::kIoUring, {.ring_entries = 0}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace annulet::io
