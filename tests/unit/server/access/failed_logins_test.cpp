#include "server/access/failed_logins.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

const Instant minute_begins = instant_from_ms(1'700'000'000'000);

TEST(FailedLogins, TheFirstIsWrittenAtOnceAndTheRestOfTheMinuteIsOneNumber) {
  FailedLogins failures;
  EXPECT_TRUE(failures.add("ada", "a", minute_begins));
  for (int i = 0; i < 7; ++i) EXPECT_FALSE(failures.add("ada", "a", minute_begins));
  EXPECT_TRUE(failures.add("ada", "b", minute_begins)) << "another address";
  EXPECT_TRUE(failures.drain(minute_begins + Duration(59'000)).empty());
  const auto counts = failures.drain(minute_begins + Duration(60'000));
  ASSERT_EQ(counts.size(), 1U);
  EXPECT_EQ(counts[0].account, "ada");
  EXPECT_EQ(counts[0].failures, 7U);
  EXPECT_TRUE(failures.add("ada", "a", minute_begins + Duration(61'000)));
}

TEST(FailedLogins, AFloodOfNamesIsOneNumber) {
  FailedLogins failures({.window = Duration(60'000), .keys = 10});
  int rows = 0;
  for (int i = 0; i < 1000; ++i) rows += failures.add("user" + std::to_string(i), "a", minute_begins) ? 1 : 0;
  EXPECT_EQ(rows, 10);
  const auto counts = failures.drain(minute_begins + Duration(60'000));
  ASSERT_EQ(counts.size(), 1U);
  EXPECT_EQ(counts[0].account, "*");
  EXPECT_EQ(counts[0].failures, 990U);
}

}  // namespace
}  // namespace argosy::server
