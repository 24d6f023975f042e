#include "common/wire/labels.hpp"

#include <gtest/gtest.h>

namespace argosy::wire {
namespace {

TEST(LabelDocuments, WordThatLabelsWaitIsNoAck) {
  EXPECT_EQ(encode(LabelsWaiting{12}), R"({"labels":12})");
  EXPECT_EQ(decode_labels_waiting(R"({"labels": 12, "later": true})").value(), LabelsWaiting{12});
  EXPECT_FALSE(decode_labels_waiting(R"({"epoch": "0123456789abcdef", "seq": 1})"));
}

TEST(LabelDocuments, AnswersGoByOutcome) {
  const LabelAnswers answers{
      7, 500, {{5, LabelOutcome::counted}, {6, LabelOutcome::unknown}, {9, LabelOutcome::counted}}};
  EXPECT_EQ(encode(answers), R"({"after":7,"answers":{"counted":[5,9],"unknown":[6]},"most":500})");
  EXPECT_EQ(decode_label_answers(encode(answers)).value(), answers);
}

TEST(LabelDocuments, AnOutcomeThatIsNotKnownIsPassedOver) {
  const auto answers = decode_label_answers(R"({"answers": {"counted": [1], "lost_in_thought": [2]}})");
  ASSERT_TRUE(answers);
  EXPECT_EQ(answers->answers, (std::map<std::uint64_t, LabelOutcome>{{1, LabelOutcome::counted}}));
}

TEST(LabelDocuments, AnswersAreBounded) {
  std::string many = "1";
  for (int i = 2; i <= 600; ++i) many += "," + std::to_string(i);
  const std::string twice = R"({"answers": {"counted": [)" + many + R"(], "unknown": [)" + many + "]}}";
  EXPECT_TRUE(decode_label_answers(twice)) << "600 labels, each answered once";
  std::string more = "1001";
  for (int i = 1002; i <= 1500; ++i) more += "," + std::to_string(i);
  EXPECT_FALSE(decode_label_answers(R"({"answers": {"counted": [)" + many + R"(], "unknown": [)" + more + "]}}"));
  EXPECT_FALSE(decode_label_answers(R"({"most": 501})"));
}

TEST(LabelDocuments, HandedLabelsKeepEachIdToTheLastDigit) {
  const HandedLabels labels{{{3, "digits", 9'007'199'254'740'993, -4}, {4, "digits", 1, 7, instant_from_ms(1000)}},
                            true};
  EXPECT_EQ(decode_handed_labels(encode(labels)).value(), labels);
  EXPECT_NE(encode(labels).find(R"("id":"9007199254740993")"), std::string::npos);
}

TEST(LabelDocuments, AnIdIsANumberFromOneTo63Bits) {
  EXPECT_EQ(parse_observation_id("9223372036854775807"), largest_observation_id);
  for (const char* bad : {"", "0", "-1", "9223372036854775808", "1.5", "0x1", " 1", "99999999999999999999"})
    EXPECT_EQ(parse_observation_id(bad), std::nullopt) << bad;
  EXPECT_FALSE(decode_handed_labels(R"({"labels": [{"seq": 1, "model": "digits", "id": "0", "label": 1}]})"));
}

}  // namespace
}  // namespace argosy::wire
