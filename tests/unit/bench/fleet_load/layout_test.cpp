#include "tests/bench/fleet_load/layout.hpp"

#include <gtest/gtest.h>

namespace argosy::fleet_load {
namespace {

Layout layout_of(std::size_t devices, std::size_t connections, std::size_t shared) {
  Options options;
  options.devices = devices;
  options.connections = connections;
  options.shared_connections = shared;
  options.digits = 3;
  return Layout(options);
}

std::vector<std::size_t> devices_of(const Layout& layout, std::size_t connection) {
  std::vector<std::size_t> found;
  layout.for_devices_of(connection, [&](std::size_t device) { found.push_back(device); });
  return found;
}

TEST(Layout, EachDeviceHasOneConnection) {
  for (const auto& layout : {layout_of(10, 4, 3), layout_of(10, 10, 3), layout_of(10, 0, 3), layout_of(5, 4, 8)}) {
    std::vector<std::size_t> times(layout.devices(), 0);
    for (std::size_t connection = 0; connection < layout.connections(); ++connection) {
      EXPECT_FALSE(devices_of(layout, connection).empty());
      for (const std::size_t device : devices_of(layout, connection)) {
        ++times[device];
        EXPECT_EQ(layout.connection_of(device), connection);
      }
    }
    EXPECT_EQ(times, std::vector<std::size_t>(layout.devices(), 1));
  }
}

TEST(Layout, TheOthersShareConnectionsOfUsersThatSpeakForAll) {
  const auto layout = layout_of(10, 4, 3);
  EXPECT_EQ(layout.connections(), 7U);
  EXPECT_EQ(devices_of(layout, 3), std::vector<std::size_t>{3});
  EXPECT_EQ(devices_of(layout, 4), (std::vector<std::size_t>{4, 7}));
  EXPECT_EQ(layout.user_of(3), "cam-004");
  EXPECT_EQ(layout.user_of(6), "fleet-load-3");
  EXPECT_EQ(layout.topics_of(4),
            (std::vector<std::string>{"argosy/v1/cam-005/down/ack", "argosy/v1/cam-008/down/ack"}));
  EXPECT_EQ(layout.topics_of(0),
            (std::vector<std::string>{"argosy/v1/cam-001/down/ack", "argosy/v1/cam-001/down/desired"}));
}

TEST(Layout, NumbersMayBeginLater) {
  Options options;
  options.devices = options.connections = 3;
  options.first = 99;
  options.digits = 4;
  const Layout layout(options);
  EXPECT_EQ(layout.user_of(0), "cam-0099");
  EXPECT_EQ(layout.name_of(2), "cam-0101");
}

}  // namespace
}  // namespace argosy::fleet_load
