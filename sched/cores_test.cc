#include "annulet/sched/internal/cores.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"

namespace annulet::sched::internal {
namespace {

namespace fs = std::filesystem;

// A tree of control groups that a test writes: what /proc/self/cgroup says, and files by their path
// below the root.
class CoresTest : public testing::Test {
 protected:
  CoresTest() : dir_(fs::path(testing::TempDir()) / "cgroups") { fs::remove_all(dir_); }
  ~CoresTest() override { fs::remove_all(dir_); }

  double quota(const std::string& self, const std::map<std::string, std::string>& files) {
    const CgroupPaths paths = write(self, files);
    return quota_in_cores(paths);
  }

  CgroupPaths write(const std::string& self, const std::map<std::string, std::string>& files) {
    fs::remove_all(dir_);
    write_file(dir_ / "self", self);
    for (const auto& [name, content] : files) write_file(dir_ / "root" / name, content);
    return {.self = dir_ / "self", .root = dir_ / "root"};
  }

 private:
  static void write_file(const fs::path& path, const std::string& content) {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << content;
  }

  const fs::path dir_;
};

constexpr double kMany = 1e6;  // more than any machine has: no quota

TEST_F(CoresTest, WithoutAnyFileThereIsNoQuota) {
  EXPECT_GT(quota_in_cores({.self = "/nonexistent", .root = "/nonexistent"}), kMany);
  EXPECT_GT(quota("0::/\n", {}), kMany);
  EXPECT_GT(quota("0::/a/b\n", {{"cpu.max", "max 100000\n"}}), kMany);
}

TEST_F(CoresTest, ReadsTheQuotaAtTheRootAsANamespaceShowsIt) {
  EXPECT_EQ(quota("0::/\n", {{"cpu.max", "50000 100000\n"}}), 0.5);
  EXPECT_EQ(quota("0::/\n", {{"cpu.max", "350000 100000\n"}}), 3.5);
  EXPECT_EQ(quota("0::/docker/abc\n", {{"cpu.max", "200000 100000\n"}}), 2.0)
      << "the path of a group outside what is mounted";
  EXPECT_EQ(quota("", {{"cpu.max", "200000 100000\n"}}), 2.0);
}

TEST_F(CoresTest, TakesTheLeastQuotaOfTheGroupAndThoseAroundIt) {
  const std::string self = "0::/system.slice/server.service\n";
  const std::string slice = "system.slice/cpu.max";
  const std::string service = "system.slice/server.service/cpu.max";
  EXPECT_EQ(quota(self, {{service, "150000 100000\n"}}), 1.5);
  EXPECT_EQ(quota(self, {{slice, "max 100000\n"}, {service, "400000 100000\n"}}), 4.0);
  EXPECT_EQ(quota(self, {{slice, "200000 100000\n"}, {service, "400000 100000\n"}}), 2.0);
  EXPECT_EQ(quota(self, {{slice, "300000 100000\n"}, {service, "max 100000\n"}}), 3.0);
  EXPECT_GT(quota(self, {{"system.slice/other.service/cpu.max", "100000 100000\n"}}), kMany);
}

TEST_F(CoresTest, ReadsVersionOneToo) {
  const std::string self = "5:memory:/m\n4:cpu,cpuacct:/batch/job\n3:cpuset:/s\n";
  const auto files = [](const std::string& group, const std::string& quota) {
    return std::map<std::string, std::string>{
        {absl::StrCat("cpu/", group, "cpu.cfs_quota_us"), quota},
        {absl::StrCat("cpu/", group, "cpu.cfs_period_us"), "100000\n"}};
  };
  EXPECT_EQ(quota(self, files("batch/job/", "250000\n")), 2.5);
  EXPECT_EQ(quota(self, files("batch/", "150000\n")), 1.5);
  EXPECT_EQ(quota(self, files("", "100000\n")), 1.0);
  EXPECT_GT(quota(self, files("batch/job/", "-1\n")), kMany);
  EXPECT_GT(quota(self, files("s/", "100000\n")), kMany) << "not the group of CPU time";
}

TEST_F(CoresTest, IgnoresWhatMakesNoSense) {
  for (const char* content : {"", "max", "100000", "abc 100000", "-1 100000", "100000 0", "0 5"}) {
    EXPECT_GT(quota("0::/a\n", {{"cpu.max", content}, {"a/cpu.max", content}}), kMany) << content;
  }
  for (const char* self : {"0", "0::", "::", "0::a", "no colon\n\n0:", "0::/../..", "0::///"}) {
    EXPECT_EQ(quota(self, {{"cpu.max", "200000 100000"}}), 2.0) << self;
  }
}

TEST_F(CoresTest, CountsTheCoresOfTheThreadsMaskAndNoMoreThanTheQuotaAllows) {
  const std::vector<int> all = usable_cores();
  ASSERT_FALSE(all.empty());
  const CgroupPaths none = write("", {});
  EXPECT_EQ(usable_core_count(none), all.size());
  // In a thread of its own, whose mask goes with it.
  std::thread([&] {
    cpu_set_t mask;
    CPU_ZERO(&mask);
    CPU_SET(all.back(), &mask);
    ASSERT_EQ(sched_setaffinity(0, sizeof(mask), &mask), 0);
    EXPECT_EQ(usable_cores(), std::vector<int>{all.back()});
    EXPECT_EQ(usable_core_count(none), 1u);
    EXPECT_EQ(default_worker_count(), 2u);
    const AffinityMask narrow;
    std::thread([&] {
      CPU_SET(all.front(), &mask);
      ASSERT_EQ(sched_setaffinity(0, sizeof(mask), &mask), 0);
      narrow.apply();
      EXPECT_EQ(usable_cores(), std::vector<int>{all.back()});
    }).join();
  }).join();
  EXPECT_EQ(usable_cores(), all);
  EXPECT_EQ(usable_core_count(write("0::/\n", {{"cpu.max", "50000 100000\n"}})), 1u);
  EXPECT_EQ(usable_core_count(write("0::/\n", {{"cpu.max", "1000000000 100000\n"}})), all.size());
}

}  // namespace
}  // namespace annulet::sched::internal
