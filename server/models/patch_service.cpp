#include "server/models/patch_service.hpp"

#include "server/models/blob_service.hpp"
#include "server/models/patch_store.hpp"
#include "server/models/patch_worker.hpp"

namespace argosy::server {

namespace {

constexpr std::size_t max_pairs_at_once = 10'000;

class StoredPatchService final : public PatchService {
 public:
  StoredPatchService(DbPool& db, BlobService& blobs, WorkerPool& worker, const PatchOptions& options)
      : store_(db), blobs_(blobs), options_(options), maker_(store_, blobs, worker, options) {}

  Task<Result<std::vector<PatchRow>>> want(std::vector<PatchPair> pairs) override {
    if (pairs.empty()) co_return std::vector<PatchRow>{};
    if (pairs.size() > max_pairs_at_once)
      co_return make_error(Errc::too_large, std::to_string(pairs.size()) + " pairs at once; the limit is " +
                                                std::to_string(max_pairs_at_once));
    auto rows = co_await store_.want(std::move(pairs));
    maker_.wake();
    co_return rows;
  }

  Task<Result<std::vector<PatchMatrixRow>>> matrix(std::string model) override {
    return store_.matrix(std::move(model));
  }

  Task<Result<std::vector<PatchMatrixRow>>> ask(PatchRequest request, std::string actor) override {
    auto rows = co_await store_.ask(std::move(request), std::move(actor));
    maker_.wake();
    co_return rows;
  }

  Task<Result<std::vector<PatchMatrixRow>>> cancel(PatchCancellation which, std::string actor) override {
    auto rows = co_await store_.cancel(std::move(which), std::move(actor));
    maker_.check_claims();
    co_return rows;
  }

  Task<Result<void>> count_demand(Instant) override {
    auto counting = store_.count_demand({options_.drop_grace, false});
    ARGOSY_CO_TRY(const auto dropped, co_await std::move(counting));
    if (dropped > 0) maker_.check_claims();
    co_return Result<void>{};
  }

  Task<Result<void>> clear(Instant) override {
    auto counting = store_.count_demand({options_.drop_grace, true});
    ARGOSY_CO_CHECK(co_await std::move(counting));
    const auto dropped = co_await store_.drop_unused(options_.keep_unused, options_.clear_batch);
    if (!dropped) co_return dropped.error();
    ARGOSY_CO_TRY(const auto cleared, co_await blobs_.clear_unreferred(options_.keep_unreferred, options_.clear_batch));
    cleared_.patches += cleared.patches;
    cleared_.uploads += cleared.uploads;
    cleared_.strays += cleared.strays;
    cleared_.bytes += cleared.bytes;
    co_return Result<void>{};
  }

  void start(boost::asio::any_io_executor io, std::size_t makers) override { maker_.start(std::move(io), makers); }
  Task<void> stop() override { return maker_.stop(); }

  PatchCounters counters() const override {
    PatchCounters counters = maker_.counters();
    counters.cleared = cleared_;
    return counters;
  }

 private:
  PatchStore store_;
  BlobService& blobs_;
  PatchOptions options_;
  PatchWorker maker_;
  ClearedBlobs cleared_;
};

}  // namespace

std::unique_ptr<PatchService> create_patch_service(DbPool& db, BlobService& blobs, WorkerPool& worker,
                                                   PatchOptions options) {
  return std::make_unique<StoredPatchService>(db, blobs, worker, options);
}

}  // namespace argosy::server
