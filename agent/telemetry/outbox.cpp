#include "agent/telemetry/outbox.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <sstream>
#include <utility>

#include <sqlite3.h>

#include "agent/telemetry/record_time.hpp"
#include "agent/telemetry/sqlite.hpp"
#include "common/base/random.hpp"
#include "common/crypto/digest.hpp"

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
    "create table if not exists refused (id integer primary key, at_ms integer not null, reason text not null, "
    "content blob);"
    "create table if not exists counted_labels (observation integer primary key, at_ms integer not null, "
    "origin integer not null);"
    "create index if not exists counted_labels_at on counted_labels (at_ms);"
    "pragma user_version = 1;";
constexpr std::uint64_t earliest_honest_ms = 1'577'836'800'000;  // the year 2020
constexpr std::uint64_t refused_content_kept = 64 << 10;         // bytes

// By words, in a form that older agents leave alone.
std::string link_text(const std::optional<wire::ChainLink>& link) {
  return link ? std::to_string(*link) : "-";
}

wire::ChainLink next_link(wire::ChainLink previous, ByteView record) {
  Sha256 hash;
  std::array<std::uint8_t, 8> bytes{};
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(std::exchange(previous, previous << 8) >> 56);
  hash.update(bytes);
  hash.update(record);
  const Digest digest = hash.finish();
  wire::ChainLink link = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) link = link << 8 | digest.bytes[i];
  return link;
}

// Few and small enough to be worth their place.
Result<void> keep_oldest_as_refused(sqlite3* db, const std::string& reason, std::uint64_t count) {
  Statement keep(db,
                 "insert into refused (at_ms, reason, content) select at_ms, ?1, "
                 "case when length(content) <= ?2 then content end from records order by seq limit 1");
  ARGOSY_CHECK(keep.bind(1, reason).bind(2, refused_content_kept).row("cannot keep a refused record"));
  Statement bound(db, "delete from refused where id <= (select max(id) from refused) - ?1");
  ARGOSY_CHECK(bound.bind(1, Outbox::refused_records_kept).row("cannot delete a refused record"));
  return put_meta(db, "refused", std::to_string(count));
}

}  // namespace

void Outbox::CloseDb::operator()(sqlite3* db) const {
  sqlite3_close_v2(db);
}
Outbox::Outbox(fs::path file, std::unique_ptr<sqlite3, CloseDb> db, Limits limits)
    : file_(std::move(file)), db_(std::move(db)), limits_(limits) {}
Outbox::Outbox(Outbox&&) noexcept = default;
Outbox& Outbox::operator=(Outbox&&) noexcept = default;
Outbox::~Outbox() = default;

Result<Outbox> Outbox::open_database(const fs::path& file, Limits limits) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  std::unique_ptr<sqlite3, CloseDb> db(raw);
  if (code != SQLITE_OK) return database_error(raw, "cannot open " + file.string());
  sqlite3_busy_timeout(raw, 2000);
  Outbox outbox(file, std::move(db), limits);
  ARGOSY_CHECK(outbox.prepare_schema());
  ARGOSY_CHECK(outbox.load());
  outbox.movable_from_ = outbox.next_seq_;
  return outbox;
}

Outbox Outbox::closed(const fs::path& file, Limits limits) {
  return {file, nullptr, limits};
}

Result<void> Outbox::reopen() {
  if (is_open()) return {};
  ARGOSY_TRY(Outbox opened, open(file_, limits_));
  opened.time_is_known_ = time_is_known_;
  *this = std::move(opened);
  return {};
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
  ARGOSY_TRY(const std::string next, get_meta(db_.get(), "next_seq"));
  next_seq_ = next.empty() ? 1 : std::stoull(next);
  ARGOSY_TRY(const std::string dropped, get_meta(db_.get(), "dropped"));
  dropped_ = dropped.empty() ? 0 : std::stoull(dropped);
  ARGOSY_TRY(const std::string refused, get_meta(db_.get(), "refused"));
  refusals_.records = refused.empty() ? 0 : std::stoull(refused);
  Statement newest(db_.get(), "select reason from refused order by id desc limit 1");
  ARGOSY_TRY(const bool any_refused, newest.row("cannot read what was refused"));
  if (any_refused) refusals_.newest = newest.text(0);
  ARGOSY_CHECK(count_records());
  Statement ends(db_.get(), "select coalesce(min(seq), 0), coalesce(max(seq), 0) from records");
  ARGOSY_CHECK(ends.row("cannot find the records"));
  next_seq_ = std::max(next_seq_, ends.integer(1) + 1);
  return load_place(records_ == 0 ? next_seq_ : ends.integer(0));
}

