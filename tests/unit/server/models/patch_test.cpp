#include "server/models/patch.hpp"

#include <gtest/gtest.h>

#include "server/models/patch_request.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

TEST(PatchLimits, SmallPairsHaveAMinuteAndLargeOnesTimeByTheirSize) {
  EXPECT_EQ(longest_encoding(1'000, {}), 60s);
  EXPECT_EQ(longest_encoding(100'000'000, {}), 200s);
}

TEST(PatchRetry, RestsLongerEachTimeAtMostAnHourAndEnds) {
  Rng rng(7);
  for (int round = 0; round < 200; ++round) {
    EXPECT_LT(rest_after_failure(1, 4, rng).value(), 1min);
    EXPECT_LT(rest_after_failure(3, 4, rng).value(), 4min);
    EXPECT_LT(rest_after_failure(40, 99, rng).value(), 1h);
  }
  EXPECT_EQ(rest_after_failure(4, 4, rng), std::nullopt);
}

TEST(PatchTrials, SurviveTheDatabase) {
  const std::vector<CodecTrial> trials = {{"tensor", 1200, 0.5, ""},
                                          {"bsdiff", 0, 0.01, "needs 2 GB of memory, the limit is 1 GB"}};
  EXPECT_EQ(trials_from_json(trials_to_json(trials)), trials);
  EXPECT_TRUE(trials_from_json("[]").empty());
}

TEST(PatchRequest, NamesPairsOfVersions) {
  const auto request = parse_patch_request(
      R"({"pairs": [{"from_version": "1.0", "to_version": "1.1"},
                    {"from_version": "1.0", "to_version": "1.1", "variant": "int8"}], "days": 30})");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->pairs.size(), 2U);
  EXPECT_EQ(request->pairs[1].variant, "int8");
  EXPECT_EQ(request->days, 30);
}

TEST(PatchRequest, RefusesWhatCannotBe) {
  const auto refused = [](const char* json) { return parse_patch_request(json).error().message; };
  EXPECT_NE(refused("{}").find("pairs"), std::string::npos);
  EXPECT_NE(refused(R"({"pairs": []})").find("pairs"), std::string::npos);
  EXPECT_NE(refused(R"({"pairs": [{"from_version": "1.0", "to_version": "1.0"}]})").find("another version"),
            std::string::npos);
  EXPECT_NE(refused(R"({"pairs": [{"from_version": "../x", "to_version": "1.0"}]})").find("from_version"),
            std::string::npos);
  EXPECT_NE(refused(R"({"pairs": [{"from_version": "1", "to_version": "2"}], "days": 0})").find("days"),
            std::string::npos);
}

}  // namespace
}  // namespace argosy::server
