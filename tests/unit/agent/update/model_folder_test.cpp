#include "agent/update/model_folder.hpp"

#include <gtest/gtest.h>

#include "common/base/file.hpp"
#include "tests/unit/agent/temp_folder.hpp"

namespace argosy::agent {
namespace {

using test::TempFolder;

SlotContent release(const std::string& version, bool proven = false) {
  return {version, std::string(64, 'a'), "onnx", 5, proven};
}

void fill(const ModelFolder& folder, SlotName slot, const std::string& version) {
  ASSERT_TRUE(folder.open_for_writing(slot));
  ASSERT_TRUE(write_file_atomically(folder.model_file(slot, "onnx"), "model"));
  ASSERT_TRUE(folder.seal(slot, release(version)));
}

void serve(const ModelFolder& folder, SlotName slot) {
  ASSERT_TRUE(replace_symlink(folder.current(), std::string(to_string(slot))));
}

TEST(ModelFolder, EmptyAtFirst) {
  const TempFolder temp;
  const ModelFolder folder(temp / "digits");
  ASSERT_TRUE(folder.create());
  const auto slots = folder.read();
  ASSERT_TRUE(slots);
  EXPECT_EQ(*slots, Slots{});
}

TEST(ModelFolder, ReadsWhatWasSealedAndWhatServes) {
  const TempFolder temp;
  const ModelFolder folder(temp / "digits");
  fill(folder, SlotName::a, "1.0");
  serve(folder, SlotName::a);
  ASSERT_TRUE(folder.mark_proven(SlotName::a));
  fill(folder, SlotName::b, "1.1");
  const Slots slots = *folder.read();
  EXPECT_EQ(slots.at(SlotName::a), release("1.0", true));
  EXPECT_EQ(slots.at(SlotName::b), release("1.1"));
  EXPECT_EQ(slots.serving, SlotName::a);
}

TEST(ModelFolder, NeverWritesToTheSlotThatServes) {
  const TempFolder temp;
  const ModelFolder folder(temp / "digits");
  fill(folder, SlotName::a, "1.0");
  serve(folder, SlotName::a);
  for (const auto& refused :
       {folder.clear(SlotName::a), folder.open_for_writing(SlotName::a), folder.seal(SlotName::a, release("2"))}) {
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::conflict);
  }
  EXPECT_EQ(folder.read()->at(SlotName::a), release("1.0"));
}

TEST(ModelFolder, SlotOpenedForWritingCountsAsEmpty) {
  const TempFolder temp;
  const ModelFolder folder(temp / "digits");
  fill(folder, SlotName::b, "1.1");
  ASSERT_TRUE(folder.open_for_writing(SlotName::b));
  EXPECT_FALSE(folder.read()->at(SlotName::b));
}

TEST(ModelFolder, FileOfAnotherSizeCountsAsEmpty) {
  const TempFolder temp;
  const ModelFolder folder(temp / "digits");
  fill(folder, SlotName::b, "1.1");
  ASSERT_TRUE(write_file_atomically(folder.model_file(SlotName::b, "onnx"), "half"));
  EXPECT_FALSE(folder.read()->at(SlotName::b));
}

TEST(ModelFolder, DamagedReleaseCountsAsEmpty) {
  const TempFolder temp;
  const ModelFolder folder(temp / "digits");
  fill(folder, SlotName::b, "1.1");
  for (const char* text :
       {"", "{", "[]", R"({"version": 1})", R"({"version":"1","digest":"x","format":"../x","size":5,"proven":true})"}) {
    ASSERT_TRUE(write_file_atomically(folder.slot(SlotName::b) / "release.json", text));
    EXPECT_FALSE(folder.read()->at(SlotName::b)) << text;
  }
}

TEST(ModelFolder, SealRemovesWhatAnEarlierVersionLeft) {
  const TempFolder temp;
  const ModelFolder folder(temp / "digits");
  fill(folder, SlotName::b, "1.1");
  ASSERT_TRUE(write_file_atomically(folder.model_file(SlotName::b, "tflite"), "other"));
  fill(folder, SlotName::b, "1.2");
  EXPECT_FALSE(std::filesystem::exists(folder.model_file(SlotName::b, "tflite")));
  EXPECT_TRUE(std::filesystem::exists(folder.model_file(SlotName::b, "onnx")));
}

}  // namespace
}  // namespace argosy::agent
