#include "server/access/audit_service.hpp"

#include <algorithm>
#include <cstdio>
#include <sstream>
#include <vector>

#include <spdlog/spdlog.h>

#include "common/base/file.hpp"
#include "server/access/audit_store.hpp"
#include "server/base/metrics.hpp"
#include "server/db/db_pool.hpp"
#include "server/work/worker_pool.hpp"

namespace argosy::server {
namespace {

constexpr std::size_t sealed_a_step = 500;
constexpr std::uint64_t largest_archive_file = 256ULL << 20;

// Named by the first row in it: written again after a crash in between, it takes its own place.
struct WriteArchive {
  std::filesystem::path folder;
  std::vector<SealedRow> rows;
  Result<void> operator()() const {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) return make_error(Errc::io, "the folder " + folder.string() + " cannot be made: " + error.message());
    std::string text;
    for (const SealedRow& row : rows) text += to_archive_line(row) + "\n";
    char name[40];
    std::snprintf(name, sizeof name, "audit-%012lld.jsonl", static_cast<long long>(rows.front().seal));
    return write_file_atomically(folder / name, text, 0600);
  }
};

Result<ChainHead> checked_end(const ChainHead& start, const std::vector<SealedRow>& rows) {
  ChainWalk walk(start);
  for (const SealedRow& row : rows) {
    if (const auto fault = walk.take(row)) return make_error(Errc::corrupt, fault->what);
  }
  return walk.head();
}

// As much of a hash as a number of Prometheus holds exactly.
double first_48_bits(const Digest& hash) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 6; ++i) bits = bits << 8 | hash.bytes[i];
  return static_cast<double>(bits);
}

}  // namespace

Task<Result<void>> AuditService::seal(Instant now) {
  for (std::size_t sealed = sealed_a_step; sealed == sealed_a_step;) {
    ARGOSY_CO_TRY(const auto outcome, co_await db_.transact<SealAudit>(sealed_a_step));
    sealed = outcome.sealed;
    if (sealed > 0) head_ = outcome.head;
  }
  if (head_.seal != noted_seal_ && now - noted_at_ >= options_.note_interval) {
    noted_seal_ = head_.seal;
    noted_at_ = now;
    spdlog::info("audit log sealed up to {}:{}", head_.seal, head_.hash.to_hex());
  }
  co_return Result<void>{};
}

Task<Result<void>> AuditService::archive() {
  if (options_.keep_days == 0) co_return Result<void>{};
  ARGOSY_CO_TRY(auto oldest,
                co_await db_.transact<ReadOldest>(wall_clock_now() - std::chrono::hours(24 * options_.keep_days)));
  if (oldest.rows.empty()) co_return Result<void>{};
  const auto end = checked_end(oldest.archived, oldest.rows);
  if (!end) co_return Error(end.error()).within("the audit log is not archived while its chain is broken");
  const std::size_t count = oldest.rows.size();
  ARGOSY_CO_CHECK(co_await worker_.run<WriteArchive>(options_.archive, std::move(oldest.rows)));
  ARGOSY_CO_CHECK(co_await db_.transact<DropArchived>(oldest.archived, *end));
  spdlog::info("{} rows of the audit log went to its archive, up to {}:{}", count, end->seal, end->hash.to_hex());
  co_return Result<void>{};
}

Task<Result<AuditPage>> AuditService::list(AuditQuery query) {
  co_return co_await db_.transact<ListAudit>(std::move(query));
}

Task<Result<ChainState>> AuditService::chain() {
  co_return co_await db_.transact<FindChain>();
}

Task<Result<AuditService::Walk>> AuditService::walk(std::int64_t after) {
  Walk walked;
  walked.reached.seal = after;
  for (std::size_t slice = 0; slice < options_.slices_a_call && !walked.complete && !walked.fault; ++slice) {
    ARGOSY_CO_TRY(const auto outcome, co_await db_.transact<WalkAudit>(walked.reached.seal, options_.slice));
    walked.rows += outcome.rows;
    walked.complete = outcome.complete;
    walked.fault = outcome.fault;
    walked.reached = outcome.reached;
  }
  co_return walked;
}

Task<Result<std::optional<ChainFault>>> AuditService::has(ChainHead noted) {
  co_return co_await db_.transact<HasSeal>(noted);
}

Result<ChainHead> walk_archive(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("audit-") && name.ends_with(".jsonl")) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  ChainWalk walk(genesis());
  for (const auto& file : files) {
    ARGOSY_TRY(const std::string text, read_file(file, largest_archive_file));
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      auto row = from_archive_line(line);
      if (!row) return std::move(row).error().within(file.string());
      if (const auto fault = walk.take(*row)) return make_error(Errc::corrupt, file.string() + ": " + fault->what);
    }
  }
  return walk.head();
}

void add_metrics(Metrics& metrics, const AuditService& audit) {
  metrics.sampled_gauge("argosy_audit_sealed", "The audit log's newest seal, on the instance that seals",
                        [&audit] { return audit.last_sealed().seal; });
  metrics.sampled_gauge("argosy_audit_head", "The first 48 bits of the hash of the newest seal, as a number",
                        [&audit] { return first_48_bits(audit.last_sealed().hash); });
}

}  // namespace argosy::server
