#include "cli/rollout_output.hpp"

#include <gtest/gtest.h>

namespace argosy::cli {
namespace {

using nlohmann::json;

TEST(GuardsTable, TellsRatiosAsFactorsAndDifferencesWithTheirSign) {
  const json guards = json::array({{{"metric", "latency_p95"},
                                    {"scale", "ratio"},
                                    {"verdict", "fail"},
                                    {"estimate", 0.182322},
                                    {"lower", 0.0953102},
                                    {"upper", 0.262364},
                                    {"rollback_margin", 0.0487902},
                                    {"promotion_margin", 0.0953102},
                                    {"canaries", 10},
                                    {"controls", 30},
                                    {"look", 1},
                                    {"message", "slower"}},
                                   {{"metric", "accuracy"},
                                    {"scale", "difference"},
                                    {"verdict", "waiting"},
                                    {"estimate", nullptr},
                                    {"rollback_margin", 0.005},
                                    {"promotion_margin", 0.02},
                                    {"message", "too few labels"}}});
  const Table table = guards_table(guards);
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_EQ(table.rows[0],
            (Row{"latency_p95", "fail", "x1.200", "x1.100", "x1.300", "x1.050", "x1.100", "10", "30", "1", "slower"}));
  EXPECT_EQ(table.rows[1],
            (Row{"accuracy", "waiting", "-", "-", "-", "+0.0050", "+0.0200", "-", "-", "-", "too few labels"}));
}

TEST(ValidationTable, SaysOnWhichSideOfTheThresholdDevicesAre) {
  const json validation{{"metric", "accuracy"},
                        {"threshold", 0.94},
                        {"higher_is_better", true},
                        {"missed", 1},
                        {"measured", 6},
                        {"histogram",
                         {{{"from", 0.9}, {"to", 0.92}, {"devices", 1}},
                          {{"from", 0.92}, {"to", 0.96}, {"devices", 2}},
                          {{"from", 0.96}, {"to", 0.98}, {"devices", 0}},
                          {{"from", 0.98}, {"to", 1.0}, {"devices", 3}}}}};
  EXPECT_EQ(validation_text(validation), "accuracy of 6 devices, at least 0.94 is asked for: 1 of them miss it");
  const Table table = validation_table(validation);
  ASSERT_EQ(table.rows.size(), 3U);
  EXPECT_EQ(table.rows[0], (Row{"0.9", "0.92", "1", "misses"}));
  EXPECT_EQ(table.rows[1], (Row{"0.92", "0.96", "2", "the threshold lies here"}));
  EXPECT_EQ(table.rows[2], (Row{"0.98", "1", "3", "holds"}));
  EXPECT_EQ(validation_text({{"measured", 0}}), "");
}

TEST(Standing, IsSaidInAListAndInASentence) {
  const json never{{"standing", false}, {"stands_since", nullptr}};
  EXPECT_EQ(standing_word(never), "-");
  EXPECT_EQ(standing_text(never), "");
  EXPECT_EQ(standing_word(json::object()), "-") << "a server of before";
  const json later{{"standing", true}, {"stands_since", nullptr}};
  EXPECT_EQ(standing_word(later), "once completed");
  EXPECT_EQ(standing_text(later), "It stands once it has completed.");
  const json stands{{"standing", true}, {"stands_since", "2026-08-01T02:00:00Z"}, {"newcomers", 3}};
  EXPECT_EQ(standing_word(stands), "yes");
  EXPECT_EQ(standing_text(stands),
            "It stands since 2026-08-01T02:00:00Z: devices that come later get the release. 3 joined.");
}

TEST(GuardsTable, IsEmptyWithoutGuards) {
  EXPECT_TRUE(guards_table(json::array()).rows.empty());
}

}  // namespace
}  // namespace argosy::cli
