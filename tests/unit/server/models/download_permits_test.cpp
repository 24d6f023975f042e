#include "server/models/download_permits.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "tests/support/run_task.hpp"

namespace argosy::server {
namespace {

using namespace std::chrono_literals;
using Answer = NamedBlobs::Answer;

const Instant now = instant_from_ms(1'700'000'000'000);

wire::Desired document(std::vector<std::string> artifacts) {
  wire::Desired desired;
  desired.device = "cam-7";
  for (std::string& artifact : artifacts) {
    wire::DesiredModel model;
    model.artifact.digest = artifact;
    model.patches = {{"base", "bsdiff", {"patch of " + artifact, 1}, std::nullopt}};
    model.validation.dataset = wire::BlobRef{"data of " + artifact, 1};
    desired.models.push_back(std::move(model));
  }
  return desired;
}

class DownloadPermitsTest : public ::testing::Test {
 protected:
  boost::asio::io_context io;
  wire::Desired desired = document({"a"});
  int looks = 0;
  DownloadPermits permits{[this](DeviceId device) { return look(std::move(device)); }};

  Task<Result<wire::Desired>> look(DeviceId) {
    ++looks;
    co_return desired;
  }
  Result<std::shared_ptr<const void>> admit(const std::string& digest, Duration later = 0s) {
    return test::run_task(io, permits.admit(DeviceId{"cam-7"}, digest, now + later));
  }
};

TEST_F(DownloadPermitsTest, OnlyWhatTheDocumentNamesIsGiven) {
  for (const char* named : {"a", "patch of a", "data of a"}) EXPECT_TRUE(admit(named)) << named;
  EXPECT_EQ(looks, 1) << "the ranges of a download ask nobody";
  EXPECT_EQ(admit("b").error().code, Errc::not_found);
  EXPECT_EQ(admit("base").error().code, Errc::not_found) << "which the device has already";
  EXPECT_EQ(looks, 3);
}

TEST_F(DownloadPermitsTest, WhatANewDocumentNamesIsGivenAtOnceAndTheOldForAWhile) {
  ASSERT_TRUE(admit("a"));
  desired = document({"b"});
  EXPECT_TRUE(admit("b", 1s));
  EXPECT_TRUE(admit("a", 29min));
  EXPECT_EQ(admit("a", 31min).error().code, Errc::not_found);
  desired = document({});
  EXPECT_TRUE(admit("b", 40min));
  EXPECT_EQ(admit("b", 80min).error().code, Errc::not_found);
}

TEST_F(DownloadPermitsTest, GuessingIsSlowAndDoesNotTroubleADownload) {
  ASSERT_TRUE(admit("a"));
  int refused = 0;
  while (admit("guess " + std::to_string(refused)).error().code == Errc::not_found) ++refused;
  EXPECT_EQ(refused, 9);
  EXPECT_EQ(looks, 10);
  EXPECT_EQ(admit("guess").error().code, Errc::rate_limited);
  EXPECT_TRUE(admit("a", 59s));
  EXPECT_EQ(looks, 10);
}

TEST_F(DownloadPermitsTest, ThreeDownloadsAtOnceAndNoMore) {
  std::vector<std::shared_ptr<const void>> held;
  for (int i = 0; i < 3; ++i) held.push_back(admit("a").value());
  EXPECT_EQ(admit("a").error().code, Errc::rate_limited);
  held.pop_back();
  EXPECT_TRUE(admit("a"));
}

TEST_F(DownloadPermitsTest, WhatIsRefusedHoldsNoPlace) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(admit("b").error().code, Errc::not_found);
  EXPECT_TRUE(admit("a"));
}

TEST_F(DownloadPermitsTest, AnErrorIsNotAnAnswer) {
  DownloadPermits broken{
      [](DeviceId) -> Task<Result<wire::Desired>> { co_return make_error(Errc::unavailable, "the database is away"); }};
  EXPECT_EQ(test::run_task(io, broken.admit(DeviceId{"cam-7"}, "a", now)).error().code, Errc::unavailable);
}

}  // namespace
}  // namespace argosy::server
