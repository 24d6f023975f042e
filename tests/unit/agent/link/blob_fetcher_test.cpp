#include "agent/link/blob_fetcher.hpp"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "agent/update/part_file.hpp"
#include "common/crypto/digest.hpp"
#include "tests/unit/agent/link/blob_server.hpp"

namespace argosy::agent {
namespace {

using test::BlobServer;
using test::TempFolder;
namespace asio = boost::asio;

std::string some_model() {
  std::string bytes;
  for (int i = 0; i < 300'000; ++i) bytes.push_back(static_cast<char>(i * 31 % 251));
  return bytes;
}

class Fetching : public ::testing::Test {
 protected:
  const std::string content = some_model();
  const wire::BlobRef blob{sha256(as_bytes(content)).to_hex(), content.size()};
  BlobServer server{content};
  TempFolder folder;
  asio::io_context io;
  HttpsClient https{io.get_executor(), server.endpoint()};
  std::vector<std::uint64_t> progress;
  Duration stall_limit{5000};

  void SetUp() override { ASSERT_TRUE(https.set_trust(server.trust())); }

  std::optional<FetchFailure> fetch(const wire::BlobRef& what, const StopFlag& stop = make_stop_flag()) {
    BlobFetcher fetcher({io.get_executor(), &https,
                         [this](std::function<void()> job) {
                           asio::post(io, std::move(job));
                           return true;
                         },
                         stall_limit});
    std::optional<std::optional<FetchFailure>> outcome;
    fetcher.fetch(
        {what, [&] { return PartFile::open(folder / "part", folder / "whole", what); }}, stop,
        [&](std::uint64_t bytes) { progress.push_back(bytes); },
        [&](std::optional<FetchFailure> failure) { outcome = std::move(failure); });
    io.restart();
    io.run_for(std::chrono::seconds(20));
    EXPECT_TRUE(outcome) << "no outcome in time";
    return outcome.value_or(std::nullopt);
  }
  std::optional<FetchFailure> fetch() { return fetch(blob); }
  void expect_whole() { EXPECT_EQ(read_file(folder / "whole").value(), content); }
};

TEST_F(Fetching, WholeBlob) {
  EXPECT_FALSE(fetch());
  expect_whole();
  EXPECT_EQ(progress.back(), blob.size);
  EXPECT_EQ(server.requests(), (std::vector<std::string>{"None|None|ok"}));
}

TEST_F(Fetching, CutOffDownloadIsResumedWhereItEnded) {
  server.behave("cut cut ok");
  EXPECT_TRUE(fetch()->passing);
  EXPECT_TRUE(fetch()->passing);
  EXPECT_FALSE(fetch());
  expect_whole();
  const std::string etag = "\"" + blob.digest + "\"";
  EXPECT_EQ(server.requests()[1], "bytes=150000-|" + etag + "|cut");
  EXPECT_EQ(server.requests()[2], "bytes=225000-|" + etag + "|ok");
}

TEST_F(Fetching, SilentServerIsLeftAndTheDownloadResumed) {
  stall_limit = Duration{300};
  server.behave("stall ok");
  const auto failure = fetch();
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->error.code, Errc::timeout);
  EXPECT_TRUE(failure->passing);
  EXPECT_FALSE(fetch());
  expect_whole();
}

TEST_F(Fetching, ServerWithoutRangesBeginsAfresh) {
  server.behave("cut no-range");
  EXPECT_TRUE(fetch());
  EXPECT_FALSE(fetch());
  expect_whole();
}

TEST_F(Fetching, WrongRangeIsNeverAppended) {
  server.behave("cut wrong-range ok");
  EXPECT_TRUE(fetch());
  EXPECT_TRUE(fetch()->passing);
  EXPECT_FALSE(fetch());
  expect_whole();
  EXPECT_EQ(server.requests()[2], "None|None|ok");
}

TEST_F(Fetching, RangeThatIsNotThereBeginsAfresh) {
  server.behave("cut 416 ok");
  EXPECT_TRUE(fetch());
  EXPECT_TRUE(fetch()->passing);
  EXPECT_FALSE(fetch());
  expect_whole();
}

TEST_F(Fetching, WrongBytesAreRefused) {
  server.behave("wrong-bytes");
  const auto failure = fetch();
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->error.code, Errc::digest_mismatch);
  EXPECT_FALSE(failure->passing);
  EXPECT_FALSE(std::filesystem::exists(folder / "whole"));
  EXPECT_FALSE(std::filesystem::exists(folder / "part"));
}

TEST_F(Fetching, AnotherSizeIsRefusedBeforeAByteIsWritten) {
  server.behave("longer");
  const auto failure = fetch();
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->error.code, Errc::digest_mismatch);
  EXPECT_EQ(std::filesystem::file_size(folder / "part"), 0u);
}

TEST_F(Fetching, MissingBlobIsFinal) {
  server.behave("404");
  const auto failure = fetch();
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->error.code, Errc::not_found);
  EXPECT_FALSE(failure->passing);
}

TEST_F(Fetching, BusyServerSaysWhenToComeAgain) {
  server.behave("503");
  const auto failure = fetch();
  ASSERT_TRUE(failure);
  EXPECT_TRUE(failure->passing);
  EXPECT_EQ(failure->retry_after, Duration{7000});
}

TEST_F(Fetching, StopEndsTheDownload) {
  const StopFlag stop = make_stop_flag();
  stop->store(true);
  const auto failure = fetch(blob, stop);
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->error.code, Errc::cancelled);
}

TEST_F(Fetching, BlobThatIsThereNeedsNoServer) {
  EXPECT_FALSE(fetch());
  EXPECT_FALSE(fetch());
  EXPECT_EQ(server.requests().size(), 1u);
}

}  // namespace
}  // namespace argosy::agent
