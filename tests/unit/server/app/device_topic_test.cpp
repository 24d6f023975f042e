#include "server/app/device_topic.hpp"

#include <string>

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

TEST(DeviceTopic, NamesTheDeviceAndTheKind) {
  const auto state = parse_up_topic("argosy/v1/cam-7/up/state");
  ASSERT_TRUE(state);
  EXPECT_EQ(state->device, "cam-7");
  EXPECT_EQ(state->kind, UpKind::state);
  EXPECT_EQ(parse_up_topic("argosy/v1/cam-7/up/telemetry")->kind, UpKind::telemetry);
  EXPECT_EQ(parse_up_topic("argosy/v1/cam-7/up/event")->kind, UpKind::event);
  EXPECT_TRUE(parse_up_topic("argosy/v1/" + std::string(64, 'a') + "/up/event"));
}

TEST(DeviceTopic, IsNothingElse) {
  for (const std::string topic : {"",
                                  "/",
                                  "argosy/v1/",
                                  "argosy/v1//up/state",
                                  "argosy/v1/cam-7/up/",
                                  "argosy/v1/cam-7/up/states",
                                  "argosy/v1/cam-7/up/state/",
                                  "argosy/v1/cam-7/up/state/more",
                                  "argosy/v1/cam-7/down/state",
                                  "argosy/v1/cam-7/x/up/state",
                                  "argosy/v1/cam-7/up/up/state",
                                  "argosy/v2/cam-7/up/state",
                                  "x/argosy/v1/cam-7/up/state",
                                  "argosy/v1/cam.7/up/state",
                                  "argosy/v1/cam 7/up/state",
                                  "argosy/v1/argosyd/up/state",
                                  "argosy/v1/cam-7/up",
                                  "argosy/v1/cam-7",
                                  "ARGOSY/v1/cam-7/up/state",
                                  "argosy/v1/c\xc3\xa4m/up/state"})
    EXPECT_FALSE(parse_up_topic(topic)) << topic;
  EXPECT_FALSE(parse_up_topic("argosy/v1/" + std::string(65, 'a') + "/up/event"));
  EXPECT_FALSE(parse_up_topic(std::string("argosy/v1/cam-7/up/state\0", 25)));
}

TEST(DeviceTopic, EachKindHasItsSize) {
  EXPECT_EQ(size_limit(UpKind::state), 256u << 10);
  EXPECT_EQ(size_limit(UpKind::telemetry), 1u << 20);
  EXPECT_EQ(size_limit(UpKind::event), 1u << 10);
}

}  // namespace
}  // namespace argosy::server
