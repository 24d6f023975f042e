#include "cli/rollout_output.hpp"

#include <gtest/gtest.h>

namespace argosy::cli {
namespace {

using nlohmann::json;

TEST(GuardsTable, HasAColumnForEachFieldThatHasAValue) {
  const json guards = json::array({{{"metric", "latency_p95"},
                                    {"verdict", "waiting"},
                                    {"estimate", 0.123456},
                                    {"interval_low", nullptr},
                                    {"needs_more", 12},
                                    {"message", "12 more windows"}},
                                   {{"metric", "error_rate"}, {"verdict", "pass"}, {"estimate", 0}, {"message", ""}}});
  const Table table = guards_table(guards);
  EXPECT_EQ(table.header, (Row{"METRIC", "VERDICT", "ESTIMATE", "NEEDS MORE", "MESSAGE"}));
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_EQ(table.rows[0], (Row{"latency_p95", "waiting", "0.1235", "12", "12 more windows"}));
  EXPECT_EQ(table.rows[1], (Row{"error_rate", "pass", "0", "-", "-"}));
}

TEST(GuardsTable, ShowsFieldsThatItDoesNotKnowBeforeTheSentence) {
  const json guards = json::array({{{"metric", "accuracy"},
                                    {"colour", "red"},
                                    {"required", true},
                                    {"reach", {{"least_p", 0.01}, {"effect", 0.2}}},
                                    {"driven_by", {"jetson", "pi"}},
                                    {"message", "worse"}}});
  const Table table = guards_table(guards);
  EXPECT_EQ(table.header,
            (Row{"METRIC", "REACH EFFECT", "REACH LEAST P", "DRIVEN BY", "COLOUR", "REQUIRED", "MESSAGE"}));
  EXPECT_EQ(table.rows[0], (Row{"accuracy", "0.2", "0.01", "jetson, pi", "red", "yes", "worse"}));
}

TEST(GuardsTable, IsEmptyWithoutGuards) {
  EXPECT_TRUE(guards_table(json::array()).rows.empty());
}

}  // namespace
}  // namespace argosy::cli
