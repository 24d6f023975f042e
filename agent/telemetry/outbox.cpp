#include "agent/telemetry/outbox.hpp"

#include <utility>

#include <sqlite3.h>

#include "common/base/random.hpp"

namespace argosy::agent {

namespace fs = std::filesystem;

namespace {

// Small page cache: the agent's memory is worth more than the outbox's speed.
constexpr const char* settings =
    "pragma journal_mode = wal; pragma synchronous = full; pragma cache_size = -128; pragma temp_store = memory;"
    "pragma wal_autocheckpoint = 200; pragma journal_size_limit = 1048576;";
constexpr const char* schema =
    "create table if not exists meta (key text primary key, value text not null) without rowid;"
    "create table if not exists records (seq integer primary key, at_ms integer not null, content blob not null);"
    "pragma user_version = 1;";

Error database_error(sqlite3* db, std::string_view what) {
  const int code = sqlite3_errcode(db);
  const Errc kind = code == SQLITE_FULL                               ? Errc::out_of_space
                    : code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? Errc::corrupt
                                                                      : Errc::io;
  return make_error(kind, "outbox: " + std::string(what) + ": " + sqlite3_errmsg(db));
}

// A prepared statement for one use; binds by position, steps through rows.
class Statement {
 public:
  Statement(sqlite3* db, const char* sql) : db_(db) { sqlite3_prepare_v2(db, sql, -1, &statement_, nullptr); }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(int at, std::uint64_t value) {
    sqlite3_bind_int64(statement_, at, static_cast<sqlite3_int64>(value));
    return *this;
  }
  Statement& bind(int at, const std::string& value) {
    sqlite3_bind_text(statement_, at, value.data(), static_cast<int>(value.size()), SQLITE_TRANSIENT);
    return *this;
  }
  Statement& bind(int at, const Bytes& value) {
    sqlite3_bind_blob(statement_, at, value.data(), static_cast<int>(value.size()), SQLITE_STATIC);
    return *this;
  }
  Result<bool> row(std::string_view what) {  // whether there is another row
    if (statement_ == nullptr) return database_error(db_, what);
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return database_error(db_, what);
  }
  std::uint64_t integer(int column) const {
    return static_cast<std::uint64_t>(sqlite3_column_int64(statement_, column));
  }
  std::string text(int column) const {
    const auto* text = sqlite3_column_text(statement_, column);
    return text == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(text));
  }
  ByteView blob(int column) const {
    return {static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column)),
            static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }

 private:
  sqlite3* db_;
  sqlite3_stmt* statement_ = nullptr;
};

Result<void> execute(sqlite3* db, const char* sql) {
  if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return database_error(db, "cannot run a statement");
}

Result<void> put_meta(sqlite3* db, const char* key, const std::string& value) {
  Statement put(db, "insert or replace into meta (key, value) values (?1, ?2)");
  ARGOSY_CHECK(put.bind(1, std::string(key)).bind(2, value).row("cannot note a number"));
  return {};
}

Result<std::string> get_meta(sqlite3* db, const char* key) {
  Statement get(db, "select value from meta where key = ?1");
  ARGOSY_TRY(const bool found, get.bind(1, std::string(key)).row("cannot read a number"));
  return found ? get.text(0) : std::string();
}

// Rolls back unless committed.
class Transaction {
 public:
  static Result<void> begin(sqlite3* db) { return execute(db, "begin immediate"); }
  explicit Transaction(sqlite3* db) : db_(db) {}
  ~Transaction() {
    if (!done_) sqlite3_exec(db_, "rollback", nullptr, nullptr, nullptr);
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  Result<void> commit() {
    ARGOSY_CHECK(execute(db_, "commit"));
    done_ = true;
    return {};
  }

 private:
  sqlite3* db_;
  bool done_ = false;
};

}  // namespace

void Outbox::CloseDb::operator()(sqlite3* db) const {
  sqlite3_close_v2(db);
}
Outbox::Outbox(std::unique_ptr<sqlite3, CloseDb> db, Limits limits) : db_(std::move(db)), limits_(limits) {}
Outbox::Outbox(Outbox&&) noexcept = default;
Outbox& Outbox::operator=(Outbox&&) noexcept = default;
Outbox::~Outbox() = default;

Result<Outbox> Outbox::open_database(const fs::path& file, Limits limits) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  std::unique_ptr<sqlite3, CloseDb> db(raw);
  if (code != SQLITE_OK) return database_error(raw, "cannot open " + file.string());
  sqlite3_busy_timeout(raw, 2000);
  Outbox outbox(std::move(db), limits);
  ARGOSY_CHECK(outbox.prepare_schema());
  ARGOSY_CHECK(outbox.load());
  return outbox;
}

Result<Outbox> Outbox::open(const fs::path& file, Limits limits) {
  auto outbox = open_database(file, limits);
  if (outbox || outbox.error().code != Errc::corrupt) return outbox;
  std::error_code ignored;
  fs::rename(file, file.string() + ".corrupt", ignored);
  fs::remove(file.string() + "-wal", ignored);
  fs::remove(file.string() + "-shm", ignored);
  return open_database(file, limits);
}

