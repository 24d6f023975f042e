#include "server/telemetry/allowance.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

const Instant now = instant_from_ms(1'790'000'000'000);

TEST(EpochAllowance, ThereIsRoomForAFew) {
  EXPECT_EQ(make_room_for_epoch({}, now).value(), std::nullopt);
  EXPECT_EQ(make_room_for_epoch({{"a", now}}, now).value(), std::nullopt);
}

TEST(EpochAllowance, TheOldestThatIsNotUsedAnyMoreMakesRoom) {
  const EpochAllowance two{.epochs = 2};
  EXPECT_EQ(make_room_for_epoch({{"a", now - 24h * 20}, {"b", now - 24h * 30}}, now, two).value(), "b");
}

TEST(EpochAllowance, OnesInUseAreNotForgotten) {
  const EpochAllowance two{.epochs = 2};
  const auto refused = make_room_for_epoch({{"a", now - 1h}, {"b", now - 24h * 13}}, now, two);
  EXPECT_EQ(refused.error().code, Errc::unprocessable);
}

wire::TelemetryBatch speaking_of(const std::string& device, std::vector<std::string> versions) {
  wire::TelemetryBatch batch;
  batch.device = device;
  std::uint64_t seq = 1;
  for (auto& version : versions) {
    wire::InferenceWindow window;
    window.model = "digits";
    window.version = std::move(version);
    batch.records.push_back({seq++, std::move(window)});
  }
  return batch;
}

TEST(PairAllowance, InventedVersionsFillTheDevicesOwnAllowance) {
  PairAllowance allowance({.pairs = 3});
  EXPECT_TRUE(allowance.check(speaking_of("a", {"1", "2", "1"}), now));
  EXPECT_TRUE(allowance.check(speaking_of("a", {"3"}), now));
  EXPECT_EQ(allowance.check(speaking_of("a", {"4"}), now).error().code, Errc::unprocessable);
  EXPECT_TRUE(allowance.check(speaking_of("a", {"1", "2", "3"}), now));
  EXPECT_TRUE(allowance.check(speaking_of("b", {"4"}), now));
}

TEST(PairAllowance, VersionsThatAreGoneMakeRoom) {
  PairAllowance allowance({.pairs = 2});
  EXPECT_TRUE(allowance.check(speaking_of("a", {"1", "2"}), now));
  EXPECT_FALSE(allowance.check(speaking_of("a", {"3"}), now + 23h));
  EXPECT_TRUE(allowance.check(speaking_of("a", {"3"}), now + 25h));
}

TEST(PairAllowance, KnowsNoMoreThanSoManyDevices) {
  PairAllowance allowance({.devices = 10});
  for (int i = 0; i < 1000; ++i) allowance.check(speaking_of("cam-" + std::to_string(i), {"1"}), now);
  EXPECT_EQ(allowance.devices(), 10u);
}

}  // namespace
}  // namespace argosy::server
