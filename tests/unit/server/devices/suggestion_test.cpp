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

TEST(SuggestionByPeers, TakesAtLeastThreeThatAllAgree) {
  const Declaration held{"pi-4", {}};
  const auto suggested = [&](const BoardPeers& peers, const Declaration& settled = {"pi-4", {}}) {
    return with_class_of(peers, {}, settled, held).hardware_class;
  };
  EXPECT_EQ(suggested({"Pi 5", 3, "pi-5", "pi-5"}), "pi-5");
  EXPECT_EQ(suggested({"Pi 5", 2, "pi-5", "pi-5"}), std::nullopt);
  EXPECT_EQ(suggested({"Pi 5", 3, "pi-5", "pi-6"}), std::nullopt);
  EXPECT_EQ(suggested({"Pi 5", 3, "pi-4", "pi-4"}), std::nullopt) << "it is of it";
  EXPECT_EQ(suggested({"Pi 5", 3, "pi-5", "pi-5"}, {"pi-4", {}, "pi-5"}), std::nullopt) << "it was turned down";
}

TEST(SuggestionByPeers, StandsBehindWhatTheFileSays) {
  const Declaration held{"pi-4", {}};
  const Suggestion by_peers = with_class_of({"Pi 5", 3, "pi-5", "pi-5"}, {}, held, held);
  EXPECT_FALSE(by_peers.because.empty());
  EXPECT_EQ(decode_suggestion(encode(by_peers)), by_peers);
  EXPECT_EQ(with_class_of({"Pi 5", 3, "pi-5", "pi-5"}, {"orin", {}}, held, held), (Suggestion{"orin", {}}));
  EXPECT_EQ(beside({"orin", {}}, by_peers, held), (Suggestion{"orin", {}}));
  EXPECT_EQ(beside({std::nullopt, {{"site", "oslo"}}}, by_peers, held).hardware_class, "pi-5");
  EXPECT_EQ(beside({}, by_peers, {"pi-5", {}}), Suggestion{}) << "it is of it by now";
  EXPECT_EQ(with_class_of({"Pi 5", 3, "pi-5", "pi-6"}, by_peers, held, held), Suggestion{}) << "they agree no more";
  EXPECT_TRUE(SuggestionRule::parse("hardware_class")->taken(by_peers).empty());
}

TEST(SuggestionByPeers, IsSettledForItselfAndNotForTheFile) {
  const Suggestion by_peers{"pi-5", {{"site", "oslo"}}, "all others are of it"};
  const Declaration settled = settle(by_peers, {"pi-4", {}}).value();
  EXPECT_EQ(settled, (Declaration{"pi-4", {{"site", "oslo"}}, "pi-5"}));
  EXPECT_EQ(decode_declaration(encode(settled)), settled);
}

}  // namespace
}  // namespace argosy::server
