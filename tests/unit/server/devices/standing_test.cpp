#include "server/devices/standing.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

using namespace std::chrono_literals;

const Standings::Time begun_at{1h};

Standing standing(std::uint8_t first, std::int64_t rev = 1) {
  Standing made;
  made.certificate.bytes[0] = first;
  made.desired_rev = rev;
  return made;
}

class StandingsTest : public ::testing::Test {
 protected:
  Standings standings{{.limit = 2, .trust = 1s}};
  void SetUp() override { standings.complete_until(begun_at); }
  void learn(const std::string& device, std::int64_t rev = 1) {
    standings.begin_reading(device);
    standings.end_reading(device, standing(1, rev));
  }
};

TEST_F(StandingsTest, KnowsWhatWasRead) {
  EXPECT_FALSE(standings.find("cam-1", begun_at));
  learn("cam-1", 7);
  ASSERT_TRUE(standings.find("cam-1", begun_at));
  EXPECT_EQ(standings.find("cam-1", begun_at)->desired_rev, 7);
}

TEST_F(StandingsTest, IsSureForASecondAfterTheLastProof) {
  learn("cam-1");
  EXPECT_TRUE(standings.find("cam-1", begun_at + 1s));
  EXPECT_FALSE(standings.find("cam-1", begun_at + 1001ms));
  standings.complete_until(begun_at + 1s);
  EXPECT_TRUE(standings.find("cam-1", begun_at + 2s));
}

TEST_F(StandingsTest, NewsOfADeviceAreOfThatDeviceAlone) {
  learn("cam-1");
  learn("cam-2");
  standings.forget("cam-1");
  EXPECT_FALSE(standings.find("cam-1", begun_at));
  EXPECT_TRUE(standings.find("cam-2", begun_at));
  standings.forget_all();
  EXPECT_FALSE(standings.find("cam-2", begun_at));
}

TEST_F(StandingsTest, WhatChangesWhileItIsReadIsNotKept) {
  standings.begin_reading("cam-1");
  standings.forget("cam-1");
  standings.begin_reading("cam-1");
  standings.end_reading("cam-1", standing(1));
  standings.end_reading("cam-1", standing(2));
  EXPECT_FALSE(standings.find("cam-1", begun_at));
  standings.begin_reading("cam-1");
  standings.forget_all();
  standings.end_reading("cam-1", standing(1));
  EXPECT_FALSE(standings.find("cam-1", begun_at));
  learn("cam-1");
  EXPECT_TRUE(standings.find("cam-1", begun_at));
}

TEST_F(StandingsTest, HoldsNoMoreThanItsLimit) {
  for (int device = 0; device < 10; ++device) learn("cam-" + std::to_string(device));
  EXPECT_EQ(standings.size(), 2U);
  EXPECT_TRUE(standings.find("cam-9", begun_at));
  standings.begin_reading("nobody");
  standings.end_reading("nobody", std::nullopt);
  EXPECT_FALSE(standings.find("nobody", begun_at));
}

}  // namespace
}  // namespace argosy::server
