#include "common/base/version_range.hpp"

#include <gtest/gtest.h>

namespace argosy {
namespace {

VersionNumber version(std::string_view text) {
  return VersionNumber::of(text).value();
}

VersionRange range(std::string_view text) {
  return VersionRange::parse(text).value();
}

TEST(VersionNumber, IsComparedNumberByNumber) {
  EXPECT_LT(version("5.9"), version("5.10"));
  EXPECT_LT(version("5.1"), version("5.1.2"));
  EXPECT_EQ(version("5.1"), version("5.1.0.0"));
  EXPECT_GT(version("36.4.3"), version("35.99.99"));
}

TEST(VersionNumber, LeavesWhatFollowsTheNumbersAside) {
  EXPECT_EQ(version("8.5.2.2-1+cuda11.4"), version("8.5.2.2"));
  EXPECT_EQ(version("5.1.2-b104"), version("5.1.2"));
  EXPECT_EQ(version("6.0_dev"), version("6"));
  EXPECT_EQ(version("1."), version("1"));
}

TEST(VersionNumber, IsNothingWhereNoNumberBegins) {
  for (const char* text : {"", "v5", "R35", ".5", "-1", "unknown"}) EXPECT_FALSE(VersionNumber::of(text)) << text;
}

TEST(VersionNumber, HasBounds) {
  EXPECT_EQ(version("1.2.3.4.5.6.7.8.9"), version("1.2.3.4.5.6.7.8"));
  EXPECT_EQ(version("99999999999999999999"), version("999999999999999"));
}

TEST(VersionRange, HoldsWhereAllItsConditionsDo) {
  const auto jetpack5 = range(">=5.1,<6");
  for (const char* inside : {"5.1", "5.1.2", "5.99", "5.1.2-b104"}) EXPECT_TRUE(jetpack5.contains(inside)) << inside;
  for (const char* outside : {"5.0.2", "6", "6.0", "4.6.1", "", "none"})
    EXPECT_FALSE(jetpack5.contains(outside)) << outside;
}

TEST(VersionRange, ASeriesIsAllThatBeginsSo) {
  EXPECT_TRUE(range("~8.5").contains("8.5"));
  EXPECT_TRUE(range("~8.5").contains("8.5.2.2"));
  EXPECT_FALSE(range("~8.5").contains("8.6"));
  EXPECT_FALSE(range("~8.5").contains("8.50"));
  EXPECT_TRUE(range("~8.0").contains("8.0.1"));
  EXPECT_FALSE(range("~8.0").contains("8.5"));
  EXPECT_TRUE(range("~8").contains("8.5"));
}

TEST(VersionRange, WithoutAnOperatorItIsThatVersion) {
  EXPECT_TRUE(range("17").contains("17"));
  EXPECT_FALSE(range("17").contains("17.1"));
  EXPECT_EQ(range("17").text(), "=17");
  EXPECT_FALSE(range("!=17").contains("17.0"));
}

TEST(VersionRange, IsWrittenInOneForm) {
  EXPECT_EQ(range(" >= 5.1 , <6 ").text(), ">=5.1,<6");
  EXPECT_EQ(range(">=5.1,<6"), range(">= 5.1,< 6"));
}

TEST(VersionRange, RefusesWhatIsNone) {
  for (const char* text : {"", ",", ">=5.1,", ">=", "=>5", "~~8", "five", ">=5.1 <6", ">=5.x", "1,2,3,4,5,6,7,8,9"})
    EXPECT_FALSE(VersionRange::parse(text)) << text;
  EXPECT_NE(VersionRange::parse(">=x").error().message.find("\">=x\""), std::string::npos);
}

}  // namespace
}  // namespace argosy
