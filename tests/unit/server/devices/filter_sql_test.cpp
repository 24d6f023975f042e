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
  EXPECT_EQ(condition("id != x").text, "not (d.id = $1::text)");
  EXPECT_EQ(condition("NOT id != x").text, "(d.id = $1::text)");
}

TEST(FilterSql, NegationsGoDownToTheComparisons) {
  EXPECT_EQ(condition("NOT (id = a OR (id = b AND NOT id = c))").text,
            "(not (d.id = $1::text) and (not (d.id = $2::text) or (d.id = $3::text)))");
}

TEST(FilterSql, APresenceIsAListOfThoseThatItIsTrueFor) {
  EXPECT_EQ(condition("presence = offline").text, "s.presence in ('offline')");
  EXPECT_EQ(condition("NOT presence != late").text, "s.presence in ('late')");
  EXPECT_EQ(condition("intermittent = true").text, "(s.intermittent_until is not null)");
  EXPECT_EQ(condition("NOT intermittent != false").text, "(s.intermittent_until is null)");
  EXPECT_EQ(condition("presence != offline").text, "s.presence in ('online', 'late', 'never_seen')");
  EXPECT_EQ(condition("presence : line").text, "s.presence in ('online', 'offline')");
  EXPECT_EQ(condition("presence : nowhere").text, "false");
  EXPECT_TRUE(condition("presence : nowhere").parameters.empty());
}

}  // namespace
}  // namespace argosy::server
