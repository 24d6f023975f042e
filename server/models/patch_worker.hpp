// Makes patches: claims a pair in the database, renews the claim while the encoder works, and writes what came of it.
// A claim that is no longer renewed is taken over by another instance; a pair that is cancelled or taken over is given
// up. Coroutines on the I/O thread; encoding runs on the worker pool. Owned by the patch service.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "common/base/random.hpp"
#include "server/base/loop.hpp"
#include "server/base/task.hpp"
#include "server/models/patch_service.hpp"

namespace argosy {
struct MakeReport;
struct MakeRequest;
}  // namespace argosy

namespace argosy::server {

struct PatchClaim;

class PatchWorker {
 public:
  PatchWorker(DbPool& db, BlobService& blobs, WorkerPool& pool, const PatchOptions& options);

  void start(boost::asio::any_io_executor io, std::size_t makers);
  void wake();          // there may be something to make
  void check_claims();  // one of them may have been cancelled
  Task<void> stop();    // gives back what is being made, and waits for that
  PatchCounters counters() const { return counters_; }

 private:
  struct Encoding;
  static Task<void> encode(WorkerPool& pool, MakeRequest request, std::shared_ptr<Encoding> encoding);

  Task<Result<void>> make_one(std::size_t maker);
  Task<void> remove_files_of(std::vector<std::string> claims);
  Task<bool> make(PatchClaim claim);
  Task<Result<PatchRow>> try_make(PatchClaim claim);
  Task<Result<MakeReport>> encode_with_claim(PatchClaim claim, MakeRequest request,
                                             std::chrono::milliseconds time_limit);
  Task<void> finish(PatchClaim claim, PatchRow row);
  void count(PatchState outcome);

  DbPool& db_;
  BlobService& blobs_;
  WorkerPool& pool_;
  PatchOptions options_;
  std::vector<std::unique_ptr<Loop>> makers_;
  std::list<std::shared_ptr<Encoding>> encodings_;  // under way
  Rng jitter_;
  PatchCounters counters_;
  bool stopped_ = false;
};

}  // namespace argosy::server
