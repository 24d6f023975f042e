#include "common/base/id.hpp"

#include <type_traits>
#include <unordered_set>

#include <gtest/gtest.h>

namespace argosy {
namespace {

static_assert(!std::is_convertible_v<RolloutId, ReleaseId>);
static_assert(!std::is_convertible_v<std::int64_t, RolloutId>);

TEST(Id, ComparesAndHashesByItsValue) {
  EXPECT_EQ(DeviceId("cam-7"), DeviceId("cam-7"));
  EXPECT_LT(RolloutId(3), RolloutId(4));
  EXPECT_EQ((std::unordered_set<DeviceId>{DeviceId("a"), DeviceId("b"), DeviceId("a")}.size()), 2u);
}

TEST(Names, HoldLettersDigitsUnderscoresAndHyphens) {
  for (const char* good : {"a", "cam-7", "ORIN_nano", "0"}) EXPECT_TRUE(is_name(good)) << good;
  EXPECT_TRUE(is_name(std::string(64, 'x')));
  for (const char* bad : {"", "a b", "a/b", "a.b", "+", "#", "ü", "a\n"}) EXPECT_FALSE(is_name(bad)) << bad;
  EXPECT_FALSE(is_name(std::string(65, 'x')));
  EXPECT_FALSE(is_name(std::string_view("a\0b", 3)));
}

TEST(Versions, MayHoldDotsAndPlusesButAreNoPaths) {
  for (const char* good : {"1", "1.2.0-rc.1+build", "v3"}) EXPECT_TRUE(is_version(good)) << good;
  for (const char* bad : {"", ".", "..", ".hidden", "1/2", "1 2", "../x"}) EXPECT_FALSE(is_version(bad)) << bad;
  EXPECT_FALSE(is_version(std::string(65, '1')));
}

}  // namespace
}  // namespace argosy
