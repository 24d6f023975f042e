#include "server/models/patch_service.hpp"

#include "server/base/metrics.hpp"
#include "server/db/db_pool.hpp"
#include "server/models/blob_service.hpp"
#include "server/models/patch_store.hpp"
#include "server/models/patch_worker.hpp"

namespace argosy::server {

namespace {

constexpr std::size_t max_pairs_at_once = 10'000;

}  // namespace

PatchService::PatchService(DbPool& db, BlobService& blobs, WorkerPool& worker, PatchOptions options)
    : db_(db),
      blobs_(blobs),
      options_(std::move(options)),
      maker_(std::make_unique<PatchWorker>(db, blobs, worker, options_)) {}

PatchService::~PatchService() = default;

Task<Result<std::vector<PatchRow>>> PatchService::want(std::vector<PatchPair> pairs) {
  if (pairs.empty()) co_return std::vector<PatchRow>{};
  if (pairs.size() > max_pairs_at_once)
    co_return make_error(Errc::too_large, std::to_string(pairs.size()) + " pairs at once; the limit is " +
                                              std::to_string(max_pairs_at_once));
  auto rows = co_await db_.transact<WantPatches>(std::move(pairs));
  maker_->wake();
  co_return rows;
}

Task<Result<std::vector<PatchMatrixRow>>> PatchService::matrix(std::string model) {
  return db_.transact<ReadPatchMatrix>(std::move(model));
}

Task<Result<std::vector<PatchMatrixRow>>> PatchService::ask(PatchRequest request, std::string actor) {
  auto rows = co_await db_.transact<AskForPatches>(std::move(request), std::move(actor));
  maker_->wake();
  co_return rows;
}

Task<Result<std::vector<PatchMatrixRow>>> PatchService::cancel(PatchCancellation which, std::string actor) {
  auto rows = co_await db_.transact<CancelPatches>(std::move(which), std::move(actor));
  maker_->check_claims();
  co_return rows;
}

Task<Result<void>> PatchService::count_demand(Instant) {
  const DemandOptions unless_settled{.grace = options_.drop_grace, .all = false};
  ARGOSY_CO_TRY(const auto dropped, co_await db_.transact<CountPatchDemand>(unless_settled));
  if (dropped > 0) maker_->check_claims();
  co_return Result<void>{};
}

Task<Result<void>> PatchService::clear(Instant) {
  const DemandOptions of_all{.grace = options_.drop_grace, .all = true};
  ARGOSY_CO_CHECK(co_await db_.transact<CountPatchDemand>(of_all));
  ARGOSY_CO_CHECK(co_await db_.transact<DropUnusedPatches>(options_.keep_unused, options_.clear_batch));
  ARGOSY_CO_TRY(const auto cleared, co_await blobs_.clear_unreferred(options_.keep_unreferred, options_.clear_batch));
  cleared_.patches += cleared.patches;
  cleared_.uploads += cleared.uploads;
  cleared_.strays += cleared.strays;
  cleared_.bytes += cleared.bytes;
  co_return Result<void>{};
}

void PatchService::start(boost::asio::any_io_executor io, std::size_t makers) {
  maker_->start(std::move(io), makers);
}

Task<void> PatchService::stop() {
  return maker_->stop();
}

PatchCounters PatchService::counters() const {
  PatchCounters counters = maker_->counters();
  counters.cleared = cleared_;
  return counters;
}

void add_metrics(Metrics& metrics, const PatchService& patches) {
  metrics.sampled_counter("argosy_patches_ready_total", "Patches made",
                          [&patches] { return patches.counters().ready; });
  metrics.sampled_counter("argosy_patches_declined_total", "Pairs for which no patch is of use",
                          [&patches] { return patches.counters().declined; });
  metrics.sampled_counter("argosy_patches_failed_total", "Attempts to make a patch that failed",
                          [&patches] { return patches.counters().failed; });
  metrics.sampled_counter("argosy_patches_given_up_total", "Encodings ended because nobody wanted the patch any more",
                          [&patches] { return patches.counters().given_up; });
  metrics.sampled_counter("argosy_patches_cleared_total", "Patch files deleted because nothing needs them",
                          [&patches] { return patches.counters().cleared.patches; });
  metrics.sampled_counter("argosy_uploads_cleared_total",
                          "Uploaded files deleted because no release has named them for long",
                          [&patches] { return patches.counters().cleared.uploads; });
  metrics.sampled_counter("argosy_strays_cleared_total", "Files of the store deleted because no row belongs to them",
                          [&patches] { return patches.counters().cleared.strays; });
  metrics.sampled_counter("argosy_cleared_bytes_total", "Bytes of the cleared patches and uploads",
                          [&patches] { return patches.counters().cleared.bytes; });
}

}  // namespace argosy::server