// A file that an agent without chains wrote, or changed since, is sealed where it ends now.
Result<void> Outbox::load_place(std::uint64_t oldest) {
  ARGOSY_TRY(const std::string epoch, get_meta(db_.get(), "epoch"));
  if (epoch.empty()) return renew();
  ARGOSY_TRY(const std::string text, get_meta(db_.get(), "place"));
  Place place;
  std::string link;
  std::istringstream words(text);
  words >> place.epoch >> place.before >> place.since >> place.refused >> link >> place.sealed;
  if (words && place.epoch == epoch && place.before + 1 == oldest) {
    place.link = link == "-" ? std::nullopt : std::optional(std::strtoull(link.c_str(), nullptr, 10));
    place_ = std::move(place);
    return {};
  }
  place_ = {epoch, oldest - 1, oldest - 1, 0, std::nullopt, next_seq_ - 1};
  return records_ == 0 ? renew() : save(place_);
}

Result<void> Outbox::count_records() {
  Statement sums(db_.get(), "select count(*), coalesce(sum(length(content)), 0) from records");
  ARGOSY_CHECK(sums.row("cannot count the records"));
  records_ = sums.integer(0);
  bytes_ = sums.integer(1);
  return {};
}

Result<void> Outbox::save(const Place& place) {
  return put_meta(db_.get(), "place",
                  place.epoch + " " + std::to_string(place.before) + " " + std::to_string(place.since) + " " +
                      std::to_string(place.refused) + " " + link_text(place.link) + " " + std::to_string(place.sealed));
}

Result<std::uint64_t> Outbox::append(Content content, Instant now) {
  const std::uint64_t seq = next_seq_;
  std::vector<Content> one;
  one.push_back(std::move(content));
  ARGOSY_CHECK(append(std::move(one), {}, now));
  return seq;
}

Result<void> Outbox::append(std::vector<Content> contents, const std::vector<CountedLabel>& counted, Instant now) {
  if (contents.empty() && counted.empty()) return {};
  if (!is_open()) return make_error(Errc::unavailable, "outbox: " + file_.string() + " is not open");
  ARGOSY_CHECK(drop_oldest(now));
  ARGOSY_CHECK(Transaction::begin(db_.get()));
  Transaction transaction(db_.get());
  std::uint64_t next = next_seq_;
  std::uint64_t bytes = 0;
  for (Content& content : contents) {
    const Bytes encoded = wire::encode_record({next, std::move(content)});
    Statement insert(db_.get(), "insert into records (seq, at_ms, content) values (?1, ?2, ?3)");
    insert.bind(1, next++).bind(2, static_cast<std::uint64_t>(to_ms(now))).bind(3, encoded);
    ARGOSY_CHECK(insert.row("cannot append a record"));
    bytes += encoded.size();
  }
  ARGOSY_CHECK(note_counted(counted, now));
  ARGOSY_CHECK(put_meta(db_.get(), "next_seq", std::to_string(next)));
  ARGOSY_CHECK(transaction.commit());
  records_ += next - next_seq_;
  next_seq_ = next;
  bytes_ += bytes;
  return {};
}

