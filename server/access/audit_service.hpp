// The audit log as something to rely on: rows sealed into a chain within a second or two, the chain walked on demand,
// and old rows moved to files that continue it. Coroutines on the I/O thread; SQL on the database threads, files on a
// worker. Sealing and archiving are for the leader; both are harmless when two do it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/instant.hpp"
#include "server/base/task.hpp"
#include "server/journal/audit_chain.hpp"

namespace argosy::server {

class DbPool;
class Metrics;
class WorkerPool;

struct AuditOptions {
  std::int64_t keep_days = 0;  // 0: for ever
  std::filesystem::path archive;
  std::size_t slice = 1000;        // rows a transaction
  std::size_t slices_a_call = 10;  // of walk()
  Duration note_interval{60'000};  // between lines of the log that tell the head
};

struct AuditEntry {
  std::int64_t id = 0;
  Instant at{};
  std::string actor;
  std::string action;
  std::string object;
  std::string address;
  std::string details_json;
};

struct AuditPage {
  std::vector<AuditEntry> items;  // newest first
  std::int64_t total = 0;
};

struct AuditQuery {
  std::int64_t before = 0;  // ids under this
  std::size_t limit = 50;
  std::optional<std::string> actor = {};
  std::optional<std::string> object = {};
};

struct ChainState {
  static constexpr std::int64_t unsealed_counted = 10'000;
  ChainHead head;
  ChainHead archived;            // the archive ends here
  std::int64_t unsealed = 0;     // rows that wait, at most unsealed_counted
  std::int64_t rows_before = 0;  // there was a chain
};

class AuditService {
 public:
  AuditService(DbPool& db, WorkerPool& worker, AuditOptions options)
      : db_(db), worker_(worker), options_(std::move(options)) {}

  Task<Result<AuditPage>> list(AuditQuery query);
  Task<Result<void>> seal(Instant now);  // about each second
  Task<Result<void>> archive();          // now and then; up to some thousand rows
  Task<Result<ChainState>> chain();

  struct Walk {
    ChainHead reached;
    std::size_t rows = 0;
    bool complete = false;
    std::optional<ChainFault> fault;
  };
  // From behind a seal (0: from where the archive ends), a bounded number of rows at a time: go on at `reached`.
  Task<Result<Walk>> walk(std::int64_t after);
  Task<Result<std::optional<ChainFault>>> has(ChainHead noted);

  ChainHead last_sealed() const { return head_; }

 private:
  DbPool& db_;
  WorkerPool& worker_;
  AuditOptions options_;
  ChainHead head_;
  std::int64_t noted_seal_ = 0;
  Instant noted_at_{};
};

// The files of an archive from its first row, as far as they go. Errc::corrupt names the row that does not fit.
// Blocking.
Result<ChainHead> walk_archive(const std::filesystem::path& folder);

void add_metrics(Metrics& metrics, const AuditService& audit);

}  // namespace argosy::server
