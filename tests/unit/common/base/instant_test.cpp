#include "common/base/instant.hpp"

#include <gtest/gtest.h>

namespace argosy {
namespace {

TEST(Instant, IsWrittenInUtcWithMilliseconds) {
  EXPECT_EQ(to_rfc3339(instant_from_ms(0)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(to_rfc3339(instant_from_ms(1'769'851'800'250)), "2026-01-31T09:30:00.250Z");
  EXPECT_EQ(to_rfc3339(instant_from_ms(-1)), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(to_ms(instant_from_ms(12'345)), 12'345);
}

TEST(Instant, ReadsWhatItWrites) {
  for (const std::int64_t ms :
       {0LL, 1LL, 253'402'300'799'999LL, 951'782'399'999LL, 951'782'400'000LL, 4'102'444'800'000LL})
    EXPECT_EQ(to_ms(parse_rfc3339(to_rfc3339(instant_from_ms(ms))).value()), ms);
}

TEST(Instant, ReadsTheOtherSpellings) {
  const auto expected = parse_rfc3339("2026-01-31T09:30:00.000Z").value();
  for (const char* text : {"2026-01-31T09:30:00Z", "2026-01-31t09:30:00z", "2026-01-31T10:30:00+01:00",
                           "2026-01-31T04:00:00-05:30", "2026-01-31T09:30:00.0Z", "2026-01-31T09:30:00.0009Z"})
    EXPECT_EQ(parse_rfc3339(text).value(), expected) << text;
  EXPECT_EQ(to_ms(parse_rfc3339("1970-01-01T00:00:00.5Z").value()), 500);
  EXPECT_EQ(to_ms(parse_rfc3339("1970-01-01T00:00:00.123456789Z").value()), 123);
}

// A state document of the year 0000 took 500 others with it: no column holds it.
TEST(Instant, ReadsNoTimeThatCannotBeStored) {
  for (const char* bad :
       {"0000-01-01T00:00:00Z", "1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"})
    EXPECT_FALSE(parse_rfc3339(bad)) << bad;
  EXPECT_FALSE(is_storable(instant_from_ms(-1)));
  EXPECT_TRUE(is_storable(latest_instant));
  EXPECT_FALSE(is_storable(latest_instant + Duration{1}));
}

TEST(Instant, RefusesWhatIsNoTimeAndShowsHowToWriteIt) {
  for (const char* bad : {"",
                          "now",
                          "2026-01-31",
                          "2026-01-31T09:30Z",
                          "2026-01-31T09:30:00",
                          "2026-01-31 09:30:00Z",
                          "2026-02-29T00:00:00Z",
                          "2026-13-01T00:00:00Z",
                          "2026-00-01T00:00:00Z",
                          "2026-01-32T00:00:00Z",
                          "2026-01-31T24:00:00Z",
                          "2026-01-31T09:60:00Z",
                          "2026-01-31T09:30:61Z",
                          "2026-01-31T09:30:00Zx",
                          "2026-01-31T09:30:00+1:00",
                          "2026-01-31T09:30:00+01",
                          "2026-01-31T09:30:00+24:00",
                          "2026-01-31T09:30:00.Z",
                          "-026-01-31T09:30:00Z",
                          "2026-1-31T09:30:00Z"}) {
    const auto parsed = parse_rfc3339(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().code, Errc::invalid_argument);
    EXPECT_NE(parsed.error().message.find("write it as 2026-01-31T09:30:00Z"), std::string::npos);
  }
  EXPECT_LT(parse_rfc3339(std::string(10'000, 'x')).error().message.size(), 200u);
}

}  // namespace
}  // namespace argosy
