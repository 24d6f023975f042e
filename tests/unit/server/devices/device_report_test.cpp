#include "server/devices/device_report.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

wire::DeviceState running(std::string version, std::string update_state, std::int64_t rollout = 3) {
  wire::DeviceState state;
  state.device = "cam-7";
  wire::ModelReport model;
  model.model = "digits";
  model.version = std::move(version);
  model.digest = "d1";
  model.slots = {{"a", "serving", model.version, "d1", 10}, {"b", "previous", "0.9", "d0", 9}};
  model.update = wire::UpdateReport{};
  model.update->rollout = rollout;
  model.update->version = "1.1";
  model.update->state = std::move(update_state);
  state.models.push_back(std::move(model));
  return state;
}

TEST(DeviceReport, TheFirstDocumentIsAllNew) {
  const ReportChange change = compare_reports(nullptr, running("1.0", "downloading"));
  ASSERT_EQ(change.models.size(), 1U);
  EXPECT_EQ(change.models[0].version, "1.0");
  EXPECT_EQ(change.models[0].previous_version, "0.9");
  EXPECT_EQ(change.models[0].previous_digest, "d0");
  ASSERT_EQ(change.updates.size(), 1U);
  EXPECT_EQ(change.updates[0].from, "");
}

TEST(DeviceReport, AHeartbeatAndMereProgressChangeNothing) {
  const wire::DeviceState before = running("1.0", "downloading");
  wire::DeviceState after = before;
  after.models[0].update->progress = 0.7;
  after.models[0].update->bytes = 4711;
  const ReportChange change = compare_reports(&before, after);
  EXPECT_TRUE(change.models.empty());
  EXPECT_TRUE(change.updates.empty());
}

TEST(DeviceReport, ANewStateIsAnEventWithWhereItCameFrom) {
  const wire::DeviceState before = running("1.0", "downloading");
  wire::DeviceState after = running("1.0", "rejected");
  after.models[0].update->cause = "validate_rejected";
  const ReportChange change = compare_reports(&before, after);
  ASSERT_EQ(change.updates.size(), 1U);
  EXPECT_EQ(change.updates[0].from, "downloading");
  EXPECT_EQ(describe(change.updates[0]), "digits 1.1: rejected, validate_rejected");
  EXPECT_EQ(severity(change.updates[0]), "warning");
}

TEST(DeviceReport, TheSameStateOfAnotherRolloutIsANewUpdate) {
  const wire::DeviceState before = running("1.0", "committed", 3);
  const ReportChange change = compare_reports(&before, running("1.0", "committed", 4));
  ASSERT_EQ(change.updates.size(), 1U);
  EXPECT_EQ(change.updates[0].from, "");
}

TEST(DeviceReport, AModelThatIsNoLongerReportedIsGone) {
  const wire::DeviceState before = running("1.0", "committed");
  wire::DeviceState after = before;
  after.models.clear();
  EXPECT_EQ(compare_reports(&before, after).gone, std::vector<std::string>{"digits"});
}

TEST(Labels, AMergePatchSetsAndTakesAway) {
  const Labels before = {{"site", "berlin"}, {"line", "2"}};
  EXPECT_EQ(apply_patch(before, {{"site", "paris"}, {"line", std::nullopt}, {"new", "x"}}).value(),
            (Labels{{"site", "paris"}, {"new", "x"}}));
  EXPECT_FALSE(apply_patch(before, {{"a b", "x"}}));
  EXPECT_FALSE(apply_patch(before, {{"a", std::string(257, 'x')}}));
  EXPECT_FALSE(apply_patch(before, {{"a", "\xed\xa0\x80"}}));
  LabelPatch many;
  for (int i = 0; i < 63; ++i) many["k" + std::to_string(i)] = "v";
  EXPECT_EQ(apply_patch(before, many).error().message, "field 'labels' may hold at most 64 labels");
}

TEST(Text, UnicodeWithoutZeroBytes) {
  EXPECT_TRUE(is_text("gr\xc3\xbc\xc3\x9f dich \xe2\x82\xac \xf0\x9f\x9a\xa2"));
  for (const std::string_view bad : {"\x80", "\xc0\xaf", "\xe0\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82"})
    EXPECT_FALSE(is_text(bad));
  EXPECT_FALSE(is_text(std::string_view("\0", 1)));
}

}  // namespace
}  // namespace argosy::server
