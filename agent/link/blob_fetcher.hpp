// Downloads blobs over HTTPS: resumes with Range and If-Range, checks size before digest. Loop thread; what blocks
// (hashing a part again, syncing) goes to the job thread.
#pragma once

#include "agent/link/https_client.hpp"
#include "agent/update/blob_source.hpp"

namespace argosy::agent {

class BlobFetcher : public BlobSource {
 public:
  struct Ports {
    boost::asio::any_io_executor io;
    HttpsClient* https = nullptr;
    std::function<bool(std::function<void()>)> run_job;
    Duration stall_limit{30'000};  // without a byte
  };
  explicit BlobFetcher(Ports ports) : ports_(std::move(ports)) {}

  void fetch(FetchRequest request, StopFlag stop, std::function<void(std::uint64_t)> progress,
             std::function<void(std::optional<FetchFailure>)> done) override;

 private:
  Ports ports_;
};

}  // namespace argosy::agent
