// A blob on a server, a folder for it, and a fetcher to be told how to go about it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include "agent/link/blob_fetcher.hpp"
#include "agent/update/part_file.hpp"
#include "common/crypto/digest.hpp"
#include "tests/unit/agent/link/blob_server.hpp"

namespace argosy::agent::test {

inline std::string some_model() {
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
  boost::asio::io_context io;
  HttpsClient https{io.get_executor(), server.endpoint()};
  std::vector<std::uint64_t> progress;
  std::function<void(std::uint64_t bytes)> on_progress = [](std::uint64_t) {};
  Duration stall_limit{5000};
  DownloadGate* gate = nullptr;
  RedirectRules redirects;
  ProxyRules proxies;

  void SetUp() override { ASSERT_TRUE(https.set_trust(server.trust())); }

  std::optional<FetchFailure> fetch(const wire::BlobRef& what, const StopFlag& stop = make_stop_flag(),
                                    BlobKind kind = BlobKind::model) {
    const auto run_job = [this](std::function<void()> job) {
      boost::asio::post(io, std::move(job));
      return true;
    };
    BlobFetcher fetcher({io.get_executor(), &https, run_job, stall_limit, gate, redirects, proxies});
    std::optional<std::optional<FetchFailure>> outcome;
    fetcher.fetch(
        {kind, what, [&] { return PartFile::open(folder / "part", folder / "whole", what); }}, stop,
        [&](std::uint64_t bytes) {
          progress.push_back(bytes);
          on_progress(bytes);
        },
        [&](std::optional<FetchFailure> failure) { outcome = std::move(failure); });
    io.restart();
    io.run_for(std::chrono::seconds(20));
    EXPECT_TRUE(outcome) << "no outcome in time";
    return outcome.value_or(std::nullopt);
  }
  std::optional<FetchFailure> fetch() { return fetch(blob); }
  void expect_whole() { EXPECT_EQ(read_file(folder / "whole").value(), content); }
  std::uint64_t part_bytes() { return std::filesystem::file_size(folder / "part"); }
};

}  // namespace argosy::agent::test
