// The patches that the fleet needs: who asks for which, what becomes of them, and the makers that make each pair once,
// biggest demand first. Every instance makes; the leader counts demand and clears away. Coroutines on the I/O thread;
// encoding runs on a worker pool of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/base/loop.hpp"
#include "server/base/task.hpp"
#include "server/models/blob.hpp"
#include "server/models/patch.hpp"
#include "server/models/patch_request.hpp"

namespace argosy::server {

class BlobService;
class DbPool;
class Metrics;
class PatchWorker;
class WorkerPool;

struct PatchOptions {
  std::chrono::milliseconds poll_interval{1000};  // how soon a pair that another instance wanted is seen
  std::chrono::milliseconds claim_lease{60'000};  // a claim not renewed for so long is taken over
  std::chrono::milliseconds claim_renewal{5000};  // and how soon a maker hears that its pair was cancelled
  PatchLimits limits;
  std::chrono::seconds drop_grace{60};      // a pair this young is not dropped for want of demand
  std::chrono::hours keep_unused{24 * 30};  // a patch whose old file no device has
  BlobGrace keep_unreferred;                // files that no pair and no release refers to
  std::size_t clear_batch = 100;
  LoopObserver observe{};
};

struct PatchCounters {
  std::uint64_t ready = 0;
  std::uint64_t declined = 0;
  std::uint64_t failed = 0;
  std::uint64_t given_up = 0;  // cancelled, or taken over, while this instance made them
  ClearedBlobs cleared;
};

class PatchService {
 public:
  PatchService(DbPool& db, BlobService& blobs, WorkerPool& worker, PatchOptions options = {});
  ~PatchService();

  // The present state of each pair, in the order asked; pairs seen for the first time become pending. A pair whose
  // files are not both stored here is declined.
  Task<Result<std::vector<PatchRow>>> want(std::vector<PatchPair> pairs);
  Task<Result<std::vector<PatchMatrixRow>>> matrix(std::string model);
  // By a person, ahead of any rollout: wanted for some days; pairs settled without a patch begin anew. Errc::not_found,
  // invalid_argument when two releases have nothing to patch. Answers the rows asked for.
  Task<Result<std::vector<PatchMatrixRow>>> ask(PatchRequest request, std::string actor);
  // Answers the rows cancelled; Errc::not_found, conflict when there is nothing to cancel.
  Task<Result<std::vector<PatchMatrixRow>>> cancel(PatchCancellation which, std::string actor);

  // The leader's: counts demand anew and drops pairs that nobody wants; now and then, clears away what nobody needs.
  Task<Result<void>> count_demand(Instant now);
  Task<Result<void>> clear(Instant now);

  // So many makers, each for a thread of the worker pool, from now to stop(). Once.
  void start(boost::asio::any_io_executor io, std::size_t makers);
  // What is being made is given back; resumes when that is done.
  Task<void> stop();
  PatchCounters counters() const;

 private:
  DbPool& db_;
  BlobService& blobs_;
  PatchOptions options_;
  std::unique_ptr<PatchWorker> maker_;
  ClearedBlobs cleared_;
};

void add_metrics(Metrics& metrics, const PatchService& patches);

}  // namespace argosy::server