Result<void> Outbox::note_counted(const std::vector<CountedLabel>& counted, Instant now) {
  for (const CountedLabel& label : counted) {
    Statement insert(db_.get(),
                     "insert or ignore into counted_labels (observation, at_ms, origin) values (?1, ?2, ?3)");
    insert.bind(1, label.observation).bind(2, static_cast<std::uint64_t>(to_ms(now)));
    insert.bind(3, static_cast<std::uint64_t>(label.origin));
    ARGOSY_CHECK(insert.row("cannot note a label"));
  }
  if (counted.empty()) return {};
  Statement old(db_.get(), "delete from counted_labels where at_ms < ?1");
  ARGOSY_CHECK(old.bind(1, static_cast<std::uint64_t>(to_ms(time_is_known_ ? now - labels_kept : Instant{})))
                   .row("cannot forget old labels"));
  Statement many(db_.get(),
                 "delete from counted_labels where observation in (select observation from counted_labels "
                 "order by at_ms desc limit -1 offset ?1)");
  ARGOSY_CHECK(many.bind(1, most_labels_kept).row("cannot forget the oldest labels"));
  return {};
}

Result<std::optional<Outbox::LabelOrigin>> Outbox::counted_label(std::uint64_t observation) {
  if (!is_open()) return std::optional<LabelOrigin>();
  Statement find(db_.get(), "select origin from counted_labels where observation = ?1");
  ARGOSY_TRY(const bool any, find.bind(1, observation).row("cannot look for a label"));
  if (!any) return std::optional<LabelOrigin>();
  return std::optional(static_cast<LabelOrigin>(find.integer(0)));
}

// An eighth at a time, so that a full outbox does not delete at every append.
Result<void> Outbox::drop_oldest(Instant now) {
  Statement oldest(db_.get(), "select seq, at_ms from records order by seq limit 1");
  ARGOSY_TRY(const bool any, oldest.row("cannot find the oldest record"));
  if (!any) return {};
  const Instant at = instant_from_ms(static_cast<std::int64_t>(oldest.integer(1)));
  if (bytes_ >= limits_.max_bytes) ARGOSY_CHECK(forget_up_to(oldest.integer(0) + records_ / 8, Leaving::dropped));
  if (!time_is_known_ || now - at <= limits_.max_age) return {};
  // What was kept before the clock was set (1970, on a board without a battery) is of an unknown age, not an old one.
  Statement last(db_.get(), "select coalesce(max(seq), 0) from records where at_ms < ?1 and at_ms >= ?2");
  last.bind(1, static_cast<std::uint64_t>(to_ms(now - limits_.max_age))).bind(2, earliest_honest_ms);
  ARGOSY_CHECK(last.row("cannot find the oldest records"));
  return forget_up_to(last.integer(0), Leaving::dropped);
}

// None where this outbox has no record, or has no chain.
Result<std::optional<wire::ChainLink>> Outbox::link_at(std::uint64_t seq) const {
  const std::optional<wire::ChainLink> none;
  if (!place_.link || seq < place_.before || seq >= next_seq_) return none;
  wire::ChainLink link = *place_.link;
  Statement rows(db_.get(), "select content from records where seq <= ?1 order by seq");
  rows.bind(1, seq);
  for (;;) {
    ARGOSY_TRY(const bool any, rows.row("cannot read the records"));
    if (!any) return std::optional(link);
    link = next_link(link, rows.blob(0));
  }
}

Result<bool> Outbox::is_ours(const wire::ChainPoint& point) const {
  ARGOSY_TRY(const auto link, link_at(point.seq));
  return link == point.link;
}

Result<void> Outbox::forget_up_to(std::uint64_t seq, Leaving leaving, const std::string& reason) {
  if (seq <= place_.before) return {};
  Place next = place_;
  next.before = seq;
  ARGOSY_TRY(next.link, link_at(seq));
  if (leaving == Leaving::refused) ++next.refused;
  if (leaving == Leaving::stored) next.since = seq;
  if (leaving == Leaving::stored) next.refused = 0;

  ARGOSY_CHECK(Transaction::begin(db_.get()));
  Transaction transaction(db_.get());
  if (leaving == Leaving::refused) ARGOSY_CHECK(keep_oldest_as_refused(db_.get(), reason, refusals_.records + 1));
  Statement remove(db_.get(), "delete from records where seq <= ?1");
  ARGOSY_CHECK(remove.bind(1, seq).row("cannot delete records"));
  const auto removed = static_cast<std::uint64_t>(sqlite3_changes(db_.get()));
  if (leaving == Leaving::dropped) ARGOSY_CHECK(put_meta(db_.get(), "dropped", std::to_string(dropped_ + removed)));
  ARGOSY_CHECK(save(next));
  ARGOSY_CHECK(transaction.commit());

  place_ = std::move(next);
  if (leaving == Leaving::dropped) dropped_ += removed;
  if (leaving == Leaving::refused) refusals_ = {refusals_.records + 1, reason};
  ARGOSY_CHECK(count_records());
  const bool unsealed = !place_.link && place_.before >= place_.sealed;
  return unsealed ? renew() : Result<void>();
}

