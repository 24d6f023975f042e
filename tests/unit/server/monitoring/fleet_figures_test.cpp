#include "server/monitoring/fleet_figures.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

std::string text_of(const FleetFigures& figures) {
  return prometheus_text(families_of(figures));
}

TEST(FleetFigures, NameWhatNothingHas) {
  FleetFigures figures;
  figures.presence = {{{"online"}, 7}};
  const std::string text = text_of(figures);
  for (const char* line :
       {"argosy_fleet_devices{presence=\"online\"} 7\n", "argosy_fleet_devices{presence=\"offline\"} 0\n",
        "argosy_fleet_rollouts{state=\"halted\"} 0\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

TEST(FleetFigures, AddUpWhatIsNotAmongTheMostFrequent) {
  FleetFigures figures;
  for (std::size_t i = 0; i < most_named + 3; ++i)
    figures.models.push_back({{"digits", "1." + std::to_string(i)}, static_cast<std::int64_t>(100 + i)});
  const std::string text = text_of(figures);
  EXPECT_NE(text.find("argosy_fleet_model_devices{model=\"other\",version=\"other\"} 303\n"), std::string::npos)
      << text;
  EXPECT_EQ(text.find("version=\"1.2\"}"), std::string::npos) << "one of the three that the fewest have";
  EXPECT_NE(text.find("version=\"1.3\"}"), std::string::npos);
}

TEST(FleetFigures, HaveOneSampleForWhatIsCalledOther) {
  FleetFigures figures;
  for (std::size_t i = 0; i < most_named + 1; ++i)
    figures.classes.push_back({{i == 0 ? "other" : "class-" + std::to_string(i)}, 100 - static_cast<std::int64_t>(i)});
  const std::string text = text_of(figures);
  const std::string line = "argosy_fleet_class_devices{hardware_class=\"other\"} ";
  const auto first = text.find(line);
  ASSERT_NE(first, std::string::npos) << text;
  EXPECT_EQ(text.substr(first + line.size(), 4), "150\n") << "a hundred that call themselves so, and the fewest";
  EXPECT_EQ(text.find(line, first + 1), std::string::npos) << "Prometheus would take one of them";
}

TEST(FleetFigures, TellHowSevereTheAlertsOfEveryRuleAre) {
  FleetFigures figures;
  for (std::size_t i = 0; i < most_named; ++i)
    figures.alerts.push_back({{"rule-" + std::to_string(i), "warning", "pending"}, 1000});
  figures.alerts.push_back({{"rare", "critical", "firing"}, 1});
  figures.alerts.push_back({{"rarer", "critical", "firing"}, 1});
  figures.alerts.push_back({{"rare", "warning", "silenced"}, 1});
  const std::string text = text_of(figures);
  for (const char* line : {"{rule=\"other\",severity=\"critical\",state=\"firing\"} 2\n",
                           "{rule=\"other\",severity=\"warning\",state=\"silenced\"} 1\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

TEST(FleetFigures, TellHowFarARolloutIs) {
  FleetFigures figures;
  figures.progress = {{12, "digits", "1.1", 1, 3, {{{"committed"}, 40}, {{"download"}, 2}}}};
  const std::string text = text_of(figures);
  const std::string labels = "{rollout=\"12\",model=\"digits\",version=\"1.1\"";
  for (const std::string& line :
       {"argosy_fleet_rollout_wave" + labels + "} 2\n", "argosy_fleet_rollout_waves" + labels + "} 3\n",
        "argosy_fleet_rollout_devices" + labels + ",step=\"committed\"} 40\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

}  // namespace
}  // namespace argosy::server
