#include "examples/digits/faults.hpp"

#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

namespace digits {
namespace {

using namespace std::chrono_literals;

class FaultsTest : public testing::Test {
 protected:
  ~FaultsTest() override { std::filesystem::remove(path_); }
  void write(const std::string& content) {
    std::ofstream(path_) << content;
    // Two writes within the file system's clock tick have one time; a test must not depend on that.
    std::filesystem::last_write_time(path_, std::filesystem::file_time_type::clock::now() + ++writes_ * 1s);
  }

  std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / ("argosy-faults-test-" + std::to_string(::getpid()));
  int writes_ = 0;
};

TEST_F(FaultsTest, AreReadFromTheFile) {
  write(R"({"blur": true, "slow_ms": 5})");
  EXPECT_TRUE(read_faults(path_).blur);
  EXPECT_EQ(read_faults(path_).slow_for, 5ms);
}

TEST_F(FaultsTest, AreNoneWhenTheFileIsMissingOrMakesNoSense) {
  EXPECT_FALSE(read_faults(path_).blur);
  for (const char* content : {"", "{", "[]", R"({"blur": "yes", "slow_ms": "5"})"}) {
    write(content);
    EXPECT_FALSE(read_faults(path_).blur) << content;
    EXPECT_EQ(read_faults(path_).slow_for, 0ms) << content;
  }
}

TEST_F(FaultsTest, StayWithinReason) {
  write(R"({"slow_ms": 99999999})");
  EXPECT_EQ(read_faults(path_).slow_for, 10s);
  write(R"({"slow_ms": -1})");
  EXPECT_EQ(read_faults(path_).slow_for, 0ms);
}

TEST_F(FaultsTest, AreLookedAtOnceASecond) {
  const FaultFile::Clock::time_point start{100s};
  FaultFile file(path_);
  EXPECT_FALSE(file.at(start).blur);
  write(R"({"blur": true})");
  EXPECT_FALSE(file.at(start + 999ms).blur);
  EXPECT_TRUE(file.at(start + 1000ms).blur);
  write("{}");
  EXPECT_FALSE(file.at(start + 2000ms).blur);
  write(R"({"blur": true})");
  EXPECT_TRUE(file.at(start + 3000ms).blur);
  std::filesystem::remove(path_);
  EXPECT_FALSE(file.at(start + 4000ms).blur);
}

}  // namespace
}  // namespace digits
