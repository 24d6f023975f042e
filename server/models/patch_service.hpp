// Makes the patches that the fleet needs, each pair once, biggest demand first. Every instance works: a pair is claimed
// in the database, the claim is renewed while the work goes on, and a claim that is no longer renewed is taken over.
// Coroutines on the I/O thread; encoding runs on a worker pool of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "server/http/router.hpp"
#include "server/models/patch.hpp"

namespace argosy::server {

class BlobService;
class DbPool;
class WorkerPool;

struct PatchOptions {
  std::chrono::milliseconds poll_interval{1000};  // how soon a pair that another instance wanted is seen
  std::chrono::milliseconds claim_lease{60'000};  // a claim not renewed for so long is taken over
  std::chrono::milliseconds claim_renewal{15'000};
  std::chrono::minutes retry_failed_after{10};
  std::uint64_t max_memory_bytes = 1ULL << 30;  // of the encoder; pairs that need more get no bsdiff
};

class PatchService {
 public:
  virtual ~PatchService() = default;

  // The present state of each pair, in the order asked; pairs seen for the first time become pending. A pair whose
  // files are not both stored here is declined.
  virtual Task<Result<std::vector<PatchRow>>> want(std::vector<PatchPair> pairs) = 0;
  virtual Task<Result<std::vector<PatchMatrixRow>>> matrix(std::string model) = 0;

  // The worker's loop, for co_spawn; ends some time after stop().
  virtual Task<void> run() = 0;
  virtual void stop() = 0;
};

std::unique_ptr<PatchService> create_patch_service(DbPool& db, BlobService& blobs, WorkerPool& worker,
                                                   PatchOptions options = {});

}  // namespace argosy::server
