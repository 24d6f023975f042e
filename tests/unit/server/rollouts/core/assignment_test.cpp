#include "server/rollouts/core/assignment.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

DeviceAssignment told_by(std::int64_t rollout, const std::string& version) {
  DeviceAssignment one;
  one.model = "digits";
  one.version = version;
  one.rollout = rollout;
  one.rollout_name = "digits " + version;
  one.told_version = version;
  one.step = DeviceStep::succeeded;
  return one;
}

TEST(DeviceAssignment, SaysWhoToldTheDevice) {
  auto one = told_by(3, "1.1");
  EXPECT_EQ(why(one), "rollout 3 \"digits 1.1\" told it");
  one.joined_at = parse_rfc3339("2026-03-01T10:00:00Z").value();
  one.stands = true;
  EXPECT_EQ(why(one),
            "rollout 3 \"digits 1.1\" told it: it joined on 2026-03-01T10:00:00.000Z, when it came to match a filter "
            "that stands");
  one.told_version = "1.0";
  EXPECT_EQ(why(one), "rollout 3 \"digits 1.1\" was stopped, and told it to go back");
}

TEST(DeviceAssignment, SaysWhyTheDeviceIsNotTold) {
  auto one = told_by(5, "1.2");
  one.told_version.reset();
  one.step = DeviceStep::queued;
  EXPECT_EQ(why(one), "rollout 5 \"digits 1.2\" tells it at its turn");
  one.resting_until = parse_rfc3339("2026-03-01T10:00:00Z").value();
  EXPECT_EQ(why(one),
            "it rests until 2026-03-01T10:00:00.000Z, for it failed again and again; then rollout 5 \"digits 1.2\" "
            "tells it");
  one.step = DeviceStep::failed;
  one.cause = "left_out";
  one.message = "it failed with digits 1.2 before, in rollout 4: validate_rejected";
  EXPECT_EQ(why(one), "rollout 5 \"digits 1.2\" leaves it out: " + one.message);
  one.cause = "incompatible";
  one.message = "no variant suits it";
  EXPECT_EQ(why(one), "rollout 5 \"digits 1.2\": incompatible, no variant suits it");
}

TEST(DeviceAssignment, TheToldOneMattersAndTheNewest) {
  auto newest = told_by(9, "1.3");
  newest.told_version.reset();
  auto between = told_by(8, "1.2");
  between.told_version.reset();
  const auto told = told_by(7, "1.1");
  const auto kept = that_matter({newest, between, told});
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_EQ(kept[0].rollout, 9);
  EXPECT_EQ(kept[1].rollout, 7);
}

}  // namespace
}  // namespace argosy::server
