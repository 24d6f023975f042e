#include "server/rollouts/core/wave_policy.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "server/rollouts/core/policy.hpp"
#include "server/rollouts/core/wave_plan.hpp"

namespace argosy::server {
namespace {

using nlohmann::json;

std::vector<WavePolicy> waves_of(const char* text) {
  return decode_policy({{"waves", json::parse(text)}}).value().waves;
}

std::vector<std::int64_t> sizes(const std::vector<WavePolicy>& waves, std::int64_t devices) {
  std::vector<Candidate> fleet;
  for (std::int64_t i = 0; i < devices; ++i) fleet.push_back({"device-" + std::to_string(i), "fp32"});
  std::vector<std::int64_t> sizes(waves.size(), 0);
  for (const auto& place : plan_waves(7, fleet, cumulative_shares(waves, devices)))
    ++sizes[static_cast<std::size_t>(place.wave)];
  return sizes;
}

TEST(WavePolicy, IsWrittenBackAsItWasWritten) {
  const auto text = R"([{"devices":5},{"per_mille":7.0},{"share":0.1},{"per_mille":1000.0}])";
  EXPECT_EQ(encode_waves(waves_of(text)).dump(), text);
}

TEST(WavePolicy, OneInAThousandOrACountIsACanary) {
  EXPECT_EQ(sizes(waves_of(R"([{"per_mille": 1}, {"share": 1}])"), 10'000), (std::vector<std::int64_t>{10, 9990}));
  EXPECT_EQ(sizes(waves_of(R"([{"share": 0.001}, {"share": 1}])"), 10'000), (std::vector<std::int64_t>{10, 9990}));
  EXPECT_EQ(sizes(waves_of(R"([{"devices": 5}, {"share": 1}])"), 10'000), (std::vector<std::int64_t>{5, 9995}));
}

TEST(WavePolicy, CountsAreMetExactlyWhateverTheFleet) {
  const auto waves = waves_of(R"([{"devices": 3}, {"devices": 7}, {"share": 1}])");
  for (std::int64_t devices = 7; devices < 400; ++devices)
    ASSERT_EQ(sizes(waves, devices), (std::vector<std::int64_t>{3, 4, devices - 7})) << devices;
}

TEST(WavePolicy, ACountBeyondTheFleetIsAllOfIt) {
  EXPECT_EQ(sizes(waves_of(R"([{"devices": 5}, {"share": 1}])"), 3), (std::vector<std::int64_t>{3, 0}));
}

// Which of the two is more is known when the devices are.
TEST(WavePolicy, AShareUnderTheCountBeforeItAddsNobody) {
  EXPECT_EQ(sizes(waves_of(R"([{"devices": 50}, {"share": 0.25}, {"share": 1}])"), 100),
            (std::vector<std::int64_t>{50, 0, 50}));
  EXPECT_EQ(sizes(waves_of(R"([{"devices": 50}, {"share": 0.25}, {"share": 1}])"), 400),
            (std::vector<std::int64_t>{50, 50, 300}));
}

}  // namespace
}  // namespace argosy::server
