// What of a device's configuration file is a suggestion, and which of those a rule takes.
#include "server/devices/suggestion.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

const Declaration enrolled{"cpu-fp32", {{"site", "berlin"}, {"line", "2"}}};

TEST(Suggestion, AFileThatNobodyEditedSuggestsNothingWhateverPeopleSetSince) {
  const Declaration held{"orin-nano", {{"site", "oslo"}, {"owner", "ada"}}};
  const Settlement told = compare(enrolled, enrolled, held);
  EXPECT_TRUE(told.suggestion.empty()) << describe(told.suggestion);
}

TEST(Suggestion, IsWhatWasEdited) {
  const Declaration file{"cpu-int8", {{"site", "oslo"}, {"floor", "3"}}};
  const Settlement told = compare(enrolled, file, enrolled);
  EXPECT_EQ(told.suggestion.hardware_class, "cpu-int8");
  EXPECT_EQ(told.suggestion.labels, (LabelPatch{{"site", "oslo"}, {"floor", "3"}, {"line", std::nullopt}}));
  EXPECT_EQ(describe(told.suggestion), "hardware class cpu-int8, label floor 3, no label line, label site oslo");
  EXPECT_EQ(apply(told.suggestion, enrolled).value(), file);
  EXPECT_EQ(decode_suggestion(encode(told.suggestion)), told.suggestion);
  EXPECT_EQ(decode_declaration(encode(file)), file);
}

TEST(Suggestion, WhatTheServerHoldsAlreadyIsSettled) {
  const Declaration both{"cpu-fp32", {{"site", "oslo"}, {"line", "2"}}};
  const Settlement told = compare(enrolled, both, both);
  EXPECT_TRUE(told.suggestion.empty());
  EXPECT_EQ(told.settled, both);
  Declaration later = both;
  later.labels["site"] = "rome";  // by an operator
  EXPECT_TRUE(compare(told.settled, both, later).suggestion.empty());
}

TEST(Suggestion, EditedBackItIsNoneAnyMore) {
  Declaration file = enrolled;
  file.labels["site"] = "oslo";
  EXPECT_FALSE(compare(enrolled, file, enrolled).suggestion.empty());
  EXPECT_TRUE(compare(enrolled, enrolled, enrolled).suggestion.empty());
}

TEST(SuggestionRule, TakesWhatItNamesAndLeavesTheRest) {
  const Suggestion all{"cpu-int8", {{"site", "oslo"}, {"line", std::nullopt}}};
  EXPECT_TRUE(SuggestionRule::parse("").value().taken(all).empty());
  EXPECT_EQ(SuggestionRule::parse("hardware_class, labels").value().taken(all), all);
  const Suggestion taken = SuggestionRule::parse(" labels.site ").value().taken(all);
  EXPECT_EQ(taken, (Suggestion{std::nullopt, {{"site", "oslo"}}}));
  EXPECT_EQ(without(all, taken), (Suggestion{"cpu-int8", {{"line", std::nullopt}}}));
}

TEST(SuggestionRule, NamesTheWordThatIsNone) {
  const auto refused = SuggestionRule::parse("hardware_class, capabilities");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("'capabilities'"), std::string::npos) << refused.error().message;
  EXPECT_FALSE(SuggestionRule::parse("labels."));
}

TEST(Suggestion, WhatIsDamagedInARowIsNone) {
  for (const std::string text : {"", "[]", "{", "7"}) {
    EXPECT_FALSE(decode_suggestion(text)) << text;
    EXPECT_FALSE(decode_declaration(text)) << text;
  }
}

}  // namespace
}  // namespace argosy::server
