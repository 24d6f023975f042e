#include "server/devices/filter_sql.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

SqlCondition condition(std::string_view filter, int first = 1) {
  return to_sql(parse_filter(filter).value(), first);
}

TEST(FilterSql, NoFilterIsTrue) {
  EXPECT_EQ(condition("").text, "true");
  EXPECT_TRUE(condition("").parameters.empty());
}

TEST(FilterSql, ValuesAndKeysAreParametersOnly) {
  const SqlCondition made = condition("labels.site = \"'; drop table devices; --\" AND id : \"x\"");
  EXPECT_EQ(made.text, "(d.labels @> jsonb_build_object($1::text, $2::text) and (strpos(d.id, $3::text) > 0))");
  EXPECT_EQ(made.parameters, (std::vector<std::string>{"site", "'; drop table devices; --", "x"}));
}

TEST(FilterSql, NumbersItsParametersFromWhereTheQueryLeavesOff) {
  EXPECT_EQ(condition("id = a OR NOT hardware_class = b", 4).text,
            "((d.id = $4::text) or not (d.hardware_class = $5::text))");
}

TEST(FilterSql, UnequalIsTheNegationOfEqual) {
  EXPECT_EQ(condition("presence != offline").text, "not (coalesce(s.presence, 'never_seen') = $1::text)");
}

}  // namespace
}  // namespace argosy::server
