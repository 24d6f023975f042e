#include "server/models/blob_folder.hpp"

#include <gtest/gtest.h>

#include "common/base/random.hpp"

namespace argosy::server {
namespace {

namespace fs = std::filesystem;

class BlobFolderTest : public ::testing::Test {
 protected:
  fs::path path = fs::temp_directory_path() / ("argosy-blobs-" + to_hex(secure_random(8)));
  BlobFolder folder = BlobFolder::open(path).value();

  void TearDown() override { fs::remove_all(path); }

  static Digest digest_of(std::string_view text) { return sha256(as_bytes(text)); }
  std::size_t temporary_files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path / "tmp"), fs::directory_iterator()));
  }
};

TEST_F(BlobFolderTest, KeepsWhatWasAppendedUnderItsDigest) {
  auto upload = folder.begin().value();
  ASSERT_TRUE(upload->append(as_bytes("hello ")));
  ASSERT_TRUE(upload->append(as_bytes("world")));
  const Digest digest = digest_of("hello world");
  ASSERT_TRUE(folder.keep(*upload, digest));
  const std::string hex = digest.to_hex();
  EXPECT_EQ(folder.path_of(digest), path / hex.substr(0, 2) / hex.substr(2, 2) / hex);
  EXPECT_EQ(read_file(folder.path_of(digest)).value(), "hello world");
  EXPECT_EQ(folder.size_of(digest), 11U);
  EXPECT_EQ(temporary_files(), 0U);
}

TEST_F(BlobFolderTest, AWrongDigestLeavesNothing) {
  {
    auto upload = folder.begin().value();
    ASSERT_TRUE(upload->append(as_bytes("hello")));
    EXPECT_EQ(folder.keep(*upload, digest_of("other")).error().code, Errc::digest_mismatch);
  }
  EXPECT_EQ(temporary_files(), 0U);
  EXPECT_FALSE(folder.size_of(digest_of("other")));
}

TEST_F(BlobFolderTest, TwoThatKeepTheSameBlobBothSucceed) {
  auto first = folder.begin().value();
  auto second = folder.begin().value();
  ASSERT_TRUE(first->append(as_bytes("same")));
  ASSERT_TRUE(second->append(as_bytes("same")));
  EXPECT_TRUE(folder.keep(*first, digest_of("same")));
  EXPECT_TRUE(folder.keep(*second, digest_of("same")));
  EXPECT_EQ(read_file(folder.path_of(digest_of("same"))).value(), "same");
}

TEST_F(BlobFolderTest, WhatOneLeftUnderItsNameIsRemovedAndNothingElse) {
  for (const char* name : {"one", "one.tensor.part", "another"})
    ASSERT_TRUE(write_file_atomically(folder.temporary_path(name), "x"));
  folder.remove_temporary("");
  EXPECT_EQ(temporary_files(), 3U);
  folder.remove_temporary("one");
  EXPECT_EQ(temporary_files(), 1U);
  EXPECT_TRUE(fs::exists(folder.temporary_path("another")));
}

TEST_F(BlobFolderTest, OpeningClearsWhatWasAbandonedLongAgo) {
  ASSERT_TRUE(write_file_atomically(path / "tmp" / "old", "x"));
  ASSERT_TRUE(write_file_atomically(path / "tmp" / "young", "x"));
  fs::last_write_time(path / "tmp" / "old", fs::file_time_type::clock::now() - std::chrono::hours(25));
  ASSERT_TRUE(BlobFolder::open(path));
  EXPECT_FALSE(fs::exists(path / "tmp" / "old"));
  EXPECT_TRUE(fs::exists(path / "tmp" / "young"));
}

}  // namespace
}  // namespace argosy::server