Result<void> Outbox::prepare_schema() {
  ARGOSY_CHECK(execute(db_.get(), settings));
  {
    Statement version(db_.get(), "pragma user_version");
    ARGOSY_CHECK(version.row("cannot read the schema's version"));
    if (version.integer(0) > 1)
      return make_error(Errc::incompatible, "the outbox was written by a newer agent: install that agent again");
  }
  return execute(db_.get(), schema);
}

Result<void> Outbox::load() {
  ARGOSY_TRY(epoch_, get_meta(db_.get(), "epoch"));
  if (epoch_.empty()) ARGOSY_CHECK(begin_epoch());
  ARGOSY_TRY(const std::string next, get_meta(db_.get(), "next_seq"));
  next_seq_ = next.empty() ? 1 : std::stoull(next);
  ARGOSY_TRY(const std::string dropped, get_meta(db_.get(), "dropped"));
  dropped_ = dropped.empty() ? 0 : std::stoull(dropped);
  Statement sums(db_.get(), "select count(*), coalesce(sum(length(content)), 0), coalesce(max(seq), 0) from records");
  ARGOSY_CHECK(sums.row("cannot count the records"));
  records_ = sums.integer(0);
  bytes_ = sums.integer(1);
  next_seq_ = std::max(next_seq_, sums.integer(2) + 1);
  return {};
}

Result<void> Outbox::begin_epoch() {
  const std::string epoch = to_hex(secure_random(8));
  ARGOSY_CHECK(put_meta(db_.get(), "epoch", epoch));
  epoch_ = epoch;
  return {};
}

Result<std::uint64_t> Outbox::append(Content content, Instant now) {
  const wire::TelemetryRecord record{next_seq_, std::move(content)};
  const Bytes encoded = wire::encode_record(record);
  ARGOSY_CHECK(drop_oldest(now));
  ARGOSY_CHECK(Transaction::begin(db_.get()));
  Transaction transaction(db_.get());
  Statement insert(db_.get(), "insert into records (seq, at_ms, content) values (?1, ?2, ?3)");
  insert.bind(1, record.seq).bind(2, static_cast<std::uint64_t>(to_ms(now))).bind(3, encoded);
  ARGOSY_CHECK(insert.row("cannot append a record"));
  ARGOSY_CHECK(put_meta(db_.get(), "next_seq", std::to_string(next_seq_ + 1)));
  ARGOSY_CHECK(transaction.commit());
  ++next_seq_;
  ++records_;
  bytes_ += encoded.size();
  return record.seq;
}

// An eighth at a time, so that a full outbox does not delete at every append.
Result<void> Outbox::drop_oldest(Instant now) {
  Statement oldest(db_.get(), "select seq, at_ms from records order by seq limit 1");
  ARGOSY_TRY(const bool any, oldest.row("cannot find the oldest record"));
  if (!any) return {};
  const std::uint64_t before = records_;
  if (bytes_ >= limits_.max_bytes) ARGOSY_CHECK(remove_up_to(oldest.integer(0) + records_ / 8));
  const Instant at = instant_from_ms(static_cast<std::int64_t>(oldest.integer(1)));
  if (now - at > limits_.max_age) {
    Statement last(db_.get(), "select coalesce(max(seq), 0) from records where at_ms < ?1");
    last.bind(1, static_cast<std::uint64_t>(to_ms(now - limits_.max_age)));
    ARGOSY_CHECK(last.row("cannot find the oldest records"));
    ARGOSY_CHECK(remove_up_to(last.integer(0)));
  }
  if (records_ == before) return {};
  dropped_ += before - records_;
  return put_meta(db_.get(), "dropped", std::to_string(dropped_));
}

Result<void> Outbox::remove_up_to(std::uint64_t seq) {
  Statement sums(db_.get(), "select count(*), coalesce(sum(length(content)), 0) from records where seq <= ?1");
  ARGOSY_CHECK(sums.bind(1, seq).row("cannot count the records"));
  Statement remove(db_.get(), "delete from records where seq <= ?1");
  ARGOSY_CHECK(remove.bind(1, seq).row("cannot delete records"));
  records_ -= sums.integer(0);
  bytes_ -= sums.integer(1);
  return {};
}

Result<std::optional<wire::TelemetryBatch>> Outbox::batch(const std::string& device, std::size_t max_records,
                                                          std::size_t max_bytes) const {
  wire::TelemetryBatch batch;
  batch.device = device;
  batch.epoch = epoch_;
  Statement rows(db_.get(), "select content from records order by seq limit ?1");
  rows.bind(1, std::uint64_t{max_records});
  std::size_t size = 0;
  for (;;) {
    ARGOSY_TRY(const bool any, rows.row("cannot read the records"));
    if (!any) break;
    const ByteView content = rows.blob(0);
    size += content.size();
    if (size > max_bytes && !batch.records.empty()) break;
    ARGOSY_TRY(wire::TelemetryRecord record, wire::decode_record(content));
    batch.records.push_back(std::move(record));
  }
  if (batch.records.empty()) return std::optional<wire::TelemetryBatch>();
  batch.oldest = batch.records.front().seq;
  return std::optional(std::move(batch));
}

Result<void> Outbox::acknowledge(const wire::TelemetryAck& ack) {
  if (ack.epoch != epoch_) return {};
  if (ack.seq >= next_seq_) return begin_epoch();
  return remove_up_to(ack.seq);
}

}  // namespace argosy::agent