// Follows from what is left, so that two images of one outbox file the same records under the same epoch and numbers,
// and the server knows the second for a repeat.
Result<std::string> Outbox::next_epoch() const {
  Statement oldest(db_.get(), "select content from records order by seq limit 1");
  ARGOSY_TRY(const bool any, oldest.row("cannot find the oldest record"));
  if (!any || place_.epoch.empty()) return to_hex(secure_random(8));
  const auto link = next_link(place_.link.value_or(0), oldest.blob(0));
  return sha256(as_bytes(place_.epoch + " " + std::to_string(link))).to_hex().substr(0, 16);
}

// Files all that is left under a new epoch, from 1 on, or after as many numbers as left without anybody knowing them to
// be stored: the server counts those as lost.
Result<void> Outbox::renew() {
  Place next;
  ARGOSY_TRY(next.epoch, next_epoch());
  next.before = place_.before - place_.since;
  next.refused = place_.refused;
  ARGOSY_CHECK(Transaction::begin(db_.get()));
  Transaction transaction(db_.get());
  ARGOSY_TRY(const std::uint64_t next_seq, renumber(next.before + 1));
  ARGOSY_CHECK(put_meta(db_.get(), "epoch", next.epoch));
  ARGOSY_CHECK(put_meta(db_.get(), "next_seq", std::to_string(next_seq)));
  ARGOSY_CHECK(save(next));
  ARGOSY_CHECK(transaction.commit());
  place_ = std::move(next);
  next_seq_ = next_seq;
  movable_from_ = next_seq_;
  return count_records();
}

// The chain is of what lies here, and no link of these was told yet.
Result<void> Outbox::shift(Duration by) {
  if (!is_open() || movable_from_ >= next_seq_) return {};
  ARGOSY_CHECK(Transaction::begin(db_.get()));
  Transaction transaction(db_.get());
  for (std::uint64_t seq = movable_from_; seq < next_seq_; ++seq) {
    Statement row(db_.get(), "select at_ms, content from records where seq = ?1");
    ARGOSY_TRY(const bool any, row.bind(1, seq).row("cannot read a record"));
    if (!any) continue;
    const Instant at = instant_from_ms(static_cast<std::int64_t>(row.integer(0))) + by;
    const Bytes content = shifted_record(row.blob(1), by);
    Statement move(db_.get(), "update records set at_ms = ?2, content = ?3 where seq = ?1");
    move.bind(1, seq).bind(2, static_cast<std::uint64_t>(to_ms(at))).bind(3, content);
    ARGOSY_CHECK(move.row("cannot move a record in time"));
  }
  ARGOSY_CHECK(transaction.commit());
  return count_records();
}

// In order and never upwards, so that no record meets the number of another. One that cannot be read keeps its bytes,
// until it is the oldest and is set aside.
Result<std::uint64_t> Outbox::renumber(std::uint64_t next) {
  for (std::uint64_t done = 0;;) {
    Statement row(db_.get(), "select seq, content from records where seq > ?1 order by seq limit 1");
    ARGOSY_TRY(const bool any, row.bind(1, done).row("cannot read the records"));
    if (!any) return next;
    done = row.integer(0);
    Bytes content(row.blob(1).begin(), row.blob(1).end());
    auto record = wire::decode_record(content);
    if (record) {
      record->seq = next;
      content = wire::encode_record(*record);
    }
    Statement move(db_.get(), "update records set seq = ?2, content = ?3 where seq = ?1");
    ARGOSY_CHECK(move.bind(1, done).bind(2, next++).bind(3, content).row("cannot number a record anew"));
  }
}

