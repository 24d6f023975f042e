#include "server/alerts/site_dark.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

TEST(SiteDark, OpensOverThirtyPercentOfEnoughDevicesAndEndsAtHalfOfThat) {
  struct Case {
    AlertState present;
    std::int64_t devices, offline;
    AlertState expected;
  };
  constexpr auto ok = AlertState::ok;
  constexpr auto firing = AlertState::firing;
  const Case cases[] = {
      {ok, 10, 3, ok},
      {ok, 10, 4, firing},
      {ok, 1000, 300, ok},
      {ok, 1000, 301, firing},
      {ok, 4, 4, ok},
      {ok, 5, 5, firing},
      {ok, 0, 0, ok},
      {firing, 10, 3, firing},
      {firing, 10, 2, firing},
      {firing, 1000, 150, ok},
      {firing, 1000, 151, firing},
      {firing, 10, 1, ok},
      {firing, 5, 1, firing},
      {firing, 5, 0, ok},
      {firing, 4, 4, ok},
      {firing, 0, 0, ok},
  };
  for (const Case& each : cases)
    EXPECT_EQ(judge_site({}, each.present, {each.devices, each.offline}), each.expected)
        << to_string(each.present) << ", " << each.offline << " of " << each.devices;
}

}  // namespace
}  // namespace argosy::server
