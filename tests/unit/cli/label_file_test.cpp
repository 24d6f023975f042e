#include "cli/label_file.hpp"

#include <sstream>

#include <gtest/gtest.h>

namespace argosy::cli {
namespace {

using nlohmann::json;

// Of each line its number, and the label or what is wrong.
struct Read {
  std::vector<std::pair<std::size_t, json>> labels;
  std::vector<std::pair<std::size_t, std::string>> problems;
  std::string failure;
};
Read read(const std::string& text) {
  std::istringstream in(text);
  LabelFile file(in);
  Read read;
  for (;;) {
    auto line = file.next();
    if (!line) {
      read.failure = line.error().message;
      return read;
    }
    if (!*line) return read;
    if ((*line)->label) read.labels.emplace_back((*line)->number, *(*line)->label);
    if (!(*line)->label) read.problems.emplace_back((*line)->number, (*line)->label.error().message);
  }
}
const json first{{"device", "cam-1"}, {"model", "digits"}, {"id", "71"}, {"label", 3}};

TEST(LabelFile, ACsvNamesItsColumnsInAnyOrder) {
  const Read found =
      read("label,id,model,device,source\n3,71,digits,cam-1,\n\n4,72,digits,cam-1,\"lab 3, \"\"north\"\"\"\r\n");
  ASSERT_EQ(found.labels.size(), 2u) << found.failure;
  EXPECT_EQ(found.labels[0], std::pair(std::size_t{2}, first));
  EXPECT_EQ(found.labels[1].first, 4u);
  EXPECT_EQ(found.labels[1].second["source"], "lab 3, \"north\"");
}

TEST(LabelFile, AJsonObjectALineKeepsEachIdToTheLastDigit) {
  const Read found = read(
      "{\"device\": \"cam-1\", \"model\": \"digits\", \"id\": 71, \"label\": 3}\n"
      "{\"device\": \"cam-1\", \"model\": \"digits\", \"id\": 9223372036854775807, \"label\": \"-4\", "
      "\"predicted_at\": \"2026-11-30T12:00:00Z\"}");
  ASSERT_EQ(found.labels.size(), 2u);
  EXPECT_EQ(found.labels[0].second, first);
  EXPECT_EQ(found.labels[1].second["id"], "9223372036854775807");
  EXPECT_EQ(found.labels[1].second["label"], -4);
}

TEST(LabelFile, ALineThatIsWrongNamesItsValueAndTheOthersAreRead) {
  const Read found =
      read("device,model,id,label\ncam-1,digits,0,3\ncam 1,digits,71,3\ncam-1,digits,71\ncam-1,digits,71,seven\n" +
           std::string(LabelFile::longest_line + 1, 'x') + "\ncam-1,digits,71,3\n");
  ASSERT_EQ(found.labels.size(), 1u);
  EXPECT_EQ(found.labels[0].first, 7u);
  ASSERT_EQ(found.problems.size(), 5u);
  const char* words[] = {"id \"0\" must be", "device \"cam 1\" must", "has 3 values", "label \"seven\" must",
                         "longer than"};
  for (std::size_t i = 0; i < 5; ++i)
    EXPECT_NE(found.problems[i].second.find(words[i]), std::string::npos) << found.problems[i].second;
}

TEST(LabelFile, AFileWithoutItsNamesIsNone) {
  EXPECT_NE(read("cam-1,digits,71,3\n").failure.find("names no column \"device\""), std::string::npos);
  EXPECT_EQ(read("").failure, "");
}

TEST(CheckedLabel, KnowsNoOtherFields) {
  json label = first;
  label["image"] = "a picture";
  EXPECT_FALSE(checked_label(label));
  EXPECT_FALSE(checked_label(json(3)));
  label.erase("image");
  label["predicted_at"] = "yesterday";
  EXPECT_FALSE(checked_label(label));
}

}  // namespace
}  // namespace argosy::cli