Result<std::optional<wire::StoredBatch>> Outbox::batch(const std::string& device, std::size_t max_records,
                                                       std::size_t max_bytes) {
  if (!is_open()) return std::optional<wire::StoredBatch>();
  ARGOSY_TRY(auto batch, next_batch(device, max_records, max_bytes));
  if (batch) movable_from_ = std::max<std::uint64_t>(movable_from_, batch->oldest + batch->records.size());
  return batch;
}

Result<std::optional<wire::StoredBatch>> Outbox::next_batch(const std::string& device, std::size_t max_records,
                                                            std::size_t max_bytes) {
  for (;;) {
    auto batch = read_batch(device, max_records, max_bytes);
    if (batch || batch.error().code != Errc::malformed_cbor) return batch;
    ARGOSY_CHECK(set_aside_oldest("this agent cannot read it: " + batch.error().message));
  }
}

// Ends before a record that cannot be read; Errc::malformed_cbor when that is the oldest.
Result<std::optional<wire::StoredBatch>> Outbox::read_batch(const std::string& device, std::size_t max_records,
                                                            std::size_t max_bytes) const {
  wire::StoredBatch batch;
  batch.device = device;
  batch.epoch = place_.epoch;
  batch.oldest = place_.before + 1;
  if (place_.link) batch.chain.push_back(*place_.link);
  Statement rows(db_.get(), "select content from records where seq <= ?1 order by seq limit ?2");
  rows.bind(1, place_.link ? next_seq_ : place_.sealed).bind(2, std::uint64_t{max_records});
  std::size_t size = 0;
  for (;;) {
    ARGOSY_TRY(const bool any, rows.row("cannot read the records"));
    if (!any) break;
    const ByteView content = rows.blob(0);
    size += content.size();
    if (size > max_bytes && !batch.records.empty()) break;
    auto whole = wire::check_record(content);
    if (!whole && batch.records.empty()) return std::move(whole).error();
    if (!whole) break;
    batch.records.emplace_back(content.begin(), content.end());
    if (place_.link) batch.chain.push_back(next_link(batch.chain.back(), content));
  }
  if (batch.records.empty()) return std::optional<wire::StoredBatch>();
  if (place_.link) batch.since = place_.since;
  if (place_.link) batch.refused = place_.refused;
  return std::optional(std::move(batch));
}

Result<void> Outbox::acknowledge(const wire::TelemetryAck& ack) {
  if (!is_open() || ack.epoch != place_.epoch) return {};
  if (!ack.link || !place_.link) return ack.renew ? Result<void>() : acknowledge_by_number(ack.seq);
  ARGOSY_TRY(const bool ours, is_ours({ack.seq, *ack.link}));
  if (!ours) return {};
  if (!ack.renew) return note_stored(ack.seq);
  ARGOSY_TRY(const bool asked_of_us, is_ours(*ack.renew));
  if (!asked_of_us) return {};
  ARGOSY_CHECK(forget_up_to(ack.seq, Leaving::stored));
  return renew();
}

// Of what was dropped, too, when its ack comes late.
Result<void> Outbox::note_stored(std::uint64_t seq) {
  if (seq > place_.before) return forget_up_to(seq, Leaving::stored);
  if (seq == place_.since) return {};
  Place next = place_;
  next.since = seq;
  next.refused = 0;
  ARGOSY_CHECK(save(next));
  place_ = std::move(next);
  return {};
}

// Of a server that knows no chains, or of a sealed epoch.
Result<void> Outbox::acknowledge_by_number(std::uint64_t seq) {
  if (!place_.link) return forget_up_to(std::min(seq, place_.sealed), Leaving::stored);
  return seq >= next_seq_ ? renew() : forget_up_to(seq, Leaving::stored);
}

Result<void> Outbox::set_aside_oldest(const std::string& reason) {
  if (records_ == 0) return {};
  return forget_up_to(place_.before + 1, Leaving::refused, reason);
}

}  // namespace argosy::agent
