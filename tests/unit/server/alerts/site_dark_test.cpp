#include "server/alerts/site_dark.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

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

const Instant dark_since = instant_from_ms(1'790'000'000'000);

struct Case {
  const char* what;
  DarkDevice device;
  DarkStep expected;
};

DarkDevice device(const char* presence, std::optional<Instant> alert_since, std::optional<Instant> site_dark_since,
                  bool is_revoked = false) {
  const std::string_view word = presence;
  return {is_revoked, word == "offline", word == "online", alert_since, site_dark_since};
}

TEST(SiteDark, WhatBecomesOfTheAlertOfADevice) {
  const auto long_before = dark_since - 16min;
  const auto just_before = dark_since - 15min;
  const auto after = dark_since + 1min;
  constexpr std::nullopt_t none = std::nullopt;
  const Case cases[] = {
      {"it went, the site is there", device("offline", none, none), DarkStep::open},
      {"it went with its site", device("offline", none, dark_since), DarkStep::hold_back},
      {"it is there", device("online", none, none), DarkStep::none},
      {"it is there although its site is dark", device("online", none, dark_since), DarkStep::none},
      {"it is late", device("late", none, none), DarkStep::none},
      {"it is away, and that is told", device("offline", after, none), DarkStep::none},
      {"late is not back yet", device("late", after, none), DarkStep::none},
      {"it is back", device("online", after, none), DarkStep::end_back},
      {"it is back before its site", device("online", after, dark_since), DarkStep::end_back},
      {"it went minutes before its site", device("offline", just_before, dark_since), DarkStep::end_folded},
      {"late, and it went with its site", device("late", just_before, dark_since), DarkStep::end_folded},
      {"it went long before its site", device("offline", long_before, dark_since), DarkStep::none},
      {"revoked with an alert", device("offline", after, none, true), DarkStep::end_revoked},
      {"revoked with an alert in a dark site", device("offline", after, dark_since, true), DarkStep::end_revoked},
      {"revoked without one", device("offline", none, none, true), DarkStep::none},
  };
  for (const Case& each : cases) EXPECT_EQ(next_dark_step({}, each.device), each.expected) << each.what;
}

}  // namespace
}  // namespace argosy::server
