#include "server/telemetry/window_rate.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

const Instant noon = parse_rfc3339("2026-03-01T12:00:00Z").value();
constexpr Duration one_second{1000};

TEST(WindowRate, CountsThoseThatEndedInTheLastMinute) {
  WindowRate rate;
  for (int i = 0; i < 600; ++i) {
    rate.add(noon + i * one_second, noon + i * one_second);
    rate.add(noon + i * one_second, noon + i * one_second);
  }
  EXPECT_EQ(rate.last_minute(noon + 599 * one_second), 120u);
  EXPECT_EQ(rate.last_minute(noon + 629 * one_second), 60u);
  EXPECT_EQ(rate.last_minute(noon + 700 * one_second), 0u);
}

TEST(WindowRate, GoesByWhenWindowsEndedAndNotByWhenTheyCame) {
  WindowRate rate;
  rate.add(noon - 100 * one_second, noon);
  rate.add(noon - 30 * one_second, noon);
  rate.add(noon - 7200 * one_second, noon);
  rate.add(noon + 30 * one_second, noon);
  rate.add(noon + 7200 * one_second, noon);
  EXPECT_EQ(rate.last_minute(noon), 1u);
  EXPECT_EQ(rate.last_minute(noon + 30 * one_second), 1u) << "the one that was ahead";
}

}  // namespace
}  // namespace argosy::server
