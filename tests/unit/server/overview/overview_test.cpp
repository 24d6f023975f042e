#include "server/overview/overview.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace argosy::server {
namespace {

TEST(Verdict, IsOnePlainSentence) {
  Overview overview;
  EXPECT_EQ(verdict_of(overview), "No device is enrolled yet: create a claim and start an agent with it.");
  overview.presence = {{"online", 12}};
  EXPECT_EQ(verdict_of(overview), "All 12 devices are online and no alert is firing.");
  overview.presence = {{"online", 9}, {"late", 1}, {"offline", 1}, {"never_seen", 1}};
  EXPECT_EQ(verdict_of(overview),
            "9 of 12 devices are online, 2 are late or offline and 1 has never been seen; no alert is firing.");
  overview.firing_by_rule = {{"gone_dark", 2}, {"drift", 1}};
  EXPECT_EQ(verdict_of(overview), "3 alerts are firing: 2 devices have gone dark, 1 model sees drifted input.");
}

TEST(Verdict, TellsOfTheRolloutUnderWay) {
  Overview overview;
  overview.presence = {{"online", 1}};
  ActiveRollout rollout;
  rollout.name = "digits 1.1";
  rollout.state = "running";
  rollout.wave = 0;
  rollout.waves = 2;
  overview.rollouts = {rollout};
  EXPECT_EQ(verdict_of(overview),
            "The only device is online and no alert is firing. Rollout \"digits 1.1\" is in wave 1 of 2.");
  overview.rollouts[0].state = "paused";
  overview.rollouts[0].reason = "latency";
  EXPECT_EQ(verdict_of(overview),
            "The only device is online and no alert is firing. Rollout \"digits 1.1\" is paused: latency.");
}

TEST(OverviewJson, HasEveryPresenceStateAndTheShapeOfTheScreen) {
  Overview overview;
  overview.presence = {{"online", 3}};
  overview.models = {{"digits", {{"1.0", 2}, {"1.1", 1}}}};
  overview.worst_latency = {{"cam-7", "digits", "1.0", 20.5, 10.0, ""}};
  overview.worst_drift = {{"cam-7", "digits", "1.0", 0.4, std::nullopt, "sharpness"}};
  const auto document = nlohmann::json::parse(overview_to_json(overview));
  EXPECT_EQ(document["presence"],
            nlohmann::json({{"online", 3}, {"late", 0}, {"offline", 0}, {"never_seen", 0}, {"total", 3}}));
  EXPECT_EQ(document["models"][0]["versions"][0], nlohmann::json({{"version", "1.0"}, {"devices", 2}}));
  EXPECT_EQ(document["worst"]["latency"][0]["value"], 20.5);
  EXPECT_EQ(document["worst"]["latency"][0]["usual"], 10.0);
  EXPECT_EQ(document["worst"]["drift"][0]["feature"], "sharpness");
  EXPECT_EQ(document["alerts"]["firing"], 0);
}

}  // namespace
}  // namespace argosy::server
