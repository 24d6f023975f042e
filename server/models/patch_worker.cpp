#include "server/models/patch_worker.hpp"

#include <atomic>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/base/encoding.hpp"
#include "common/delta/patch_make.hpp"
#include "server/db/db_pool.hpp"
#include "server/models/blob_service.hpp"
#include "server/models/patch_store.hpp"
#include "server/work/worker_pool.hpp"

namespace argosy::server {

namespace asio = boost::asio;

namespace {

using SteadyClock = std::chrono::steady_clock;

// By which the I/O thread has the encoder end early; it knows why.
struct StopRequest {
  std::atomic<bool> given_up = false;  // the pair is no longer ours
  std::atomic<bool> shutting_down = false;
  std::atomic<bool> out_of_time = false;  // the encoder's own
  bool is_made() const { return given_up || shutting_down || out_of_time; }
};

struct Encode {
  MakeRequest request;
  std::chrono::milliseconds time_limit;
  std::shared_ptr<StopRequest> stop_request;

  Result<MakeReport> operator()(std::stop_token pool_ends) const {
    const auto deadline = SteadyClock::now() + time_limit;
    return make_patch(request, [&](std::uint64_t, std::uint64_t) {
      if (SteadyClock::now() > deadline) stop_request->out_of_time = true;
      return !pool_ends.stop_requested() && !stop_request->is_made();
    });
  }
};

Task<void> sleep(asio::steady_timer& timer, std::chrono::milliseconds duration) {
  timer.expires_after(duration);
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

PatchRow row_of(const PatchPair& pair, PatchState state, std::string reason) {
  PatchRow row;
  row.from_digest = pair.from_digest;
  row.to_digest = pair.to_digest;
  row.state = state;
  row.reason = std::move(reason);
  return row;
}

PatchRow outcome_row(const PatchPair& pair, const MakeReport& report) {
  PatchRow row = row_of(pair, report.codec ? PatchState::ready : PatchState::declined, report.declined);
  double seconds = 0;
  for (const PatchTrial& trial : report.trials) {
    row.trials.push_back({std::string(name_of(trial.codec)), trial.bytes, trial.seconds, trial.failure});
    seconds += trial.seconds;
    if (trial.failure.empty() && (!row.size || trial.bytes < *row.size)) row.size = trial.bytes;
  }
  row.encode_ms = static_cast<std::int64_t>(seconds * 1000);
  if (report.codec) {
    row.codec = name_of(*report.codec);
    row.digest = report.patch.digest.to_hex();
    row.size = report.patch.size_bytes;
  }
  return row;
}

std::string in_mb(std::uint64_t bytes) {
  return std::to_string((bytes + 999'999) / 1'000'000) + " MB";
}

// Of the service's own state, not of the pair: it is given back and tried again.
bool is_passing(Errc code) {
  return code == Errc::cancelled || code == Errc::unavailable || code == Errc::timeout;
}

std::uint64_t seed_of_jitter() {
  std::uint64_t seed = 0;
  for (const std::uint8_t byte : secure_random(8)) seed = seed << 8 | byte;
  return seed;
}

}  // namespace

// One encoding under way: the outcome, and the timer that its end interrupts.
struct PatchWorker::Encoding {
  Encoding(const asio::any_io_executor& io, std::chrono::milliseconds limit) : timer(io), time_limit(limit) {}
  asio::steady_timer timer;
  std::chrono::milliseconds time_limit;
  std::shared_ptr<StopRequest> stop_request = std::make_shared<StopRequest>();
  std::optional<Result<MakeReport>> outcome;
};

PatchWorker::PatchWorker(DbPool& db, BlobService& blobs, WorkerPool& pool, const PatchOptions& options)
    : db_(db), blobs_(blobs), pool_(pool), options_(options), jitter_(seed_of_jitter()) {}

void PatchWorker::start(asio::any_io_executor io, std::size_t makers) {
  for (std::size_t maker = 0; maker < makers; ++maker) {
    makers_.push_back(std::make_unique<Loop>(
        io, LoopOptions{.name = "making patches", .interval = options_.poll_interval, .observe = options_.observe},
        [this, maker](Instant) { return make_one(maker); }));
  }
}

Task<Result<void>> PatchWorker::make_one(std::size_t maker) {
  ARGOSY_CO_TRY(const auto round, co_await db_.transact<ClaimPatch>(options_.claim_lease, options_.limits.max_attempts,
                                                                    to_hex(secure_random(16))));
  co_await remove_files_of(round.abandoned);
  if (!round.claim) co_return Result<void>{};
  if (stopped_) {
    co_await db_.transact<GiveBackPatch>(*round.claim);
    co_return Result<void>{};
  }
  const bool settled = co_await make(*round.claim);
  if (settled) makers_[maker]->wake();
  co_return Result<void>{};
}

// Should one of them be alive after all, only stuck, it finds its file gone and the pair no longer its own.
Task<void> PatchWorker::remove_files_of(std::vector<std::string> claims) {
  for (std::string& claim : claims) {
    co_await blobs_.remove_temporary(std::move(claim));
  }
}

void PatchWorker::wake() {
  for (const auto& maker : makers_) maker->wake();
}

void PatchWorker::check_claims() {
  for (const auto& encoding : encodings_) encoding->timer.cancel();
}

Task<void> PatchWorker::stop() {
  stopped_ = true;
  for (const auto& encoding : encodings_) encoding->stop_request->shutting_down = true;
  for (const auto& maker : makers_) maker->request_stop();
  for (const auto& maker : makers_) {
    co_await maker->stop();
  }
}

// Whether the pair is settled; else it was given back, and there is no hurry to try it again.
Task<bool> PatchWorker::make(PatchClaim claim) {
  auto row = co_await try_make(claim);
  if (!row && row.error().code == Errc::conflict) {
    ++counters_.given_up;
    co_return true;
  }
  if (!row && is_passing(row.error().code)) {
    co_await db_.transact<GiveBackPatch>(std::move(claim));
    co_return false;
  }
  if (!row)
    row = row_of(claim.pair, PatchState::failed, std::string(slug(row.error().code)) + ": " + row.error().message);
  co_await finish(std::move(claim), std::move(*row));
  co_return true;
}

Task<void> PatchWorker::finish(PatchClaim claim, PatchRow row) {
  count(row.state);
  const auto rest = row.state == PatchState::failed
                        ? rest_after_failure(claim.attempts, options_.limits.max_attempts, jitter_)
                        : std::nullopt;
  // When even this fails, the claim runs out and the pair is taken again.
  co_await db_.transact<FinishPatch>(std::move(claim), std::move(row), rest);
}

void PatchWorker::count(PatchState outcome) {
  if (outcome == PatchState::ready) ++counters_.ready;
  if (outcome == PatchState::declined) ++counters_.declined;
  if (outcome == PatchState::failed) ++counters_.failed;
}

Task<Result<PatchRow>> PatchWorker::try_make(PatchClaim claim) {
  ARGOSY_CO_TRY(const auto old_blob, co_await blobs_.find(Digest::parse(claim.pair.from_digest).value()));
  ARGOSY_CO_TRY(const auto new_blob, co_await blobs_.find(Digest::parse(claim.pair.to_digest).value()));
  const std::uint64_t larger = std::max(old_blob.size, new_blob.size);
  if (larger > options_.limits.max_file_bytes)
    co_return row_of(claim.pair, PatchState::declined,
                     "a file of " + in_mb(larger) + " is over the limit of " + in_mb(options_.limits.max_file_bytes) +
                         " (patches.max_file_mb)");

  MakeRequest request;
  request.old_path = old_blob.path;
  request.new_path = new_blob.path;
  request.patch_path = blobs_.temporary_path(claim.name);
  request.limits.max_memory_bytes = options_.limits.max_memory_bytes;
  const std::filesystem::path patch_path = request.patch_path;
  const auto time_limit = longest_encoding(old_blob.size + new_blob.size, options_.limits);
  ARGOSY_CO_TRY(const auto report, co_await encode_with_claim(claim, std::move(request), time_limit));
  if (report.codec) {
    ARGOSY_CO_CHECK(co_await blobs_.adopt(patch_path, report.patch));
  }
  co_return outcome_row(claim.pair, report);
}

// Renews the claim as long as the encoder works, so that no other instance takes the pair over. Errc::conflict: the
// pair is not this claim's any more.
Task<Result<MakeReport>> PatchWorker::encode_with_claim(PatchClaim claim, MakeRequest request,
                                                        std::chrono::milliseconds time_limit) {
  const asio::any_io_executor io = co_await asio::this_coro::executor;
  auto encoding = std::make_shared<Encoding>(io, time_limit);
  encoding->stop_request->shutting_down = stopped_;  // it may have come while the files were looked up
  const auto listed = encodings_.insert(encodings_.end(), encoding);
  asio::co_spawn(io, encode(pool_, std::move(request), encoding), asio::detached);
  while (!encoding->outcome) {
    co_await sleep(encoding->timer, options_.claim_renewal);
    if (encoding->outcome) break;
    const auto still_ours = co_await db_.transact<RenewPatchClaim>(claim);
    if (still_ours && !*still_ours) encoding->stop_request->given_up = true;
  }
  encodings_.erase(listed);
  const bool stopped_early = !*encoding->outcome && encoding->outcome->error().code == Errc::cancelled;
  if (stopped_early && encoding->stop_request->given_up)
    co_return make_error(Errc::conflict, "the pair was taken away");
  if (stopped_early && encoding->stop_request->out_of_time)
    co_return make_error(Errc::too_large, "it was not done after " + std::to_string(time_limit.count()) +
                                              " ms, the limit for files of this size (patches.seconds_per_mb)");
  co_return std::move(*encoding->outcome);
}

Task<void> PatchWorker::encode(WorkerPool& pool, MakeRequest request, std::shared_ptr<Encoding> encoding) {
  encoding->outcome = co_await pool.run<Encode>(std::move(request), encoding->time_limit, encoding->stop_request);
  encoding->timer.cancel();
}

}  // namespace argosy::server
