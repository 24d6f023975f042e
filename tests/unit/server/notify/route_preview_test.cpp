#include "server/notify/route_preview.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "server/notify/alert_telling.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

const Instant monday = parse_rfc3339("2026-03-02T00:00:00Z").value();

RouteSettings settings_of(const json& changes) {
  json document{{"name", "on-call"},
                {"kinds", {"alert.*"}},
                {"group_wait_s", 60},
                {"target", {{"kind", "webhook"}, {"url", "https://example.com/hook"}}}};
  document.update(changes);
  return read_route(document.dump()).value().settings;
}

EventOfDevice firing(int second, const std::string& site, const std::string& severity = "warning") {
  EventOfDevice one;
  one.told.event.at = monday + std::chrono::seconds(second);
  one.told.event.kind = "alert.firing";
  one.told.event.message = "at " + std::to_string(second);
  one.told.event.details_json = R"({"alert": 7, "rule": "gone_dark"})";
  one.told.alert_severity = severity;
  one.told.site = site;
  one.device.emplace();
  one.device->labels["site"] = site;
  one.told.labels = one.device->labels;
  return one;
}

std::vector<EventOfDevice> three_sites() {
  std::vector<EventOfDevice> events{firing(0, "berlin"),  firing(10, "berlin"), firing(20, "oslo", "critical"),
                                    firing(59, "berlin"), firing(60, "berlin"), firing(5000, "lisbon")};
  events.push_back(firing(5001, "lisbon"));
  events.back().told.event.kind = "rollout.halted";
  return events;
}

TEST(RoutePreview, CountsEventsAndTheMessagesThatTheyGatherIn) {
  const auto preview = preview_route(settings_of(json::object()), three_sites(), "site");
  EXPECT_EQ(preview.events, 6U);
  EXPECT_EQ(preview.messages, 4U) << "berlin twice, as a message gathers for a minute from its first event";
  EXPECT_EQ(preview.kinds, (std::map<std::string, std::size_t>{{"alert.firing", 6}}));
  ASSERT_EQ(preview.newest.size(), 6U);
  EXPECT_EQ(preview.newest.front().event.message, "at 5000");
  EXPECT_EQ(preview_route(settings_of({{"group_wait_s", 0}}), three_sites(), "site").messages, 6U);
}

TEST(RoutePreview, FollowsEachThingThatNarrowsARouteAndNotWhetherItIsOn) {
  EXPECT_EQ(preview_route(settings_of({{"least_severity", "critical"}}), three_sites(), "site").events, 1U);
  EXPECT_EQ(preview_route(settings_of({{"filter", "labels.site = \"berlin\""}}), three_sites(), "site").events, 4U);
  EXPECT_EQ(preview_route(settings_of({{"kinds", {"rollout.halted"}}}), three_sites(), "site").events, 1U);
  EXPECT_EQ(preview_route(settings_of({{"enabled", false}}), three_sites(), "site").events, 6U);
}

TEST(RoutePreview, ShowsTheNewestTen) {
  std::vector<EventOfDevice> events;
  for (int i = 0; i < 100; ++i) events.push_back(firing(i, "berlin"));
  const auto shown = preview_to_json(preview_route(settings_of(json::object()), events, "site"));
  EXPECT_EQ(shown["events"], 100);
  ASSERT_EQ(shown["newest"].size(), most_previewed_shown);
  EXPECT_EQ(shown["newest"][0]["message"], "at 99");
}

TEST(AlertTelling, SaysWhyNobodyWasTold) {
  const auto why = [](const UntoldAlert& alert) { return to_string(why_untold(alert)); };
  EXPECT_EQ(why({.state = "pending"}), "pending");
  EXPECT_EQ(why({.state = "firing", .inhibited_by = 3}), "inhibited");
  EXPECT_EQ(why({.state = "firing", .silenced_by = 5}), "silenced");
  EXPECT_EQ(why({.state = "resolved"}), "held_back");
  EXPECT_EQ(why({.state = "firing", .was_told = true, .waits = true}), "waits");
  EXPECT_EQ(why({.state = "firing", .silenced_by = 5, .was_told = true}), "no_route")
      << "it was told before the silence";
  EXPECT_EQ(describe_untold({.state = "firing", .silenced_by = 5}), "Silence 5 covers it.");
  const auto shown = telling_to_json({{}, 0, UntoldAlert{.state = "firing", .inhibited_by = 3}});
  EXPECT_EQ(shown["untold"]["reason"], "inhibited");
  EXPECT_EQ(telling_to_json({{Delivery{}}, 1, {}})["untold"], json());
}

}  // namespace
}  // namespace argosy::server
