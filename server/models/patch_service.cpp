#include "server/models/patch_service.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/delta/patch_make.hpp"
#include "server/models/blob_service.hpp"
#include "server/models/patch_store.hpp"
#include "server/work/worker_pool.hpp"

namespace argosy::server {

namespace asio = boost::asio;

namespace {

constexpr std::size_t max_pairs_at_once = 10'000;

struct Encode {
  MakeRequest request;
  Result<MakeReport> operator()(std::stop_token stop) const {
    return make_patch(request, [&](std::uint64_t, std::uint64_t) { return !stop.stop_requested(); });
  }
};

// One encoding under way: the outcome, and the timer that its end interrupts.
struct Encoding {
  explicit Encoding(const asio::any_io_executor& io) : timer(io) {}
  asio::steady_timer timer;
  std::optional<Result<MakeReport>> outcome;
};

Task<void> encode(WorkerPool& worker, MakeRequest request, std::shared_ptr<Encoding> encoding) {
  auto working = worker.run(Encode{std::move(request)});
  encoding->outcome = co_await std::move(working);
  encoding->timer.cancel();
}

Task<void> wait(asio::steady_timer& timer, std::chrono::milliseconds duration) {
  timer.expires_after(duration);
  auto waiting = timer.async_wait(asio::as_tuple(asio::use_awaitable));
  co_await std::move(waiting);
}

PatchRow outcome_row(const PatchPair& pair, const MakeReport& report) {
  PatchRow row;
  row.from_digest = pair.from_digest;
  row.to_digest = pair.to_digest;
  row.state = report.codec ? PatchState::ready : PatchState::declined;
  row.reason = report.declined;
  for (const PatchTrial& trial : report.trials) {
    if (!trial.failure.empty() || (report.codec && trial.codec != *report.codec)) continue;
    if (!row.size || trial.bytes < *row.size) row.size = trial.bytes;
    row.encode_ms = row.encode_ms.value_or(0) + static_cast<std::int64_t>(trial.seconds * 1000);
  }
  if (report.codec) {
    row.codec = name_of(*report.codec);
    row.digest = report.patch.digest.to_hex();
    row.size = report.patch.size_bytes;
  }
  return row;
}

PatchRow failed_row(const PatchPair& pair, const Error& error) {
  PatchRow row;
  row.from_digest = pair.from_digest;
  row.to_digest = pair.to_digest;
  row.state = PatchState::failed;
  row.reason = std::string(slug(error.code)) + ": " + error.message;
  return row;
}

class StoredPatchService final : public PatchService {
 public:
  StoredPatchService(DbPool& db, BlobService& blobs, WorkerPool& worker, PatchOptions options)
      : store_(db), blobs_(blobs), worker_(worker), options_(options) {}

  Task<Result<std::vector<PatchRow>>> want(std::vector<PatchPair> pairs) override {
    if (pairs.empty()) co_return std::vector<PatchRow>{};
    if (pairs.size() > max_pairs_at_once)
      co_return make_error(Errc::too_large, std::to_string(pairs.size()) + " pairs at once; the limit is " +
                                                std::to_string(max_pairs_at_once));
    auto asking = store_.want(std::move(pairs), options_.retry_failed_after);
    auto rows = co_await std::move(asking);
    if (idle_) idle_->cancel();
    co_return rows;
  }

  Task<Result<std::vector<PatchMatrixRow>>> matrix(std::string model) override {
    return store_.matrix(std::move(model));
  }

  Task<void> run() override {
    idle_ = std::make_unique<asio::steady_timer>(co_await asio::this_coro::executor);
    while (!stopped_) {
      auto claiming = store_.claim(options_.claim_lease);
      const auto pair = co_await std::move(claiming);
      if (stopped_) break;
      if (pair && *pair) {
        auto making = make(**pair);
        co_await std::move(making);
      } else {
        auto waiting = wait(*idle_, options_.poll_interval);
        co_await std::move(waiting);
      }
    }
    idle_.reset();
  }

  void stop() override {
    stopped_ = true;
    if (idle_) idle_->cancel();
  }

 private:
  Task<void> make(PatchPair pair) {
    auto trying = try_make(pair);
    auto row = co_await std::move(trying);
    if (!row && is_passing(row.error().code)) {
      auto giving = store_.give_back(std::move(pair));
      co_await std::move(giving);
      auto resting = wait(*idle_, options_.poll_interval);
      co_await std::move(resting);
      co_return;
    }
    auto finishing = store_.finish(row ? std::move(*row) : failed_row(pair, row.error()));
    co_await std::move(finishing);  // when even this fails, the claim runs out and the pair is taken again
  }

  static bool is_passing(Errc code) {
    return code == Errc::cancelled || code == Errc::unavailable || code == Errc::timeout;
  }

  Task<Result<PatchRow>> try_make(PatchPair pair) {
    auto finding_old = blobs_.find(Digest::parse(pair.from_digest).value());
    const auto old_blob = co_await std::move(finding_old);
    if (!old_blob) co_return old_blob.error();
    auto finding_new = blobs_.find(Digest::parse(pair.to_digest).value());
    const auto new_blob = co_await std::move(finding_new);
    if (!new_blob) co_return new_blob.error();

    MakeRequest request;
    request.old_path = old_blob->path;
    request.new_path = new_blob->path;
    request.patch_path = blobs_.temporary_path();
    request.limits.max_memory_bytes = options_.max_memory_bytes;
    const std::filesystem::path patch_path = request.patch_path;
    auto encoding = encode_with_claim(pair, std::move(request));
    const auto report = co_await std::move(encoding);
    if (!report) co_return report.error();
    if (report->codec) {
      auto adopting = blobs_.adopt(patch_path, report->patch);
      auto adopted = co_await std::move(adopting);
      if (!adopted) co_return adopted.error();
    }
    co_return outcome_row(pair, *report);
  }

  // Renews the claim as long as the encoder works, so that no other instance takes the pair over.
  Task<Result<MakeReport>> encode_with_claim(PatchPair pair, MakeRequest request) {
    const asio::any_io_executor io = co_await asio::this_coro::executor;
    auto encoding = std::make_shared<Encoding>(io);
    asio::co_spawn(io, encode(worker_, std::move(request), encoding), asio::detached);
    while (!encoding->outcome) {
      auto waiting = wait(encoding->timer, options_.claim_renewal);
      co_await std::move(waiting);
      if (encoding->outcome) break;
      auto renewing = store_.renew(pair);
      co_await std::move(renewing);
    }
    co_return std::move(*encoding->outcome);
  }

  PatchStore store_;
  BlobService& blobs_;
  WorkerPool& worker_;
  PatchOptions options_;
  std::unique_ptr<asio::steady_timer> idle_;
  bool stopped_ = false;
};

}  // namespace

std::unique_ptr<PatchService> create_patch_service(DbPool& db, BlobService& blobs, WorkerPool& worker,
                                                   PatchOptions options) {
  return std::make_unique<StoredPatchService>(db, blobs, worker, options);
}

}  // namespace argosy::server
