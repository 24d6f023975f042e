#include "agent/update/part_file.hpp"

#include <gtest/gtest.h>

#include "tests/unit/agent/temp_folder.hpp"

namespace argosy::agent {
namespace {

using test::TempFolder;

const std::string content = "the bytes of a model";

wire::BlobRef blob() {
  return {sha256(as_bytes(content)).to_hex(), content.size()};
}

TEST(PartFile, GrowsIntoTheBlob) {
  const TempFolder folder;
  auto part = PartFile::open(folder / "x.part", folder / "x", blob());
  ASSERT_TRUE(part);
  ASSERT_TRUE((*part)->append(content.substr(0, 5)));
  EXPECT_FALSE(((*part)->size() == content.size()));
  ASSERT_TRUE((*part)->append(content.substr(5)));
  EXPECT_TRUE(((*part)->size() == content.size()));
  ASSERT_TRUE((*part)->finish());
  EXPECT_EQ(*read_file(folder / "x"), content);
  EXPECT_FALSE(std::filesystem::exists(folder / "x.part"));
}

TEST(PartFile, GoesOnWhereTheLastRunEndedWhereverThatWas) {
  for (std::size_t cut = 0; cut <= content.size(); ++cut) {
    const TempFolder folder;
    {
      auto part = PartFile::open(folder / "x.part", folder / "x", blob());
      ASSERT_TRUE((*part)->append(content.substr(0, cut)));
    }
    auto part = PartFile::open(folder / "x.part", folder / "x", blob());
    ASSERT_TRUE(part);
    EXPECT_EQ((*part)->size(), cut);
    ASSERT_TRUE((*part)->append(content.substr(cut)));
    EXPECT_TRUE((*part)->finish()) << cut;
  }
}

TEST(PartFile, WrongBytesAreThrownAway) {
  const TempFolder folder;
  auto part = PartFile::open(folder / "x.part", folder / "x", blob());
  ASSERT_TRUE((*part)->append(std::string(content.size(), 'z')));
  const auto finished = (*part)->finish();
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().code, Errc::digest_mismatch);
  EXPECT_FALSE(std::filesystem::exists(folder / "x.part"));
  EXPECT_FALSE(std::filesystem::exists(folder / "x"));
}

TEST(PartFile, NeverGrowsOverTheAnnouncedSize) {
  const TempFolder folder;
  auto part = PartFile::open(folder / "x.part", folder / "x", blob());
  ASSERT_TRUE((*part)->append(content));
  const auto more = (*part)->append("!");
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, Errc::too_large);
}

TEST(PartFile, HalfIsNotFinished) {
  const TempFolder folder;
  auto part = PartFile::open(folder / "x.part", folder / "x", blob());
  ASSERT_TRUE((*part)->append(content.substr(1)));
  const auto finished = (*part)->finish();
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().code, Errc::truncated);
}

TEST(PartFile, TooLongAPartStartsAfresh) {
  const TempFolder folder;
  ASSERT_TRUE(write_file_atomically(folder / "x.part", content + content));
  auto part = PartFile::open(folder / "x.part", folder / "x", blob());
  ASSERT_TRUE(part);
  EXPECT_EQ((*part)->size(), 0u);
}

}  // namespace
}  // namespace argosy::agent
