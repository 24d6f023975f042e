#include "common/base/file.hpp"

#include <cerrno>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace argosy {
namespace {

namespace fs = std::filesystem;

class Files : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "argosy_files_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::size_t count() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
  static unsigned mode_of(const fs::path& path) {
    struct stat facts {};
    EXPECT_EQ(::stat(path.c_str(), &facts), 0);
    return facts.st_mode & 0777;
  }

  fs::path folder_;
};

TEST_F(Files, ComeBackAsWritten) {
  const std::string content = std::string("a\0b\n", 4) + std::string(200'000, 'x');
  ASSERT_TRUE(write_file_atomically(folder_ / "f", content));
  EXPECT_EQ(read_file(folder_ / "f").value(), content);
  ASSERT_TRUE(write_file_atomically(folder_ / "f", ""));
  EXPECT_EQ(read_file(folder_ / "f").value(), "");
  EXPECT_EQ(count(), 1u) << "no sibling is left";
}

TEST_F(Files, OverTheLimitAreRefused) {
  ASSERT_TRUE(write_file_atomically(folder_ / "f", "12345"));
  EXPECT_EQ(read_file(folder_ / "f", 5).value(), "12345");
  const auto error = read_file(folder_ / "f", 4).error();
  EXPECT_EQ(error.code, Errc::too_large);
  EXPECT_NE(error.message.find("larger than 4 bytes"), std::string::npos);
}

TEST_F(Files, MissingOnesAndFoldersAreErrorsWithTheirName) {
  const auto missing = read_file(folder_ / "nothing").error();
  EXPECT_EQ(missing.code, Errc::not_found);
  EXPECT_NE(missing.message.find((folder_ / "nothing").string()), std::string::npos);
  EXPECT_EQ(read_file(folder_).error().code, Errc::io);
  EXPECT_EQ(write_file_atomically(folder_ / "no" / "folder", "x").error().code, Errc::not_found);
  EXPECT_EQ(sync_path(folder_ / "nothing").error().code, Errc::not_found);
  EXPECT_TRUE(sync_path(folder_));
}

TEST_F(Files, SecretsAreNeverReadableByOthers) {
  // What a crash of an earlier version, or somebody else, left under the sibling's name must not lend its mode.
  ASSERT_TRUE(write_file_atomically(folder_ / "key.tmp", "old", 0644));
  ASSERT_TRUE(write_file_atomically(folder_ / "key", "secret", 0600));
  EXPECT_EQ(mode_of(folder_ / "key"), 0600u);
}

TEST_F(Files, ALinkUnderTheSiblingsNameIsNotFollowed) {
  ASSERT_TRUE(write_file_atomically(folder_ / "victim", "untouched"));
  fs::create_symlink(folder_ / "victim", folder_ / "f.tmp");
  ASSERT_TRUE(write_file_atomically(folder_ / "f", "new"));
  EXPECT_EQ(read_file(folder_ / "victim").value(), "untouched");
  EXPECT_EQ(read_file(folder_ / "f").value(), "new");
}

TEST_F(Files, AFailedRenameLeavesNothing) {
  fs::create_directory(folder_ / "f");
  EXPECT_EQ(write_file_atomically(folder_ / "f", "x").error().code, Errc::io);
  EXPECT_EQ(count(), 1u);
}

TEST_F(Files, LinksAreReplacedInOneStep) {
  ASSERT_TRUE(write_file_atomically(folder_ / "a", "A"));
  ASSERT_TRUE(write_file_atomically(folder_ / "b", "B"));
  ASSERT_TRUE(replace_symlink(folder_ / "current", "a"));
  EXPECT_EQ(read_file(folder_ / "current").value(), "A");
  ASSERT_TRUE(replace_symlink(folder_ / "current", "b"));
  EXPECT_EQ(read_file(folder_ / "current").value(), "B");
  EXPECT_EQ(fs::read_symlink(folder_ / "current"), "b");
  EXPECT_EQ(count(), 3u);
}

TEST_F(Files, DescriptorsAreClosedOnce) {
  int raw = -1;
  {
    UniqueFd first(::open("/dev/null", O_RDONLY));
    ASSERT_TRUE(first);
    raw = first.get();
    UniqueFd second(std::move(first));
    EXPECT_FALSE(first);
    UniqueFd third;
    third = std::move(second);
    EXPECT_EQ(third.get(), raw);
    EXPECT_NE(::fcntl(raw, F_GETFD), -1);
  }
  EXPECT_EQ(::fcntl(raw, F_GETFD), -1);
}

TEST_F(Files, ErrnoBecomesTheRightCode) {
  EXPECT_EQ(errno_error("x", ENOSPC).code, Errc::out_of_space);
  EXPECT_EQ(errno_error("x", EDQUOT).code, Errc::out_of_space);
  EXPECT_EQ(errno_error("x", ENOENT).code, Errc::not_found);
  EXPECT_EQ(errno_error("x", EACCES).code, Errc::io);
  EXPECT_EQ(errno_error("cannot do it", ENOENT).message, "cannot do it: No such file or directory");
}

TEST_F(Files, AFullDiskIsOutOfSpace) {
  const UniqueFd full(::open("/dev/full", O_WRONLY));
  if (!full) GTEST_SKIP() << "no /dev/full here";
  EXPECT_EQ(write_all(full.get(), "x").error().code, Errc::out_of_space);
}

}  // namespace
}  // namespace argosy
