#include <fstream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "annulet/io/socket_address.h"
#include "annulet/task/block_on.h"
#include "annulet/task/task.h"
#include "annulet/wait/event_count.h"
#include "annulet/wait/thread_parker.h"
#include "gtest/gtest.h"
#include "io/file.h"

namespace {

using annulet::io::SocketAddress;
using annulet::task::Task;

Task<absl::StatusOr<SocketAddress>> address_in(std::string path) {
  absl::StatusOr<std::string> line = io::first_line(path);
  if (!line.ok()) co_return line.status();
  co_return SocketAddress::parse(*line);
}

TEST(Consumer, UsesItsOwnIoFileBesideTheLibrarysIo) {
  const std::string path = testing::TempDir() + "/address";
  std::ofstream(path) << "[::1]:8080\n";
  const absl::StatusOr<SocketAddress> address = annulet::task::block_on(address_in(path));
  ASSERT_TRUE(address.ok()) << address.status();
  EXPECT_EQ(address->to_string(), "[::1]:8080");
}

TEST(Consumer, GetsItsOwnErrorsBackThroughATask) {
  const auto address = annulet::task::block_on(address_in("/there/is/no/such/file"));
  EXPECT_TRUE(absl::IsNotFound(address.status())) << address.status();
}

TEST(Consumer, IsNotPutToSleepByAnEventThatItHasSeenComing) {
  annulet::wait::EventCount events;
  annulet::wait::ThreadParker parker;
  const auto key = events.prepare_wait();
  events.notify_all();
  EXPECT_TRUE(events.commit_wait(key, parker));
}

}  // namespace
