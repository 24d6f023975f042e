#include "agent/telemetry/awaited_labels.hpp"

#include <utility>

#include <sqlite3.h>

#include "agent/telemetry/sqlite.hpp"

namespace argosy::agent {

namespace fs = std::filesystem;

namespace {

// A power cut may cost the labels of a window.
constexpr const char* file_settings =
    "pragma journal_mode = wal; pragma synchronous = normal; pragma cache_size = -128; pragma temp_store = memory;"
    "pragma wal_autocheckpoint = 200; pragma journal_size_limit = 1048576;";
constexpr const char* file_schema =
    "create table if not exists awaited (id integer primary key, at_ms integer not null, model text not null, "
    "version text not null, predicted integer not null);"
    "create index if not exists awaited_at on awaited (at_ms);"
    "pragma user_version = 1;";

Result<void> insert(sqlite3* db, std::uint64_t id, const AwaitedLabel& prediction) {
  Statement insert(db,
                   "insert or ignore into awaited (id, at_ms, model, version, predicted) values (?1, ?2, ?3, ?4, ?5)");
  insert.bind(1, id).bind(2, static_cast<std::uint64_t>(to_ms(prediction.at)));
  insert.bind(3, prediction.model).bind(4, prediction.version);
  insert.bind(5, static_cast<std::uint64_t>(prediction.predicted));
  ARGOSY_CHECK(insert.row("cannot keep a prediction"));
  return {};
}

Result<void> forget_before(sqlite3* db, Instant oldest) {
  Statement old(db, "delete from awaited where at_ms < ?1");
  ARGOSY_CHECK(old.bind(1, static_cast<std::uint64_t>(to_ms(oldest))).row("cannot forget old predictions"));
  return {};
}

}  // namespace

void AwaitedLabels::CloseDb::operator()(sqlite3* db) const {
  sqlite3_close_v2(db);
}
AwaitedLabels::AwaitedLabels(fs::path file, std::unique_ptr<sqlite3, CloseDb> db, Limits limits)
    : file_(std::move(file)), db_(std::move(db)), limits_(limits) {}
AwaitedLabels::AwaitedLabels(AwaitedLabels&&) noexcept = default;
AwaitedLabels& AwaitedLabels::operator=(AwaitedLabels&&) noexcept = default;
AwaitedLabels::~AwaitedLabels() = default;

Result<AwaitedLabels> AwaitedLabels::open_database(const fs::path& file, Limits limits) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  std::unique_ptr<sqlite3, CloseDb> db(raw);
  if (code != SQLITE_OK) return database_error(raw, "cannot open " + file.string());
  sqlite3_busy_timeout(raw, 2000);
  ARGOSY_CHECK(execute(raw, file_settings));
  ARGOSY_CHECK(execute(raw, file_schema));
  return AwaitedLabels(file, std::move(db), limits);
}

Result<AwaitedLabels> AwaitedLabels::open(const fs::path& file, Limits limits) {
  auto labels = open_database(file, limits);
  if (labels || labels.error().code != Errc::corrupt) return labels;
  std::error_code ignored;
  for (const char* end : {"", "-wal", "-shm"}) fs::remove(file.string() + end, ignored);
  return open_database(file, limits);
}

AwaitedLabels AwaitedLabels::closed(const fs::path& file, Limits limits) {
  return {file, nullptr, limits};
}

Result<void> AwaitedLabels::reopen() {
  if (db_) return {};
  ARGOSY_TRY(AwaitedLabels opened, open(file_, limits_));
  db_ = std::move(opened.db_);
  return {};
}

void AwaitedLabels::shift(Duration by) {
  for (auto& [id, prediction] : unsaved_) prediction.at += by;
}

void AwaitedLabels::await(std::uint64_t id, AwaitedLabel prediction) {
  if (unsaved_.size() >= limits_.unsaved) {
    ++dropped_;
    return;
  }
  unsaved_.emplace(id, std::move(prediction));
}

Result<std::optional<AwaitedLabel>> AwaitedLabels::find(std::uint64_t id) {
  using Found = std::optional<AwaitedLabel>;
  const auto unsaved = unsaved_.find(id);
  if (unsaved != unsaved_.end()) return Found(unsaved->second);
  if (!db_ || taken_.contains(id)) return Found();
  Statement find(db_.get(), "select model, version, predicted, at_ms from awaited where id = ?1");
  ARGOSY_TRY(const bool is_known, find.bind(1, id).row("cannot look for a prediction"));
  if (!is_known) return Found();
  return Found({find.text(0), find.text(1), static_cast<std::int64_t>(find.integer(2)),
                instant_from_ms(static_cast<std::int64_t>(find.integer(3)))});
}

Result<std::optional<AwaitedLabel>> AwaitedLabels::take(std::uint64_t id) {
  ARGOSY_TRY(auto known, find(id));
  if (known && unsaved_.erase(id) == 0) taken_.insert(id);
  return known;
}

Result<void> AwaitedLabels::save(Instant now) {
  if (unsaved_.empty() && taken_.empty()) return {};
  ARGOSY_CHECK(reopen());
  ARGOSY_CHECK(Transaction::begin(db_.get()));
  Transaction transaction(db_.get());
  for (const std::uint64_t id : taken_) {
    Statement remove(db_.get(), "delete from awaited where id = ?1");
    ARGOSY_CHECK(remove.bind(1, id).row("cannot forget a prediction"));
  }
  for (const auto& [id, prediction] : unsaved_) ARGOSY_CHECK(insert(db_.get(), id, prediction));
  if (time_is_known_) ARGOSY_CHECK(forget_before(db_.get(), now - limits_.age));
  Statement many(db_.get(),
                 "delete from awaited where id in (select id from awaited order by at_ms desc limit -1 offset ?1)");
  ARGOSY_CHECK(many.bind(1, std::uint64_t{limits_.predictions}).row("cannot forget the oldest predictions"));
  ARGOSY_CHECK(transaction.commit());
  unsaved_.clear();
  taken_.clear();
  return {};
}

}  // namespace argosy::agent
