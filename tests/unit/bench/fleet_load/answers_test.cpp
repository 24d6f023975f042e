#include "tests/bench/fleet_load/answers.hpp"

#include <gtest/gtest.h>

namespace argosy::fleet_load {
namespace {

TEST(Answers, APlainAckIsReadAsTheWireHasIt) {
  for (const std::uint64_t seq : {std::uint64_t{0}, std::uint64_t{812}, std::uint64_t{1} << 52}) {
    const wire::TelemetryAck ack{"0123456789abcdef", seq, 0xFEDCBA9876543210 + seq, {}};
    const auto plain = read_plain_ack(wire::encode(ack));
    ASSERT_TRUE(plain);
    EXPECT_EQ(*plain, ack);
  }
}

TEST(Answers, AllElseIsLeftToTheReaderOfJson) {
  const wire::TelemetryAck bare{"0123456789abcdef", 8, {}, {}};
  const wire::TelemetryAck renewing{"0123456789abcdef", 8, 1, wire::ChainPoint{9, 2}};
  EXPECT_FALSE(read_plain_ack(wire::encode(bare)));
  EXPECT_FALSE(read_plain_ack(wire::encode(renewing)));
  EXPECT_FALSE(read_plain_ack(wire::encode(wire::TelemetryRefusal{"0123456789abcdef", "no"})));
  const std::string whole = wire::encode(wire::TelemetryAck{"0123456789abcdef", 8, 1, {}});
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(read_plain_ack(whole.substr(0, size))) << size;
  EXPECT_FALSE(read_plain_ack(whole + " "));
}

TEST(Answers, TopicsNameDevices) {
  const auto ack = parse_down_topic("argosy/v1/cam-0000012/down/ack", "cam-");
  ASSERT_TRUE(ack);
  EXPECT_EQ(ack->device, 11U);
  EXPECT_EQ(ack->kind, DownKind::ack);
  EXPECT_EQ(parse_down_topic("argosy/v1/cam-1/down/desired", "cam-")->kind, DownKind::desired);
  for (const char* other :
       {"", "argosy/v1/cam-/down/ack", "argosy/v1/cam-0/down/ack", "argosy/v1/dog-1/down/ack", "argosy/v1/cam-1/up/ack",
        "argosy/v1/cam-1/down/ack/x", "argosy/v1/cam-99999999999999999999/down/ack"})
    EXPECT_FALSE(parse_down_topic(other, "cam-")) << other;
}

TEST(Answers, ToDevicesWhoseNumbersBeginLater) {
  EXPECT_EQ(parse_down_topic("argosy/v1/cam-901/down/ack", "cam-", 901)->device, 0U);
  EXPECT_EQ(parse_down_topic("argosy/v1/cam-0912/down/ack", "cam-", 901)->device, 11U);
  EXPECT_FALSE(parse_down_topic("argosy/v1/cam-900/down/ack", "cam-", 901));
}

}  // namespace
}  // namespace argosy::fleet_load
