#include "server/notify/notice_route.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace argosy::server {
namespace {

using nlohmann::json;

const json whole{{"name", "on-call"},
                 {"kinds", {"alert.*", "rollout.halted"}},
                 {"target", {{"kind", "webhook"}, {"url", "https://example.com/hook"}}}};

RouteSettings settings_with(const json& changes) {
  json document = whole;
  if (changes.is_object()) document.update(changes);
  return read_route(document.dump()).value().settings;
}
std::string refusal_of(const json& changes) {
  json document = whole;
  if (changes.is_object()) document.update(changes);
  const auto given = read_route(document.dump());
  return given ? "" : given.error().message;
}

ToldEvent firing(std::int64_t alert, const std::string& device, const std::string& site,
                 const std::string& severity = "warning") {
  ToldEvent told;
  told.event.kind = "alert.firing";
  told.event.severity = severity;
  told.event.device = device;
  told.event.message = device + " is slow";
  told.event.details_json = json{{"alert", alert}, {"rule", "latency_doubled"}}.dump();
  told.alert_severity = severity;
  told.site = site;
  return told;
}
ToldEvent resolved(std::int64_t alert, const std::string& device, const std::string& site) {
  ToldEvent told = firing(alert, device, site, "critical");
  told.event.kind = "alert.resolved";
  told.event.severity = "info";
  return told;
}
bool wants(const RouteSettings& settings, const ToldEvent& event, const Device* device = nullptr) {
  return RouteChoice(settings, "site").wants(event, device);
}

TEST(NoticeRoute, ComesBackAsItWasStored) {
  const RouteSettings settings = settings_with({{"filter", "labels.site = \"berlin\""},
                                                {"model", "digits"},
                                                {"rollout_id", 7},
                                                {"group_by", {"rule", "device"}},
                                                {"group_wait_s", 5},
                                                {"least_severity", "critical"}});
  EXPECT_EQ(settings_from_json(settings_to_json(settings)).value(), settings);
}

TEST(NoticeRoute, RefusesWhatItCannotDo) {
  EXPECT_EQ(refusal_of({}), "");
  EXPECT_NE(refusal_of({{"kinds", json::array()}}), "");
  EXPECT_NE(refusal_of({{"kinds", {"Alert!"}}}).find("Alert!"), std::string::npos);
  EXPECT_NE(refusal_of({{"name", "two words"}}), "");
  EXPECT_NE(refusal_of({{"least_severity", "loud"}}), "");
  EXPECT_NE(refusal_of({{"filter", "labels.site ="}}), "");
  EXPECT_NE(refusal_of({{"group_by", {"weather"}}}).find("weather"), std::string::npos);
  EXPECT_NE(refusal_of({{"group_wait_s", 3601}}), "");
  EXPECT_NE(refusal_of({{"colour", "red"}}), "");
  EXPECT_NE(refusal_of({{"target", {{"kind", "alertmanager"}, {"url", "http://am:9093"}}}}).find("alert."),
            std::string::npos);
  const json pagerduty{{"kind", "pagerduty"}, {"routing_key", "k"}};
  EXPECT_EQ(refusal_of({{"target", pagerduty}}), "") << "its group wait is 0 unless it is said";
  EXPECT_NE(refusal_of({{"target", pagerduty}, {"group_wait_s", 30}}), "");
}

TEST(NoticeRoute, AChangeLeavesTheRestAsItIs) {
  const RouteSettings present = settings_with({{"group_wait_s", 5}});
  const auto changed = read_route(R"({"enabled": false})", &present).value();
  EXPECT_FALSE(changed.target);
  RouteSettings wanted = present;
  wanted.enabled = false;
  EXPECT_EQ(changed.settings, wanted);
}

TEST(NoticeRoute, AsksForKindsByNameOrByTheirBeginning) {
  EXPECT_TRUE(is_of_kind({"alert.*"}, "alert.firing"));
  EXPECT_TRUE(is_of_kind({"*"}, "device.enrolled"));
  EXPECT_TRUE(is_of_kind({"rollout.halted"}, "rollout.halted"));
  EXPECT_FALSE(is_of_kind({"rollout.halted"}, "rollout.halted_again"));
  EXPECT_FALSE(is_of_kind({"alert.*"}, "alerting"));
}

TEST(NoticeRoute, TheEndOfAnAlertGoesWhereItsBeginningWent) {
  const RouteSettings critical = settings_with({{"least_severity", "critical"}});
  EXPECT_FALSE(wants(critical, firing(1, "cam-1", "berlin", "warning")));
  EXPECT_TRUE(wants(critical, firing(1, "cam-1", "berlin", "critical")));
  EXPECT_TRUE(wants(critical, resolved(1, "cam-1", "berlin")));
}

TEST(NoticeRoute, AFilterAsksTheDeviceAndTheAlertOfASiteItsSite) {
  const RouteSettings berlin = settings_with({{"filter", "labels.site = \"berlin\""}});
  Device here, there;
  here.labels["site"] = "berlin";
  there.labels["site"] = "paris";
  EXPECT_TRUE(wants(berlin, firing(1, "cam-1", "berlin"), &here));
  EXPECT_FALSE(wants(berlin, firing(1, "cam-2", "paris"), &there));
  EXPECT_FALSE(wants(berlin, firing(1, "cam-3", "berlin"), nullptr)) << "the device is gone";
  ToldEvent dark = firing(2, "", "berlin");
  dark.event.device.reset();
  EXPECT_TRUE(wants(berlin, dark));
  dark.site = "paris";
  EXPECT_FALSE(wants(berlin, dark));
}

TEST(NoticeRoute, AnEventMayNameItsRoutes) {
  ToldEvent told = firing(1, "cam-1", "berlin");
  told.event.details_json = R"({"alert": 1, "routes": ["night-shift"]})";
  EXPECT_FALSE(wants(settings_with({}), told));
  EXPECT_TRUE(wants(settings_with({{"name", "night-shift"}, {"kinds", {"rollout.*"}}}), told));
}

TEST(NoticeRoute, PutsAlertsOfOneRuleAndSiteTogether) {
  const RouteSettings settings = settings_with({});
  EXPECT_EQ(line_of(settings, firing(1, "cam-1", "berlin")), "alert rule=latency_doubled site=berlin");
  EXPECT_EQ(line_of(settings, firing(1, "cam-1", "berlin")), line_of(settings, resolved(2, "cam-2", "berlin")));
  EXPECT_NE(line_of(settings, firing(1, "cam-1", "berlin")), line_of(settings, firing(3, "cam-3", "paris")));
}

TEST(NoticeRoute, PutsTogetherWhatAlertsAreToldWith) {
  const RouteSettings settings = settings_with({{"group_by", {"group"}}});
  const auto under = [](std::int64_t alert, const std::string& rule, const std::string& group) {
    ToldEvent told = firing(alert, "cam-1", "berlin");
    told.event.details_json =
        R"({"alert": )" + std::to_string(alert) + R"(, "rule": ")" + rule + R"(", "group": ")" + group + "\"}";
    return told;
  };
  EXPECT_EQ(line_of(settings, under(1, "drift", "rollout/12")), "alert group=rollout/12");
  EXPECT_EQ(line_of(settings, under(1, "drift", "rollout/12")), line_of(settings, under(2, "site_dark", "rollout/12")));
}

TEST(NoticeRoute, WithoutAGroupWaitTheOrderOfOneAlertIsKept) {
  const RouteSettings settings = settings_with({{"group_wait_s", 0}});
  EXPECT_EQ(line_of(settings, firing(1, "cam-1", "berlin")), line_of(settings, resolved(1, "cam-1", "berlin")));
  EXPECT_NE(line_of(settings, firing(1, "cam-1", "berlin")), line_of(settings, firing(2, "cam-1", "berlin")));
}

TEST(NoticeRoute, ALongLineIsCutAndStaysItsOwn) {
  const RouteSettings settings = settings_with({});
  const std::string long_site(400, 'x');
  const std::string one = line_of(settings, firing(1, "cam-1", long_site + "1"));
  EXPECT_LE(one.size(), 300u);
  EXPECT_NE(one, line_of(settings, firing(1, "cam-1", long_site + "2")));
}

}  // namespace
}  // namespace argosy::server
