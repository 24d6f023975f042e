// Shadow runs on a real database: what devices are asked for, what is kept of their counts, and what guards make of it.
#include <nlohmann/json.hpp>

#include "server/rollouts/store/shadow_store.hpp"
#include "tests/db/rollouts/rollout_fleet.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;
using std::chrono::minutes;

class ShadowRuns : public RolloutFleet {
 protected:
  ShadowRuns() {
    for (int i = 0; i < 48; ++i) add_device("cam-" + std::to_string(100 + i));  // twelve canaries
  }

  std::int64_t begun(json more = json::object()) {
    json policy{
        {"shadow", {{"samples", 400}, {"max_s", 600}}}, {"guards", {{{"metric", "shadow_accuracy"}}}}, {"look_s", 60}};
    policy.update(more);
    const auto id = started("1.1", policy);
    tick();
    return id;
  }

  // Devices that differ by chance, whose new version is right so much more seldom.
  void shadow_all(std::int64_t id, std::uint64_t loss) {
    std::uint64_t number = 0;
    for (const auto& device : devices_in(id, "notified")) {
      const std::uint64_t both = 360 - loss + number % 5;
      report_shadow(id, device, "shadowing", {400, 0, both + 10, 400, 380, both + 20 - number % 7 / 3, both});
      ++number;
    }
  }

  void look(std::int64_t id) {
    report_all(id, "validating", "committed");
    tick();
    pass(minutes(30));
    tick();
    tick();
  }

  std::string kept(const std::string& device) {
    return database
        .exec(
            "select concat_ws(' ', attempt, samples, agreed, labelled, old_right, new_right, both_right) from "
            "rollout_shadows where device_id = '" +
            device + "'")[0][0]
        .as<std::string>();
  }
};

TEST_F(ShadowRuns, ADeviceIsToldOfIt) {
  const auto id = begun();
  const auto device = devices_in(id, "notified").front();
  const auto document = run(desired->get(DeviceId{device})).value();
  EXPECT_EQ(document.models.at(0).shadow, (wire::ShadowSpec{.samples = 400, .max_s = 600, .required = false}));
}

TEST_F(ShadowRuns, OnTheWayBackNobodyIsAsked) {
  const auto id = begun();
  const auto device = devices_in(id, "notified").front();
  report_all(id, "notified", "committed");
  ASSERT_TRUE(operate(id, Operation::rollback));
  tick();
  const auto document = run(desired->get(DeviceId{device})).value();
  EXPECT_EQ(document.models.at(0).version, "1.0");
  EXPECT_FALSE(document.models.at(0).shadow);
}

TEST_F(ShadowRuns, CountsOnlyGrowAndAnotherAttemptBeginsAnew) {
  const auto id = begun();
  const auto device = devices_in(id, "notified").front();
  report_shadow(id, device, "shadowing", {100, 0, 90, 50, 45, 46, 44});
  EXPECT_EQ(devices_in(id, "validating"), std::vector{device});
  report_shadow(id, device, "shadowing", {40, 0, 39, 20, 18, 18, 18});
  EXPECT_EQ(kept(device), "1 100 90 50 45 46 44");
  report(id, device, "failed", "shadow_too_few");
  EXPECT_EQ(devices_in(id, "shadow_too_few"), std::vector{device});
  ASSERT_TRUE(operate(id, Operation::retry));
  tick();
  report_shadow(id, device, "shadowing", {10, 0, 9, 5, 4, 5, 4});
  EXPECT_EQ(kept(device), "2 10 9 5 4 5 4");
  const auto page = run(rollouts->devices(id, "", "", 100, now)).value();
  const auto found =
      std::find_if(page.items.begin(), page.items.end(), [&device](const auto& one) { return one.device == device; });
  EXPECT_EQ(found->shadow, (wire::ShadowCounts{10, 0, 9, 5, 4, 5, 4}));
  EXPECT_FALSE(page.items.back().shadow);
}

TEST_F(ShadowRuns, AVersionThatIsRightAsOftenGoesOn) {
  const auto id = begun();
  shadow_all(id, 0);
  look(id);
  EXPECT_EQ(get(id).record.wave, 1) << get(id).gate;
  const auto decided = run(rollouts->decisions(id, 1 << 30, 1)).value().items.front();
  const auto guard = json::parse(decided.inputs_json)["guards"][0];
  EXPECT_EQ(guard["metric"], "shadow_accuracy");
  EXPECT_EQ(guard["verdict"], "pass") << guard.dump();
  EXPECT_EQ(guard["canaries"], 12);
}

TEST_F(ShadowRuns, AVersionThatIsWrongMoreOftenGoesBack) {
  const auto id = begun();
  shadow_all(id, 60);
  look(id);
  EXPECT_EQ(state_of(id), RolloutState::rolling_back) << get(id).gate;
}

TEST_F(ShadowRuns, WithoutAnySampleTheGuardIsLeftOut) {
  const auto id = begun();
  report_all(id, "notified", "committed");
  look(id);
  EXPECT_EQ(get(id).record.wave, 1) << get(id).gate;
}

TEST_F(ShadowRuns, WithoutAnySampleARequiredGuardHoldsTheGate) {
  const auto id = begun({{"guards", {{{"metric", "shadow_accuracy"}, {"mode", "required"}}}}});
  report_all(id, "notified", "committed");
  look(id);
  EXPECT_EQ(get(id).record.wave, 0);
  EXPECT_NE(get(id).guards.at(0).message.find("no device ran both versions"), std::string::npos);
}

}  // namespace
}  // namespace argosy::server
