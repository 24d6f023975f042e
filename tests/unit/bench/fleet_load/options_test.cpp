#include "tests/bench/fleet_load/options.hpp"

#include <gtest/gtest.h>

namespace argosy::fleet_load {
namespace {

TEST(Options, DefaultsAndConnectionsForAll) {
  const auto options = parse_options({"--port", "1883", "--devices", "50"}).value();
  EXPECT_EQ(options.port, 1883);
  EXPECT_EQ(options.connections, 50U);
  EXPECT_EQ(options.interval_s, 0);
  EXPECT_EQ(options.shape.bins, 23U);
}

TEST(Options, ARateIsAnInterval) {
  const auto options = parse_options({"--port", "1", "--devices", "100", "--batch", "2", "--rate", "50"}).value();
  EXPECT_DOUBLE_EQ(options.interval_s, 4);
}

TEST(Options, ABatchFitsInAMessage) {
  EXPECT_EQ(parse_options({"--port", "1", "--batch", "300"}).value().most_records, 300U);
}

TEST(Options, AWrongOneIsNamedWithWhatItMayBe) {
  const std::pair<std::vector<std::string>, std::string> wrong[] = {
      {{}, "--port is missing"},
      {{"--port", "70000"}, "--port '70000' must be a whole number from 1 to 65535"},
      {{"--port", "1", "--devices", "2.5"}, "--devices '2.5' must be whole, a number from 1 to 10000000"},
      {{"--port", "1", "--seconds", "soon"}, "--seconds 'soon' must be a number from 0"},
      {{"--port", "1", "--garbage", "1.5"}, "--garbage '1.5' must be a number from 0 to 1"},
      {{"--port", "1", "--devices"}, "--devices lacks its value"},
      {{"--port", "1", "--device", "3"}, "'--device' is no option"},
      {{"--port", "1", "--devices", "5", "--connections", "6"}, "more than the 5 devices"},
      {{"--port", "1", "--rate", "5", "--interval", "6"}, "--rate and --interval"},
      {{"--port", "1", "--rate", "0"}, "--rate '0'"},
  };
  for (const auto& [arguments, message] : wrong) {
    const auto options = parse_options(arguments);
    ASSERT_FALSE(options) << message;
    EXPECT_EQ(options.error().code, Errc::invalid_argument);
    EXPECT_NE(options.error().message.find(message), std::string::npos) << options.error().message;
  }
}

TEST(Options, HelpNeedsNothingElse) {
  EXPECT_TRUE(parse_options({"--help"}).value().shows_help);
  EXPECT_NE(usage().find("--storm-every"), std::string::npos);
}

}  // namespace
}  // namespace argosy::fleet_load
