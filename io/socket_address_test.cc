#include "annulet/io/socket_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "annulet/io/error.h"

namespace annulet::io {
namespace {

using ::testing::HasSubstr;

TEST(SocketAddress, ReadsAndWritesBothFamilies) {
  for (const char* text : {"127.0.0.1:80", "0.0.0.0:0", "[::1]:8080", "[fe80::1]:65535"}) {
    const auto address = SocketAddress::parse(text);
    ASSERT_TRUE(address.ok()) << address.status();
    EXPECT_EQ(address->to_string(), text);
  }
  EXPECT_EQ(SocketAddress::loopback_v4(7).to_string(), "127.0.0.1:7");
  EXPECT_EQ(SocketAddress::loopback_v6(7).to_string(), "[::1]:7");
  EXPECT_EQ(SocketAddress::any_v6(0).with_port(9).port(), 9);
  EXPECT_EQ(SocketAddress().to_string(), "(no address)");
}

TEST(SocketAddress, RefusesWhatIsNoAddressAndQuotesIt) {
  for (const char* text :
       {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", "127.0.0.1:-1", "::1:80", "[::1", "[]:1",
        "127.0.0.1:+80", "127.0.0.1: 80", "localhost:80", "300.0.0.1:80"}) {
    const auto address = SocketAddress::parse(text);
    EXPECT_EQ(address.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(address.status().message()), HasSubstr("'" + std::string(text) + "'"));
  }
}

TEST(IoError, NamesCallErrnoAndLikelyCause) {
  const absl::Status status = io_error("bind 127.0.0.1:80", EADDRINUSE);
  EXPECT_EQ(status.message(),
            "bind 127.0.0.1:80: Address already in use (EADDRINUSE): another socket listens there");
}

}  // namespace
}  // namespace annulet::io
