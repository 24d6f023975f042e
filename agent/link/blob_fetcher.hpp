// Downloads blobs over HTTPS, when and as fast as the device's owner allows: resumes with Range and If-Range, checks
// size before digest, goes on at another host where that is allowed. Loop thread; what blocks (hashing a part again,
// syncing) goes to the job thread.
#pragma once

#include <set>
#include <string>

#include "agent/link/https_client.hpp"
#include "agent/link/redirect.hpp"
#include "agent/link/throttle.hpp"
#include "agent/update/blob_source.hpp"
#include "agent/update/download_gate.hpp"

namespace argosy::agent {

// What the link reaches, by the downloads so far: the newest counts for a third.
class LinkRate {
 public:
  void add(std::uint64_t bytes, std::chrono::nanoseconds time);  // too few bytes tell nothing of a link
  std::optional<std::uint64_t> bytes_per_s() const;

 private:
  static constexpr std::uint64_t enough_bytes = 64 << 10;
  static constexpr double newest_weight = 1.0 / 3;
  std::optional<double> rate_;
};

using FilesInMaking = std::set<std::string>;  // by digest

class BlobFetcher : public BlobSource {
 public:
  struct Ports {
    boost::asio::any_io_executor io;
    HttpsClient* https = nullptr;
    std::function<bool(std::function<void()>)> run_job;
    Duration stall_limit{30'000};  // without a byte
    DownloadGate* gate = nullptr;  // null: whenever, as fast as it goes
    RedirectRules redirects = {};
    ProxyRules proxies = {};  // on the way to other hosts
  };
  explicit BlobFetcher(Ports ports);

  void fetch(FetchRequest request, StopFlag stop, std::function<void(std::uint64_t)> progress,
             std::function<void(std::optional<FetchFailure>)> done) override;
  std::optional<std::uint64_t> bytes_per_s() const { return rate_->bytes_per_s(); }

 private:
  Ports ports_;
  std::shared_ptr<FilesInMaking> in_making_ = std::make_shared<FilesInMaking>();
  std::shared_ptr<LinkRate> rate_ = std::make_shared<LinkRate>();
  std::shared_ptr<Throttle> throttle_;  // of all downloads together
};

}  // namespace argosy::agent
