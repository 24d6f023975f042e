// The durable outbox: telemetry records wait here until the server acknowledged them. SQLite in WAL with full sync: a
// number once given to a record is never given to another, whatever is switched off when. Bounded by bytes and age: the
// oldest are dropped and counted. The agent's loop thread.
//
// Its chain has one link for all that it ever held up to a record (SHA-256 of the link before and of the record, the
// first 8 bytes). So an older image of this file, put back or copied, is told from the one that went on: the server
// asks for its records under a new epoch. A file of an agent without chains is sealed: what lies in it leaves by its
// numbers as ever, and what comes after belongs to a new epoch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/wire/telemetry.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace argosy::agent {

class Outbox {
 public:
  struct Limits {
    std::uint64_t max_bytes = 16ULL << 20;
    Duration max_age = std::chrono::hours(24 * 14);
  };
  using Content = decltype(wire::TelemetryRecord::content);
  static constexpr std::uint64_t refused_records_kept = 16;  // the newest, for whoever wants to know why
  // Whose labels were counted: for a day longer than predictions wait for one.
  static constexpr Duration labels_kept = std::chrono::hours(24 * 8);
  static constexpr std::uint64_t most_labels_kept = 250'000;

  enum class LabelOrigin : std::uint8_t { program = 1, server };
  struct CountedLabel {
    std::uint64_t observation = 0;
    LabelOrigin origin = LabelOrigin::program;
  };

  struct Refusals {
    std::uint64_t records = 0;  // ever
    std::string newest;         // why
  };

  // A damaged file is set aside as "<file>.corrupt", and a new one with a new epoch takes its place.
  static Result<Outbox> open(const std::filesystem::path& file, Limits limits);
  // One whose disk does not let it be opened: it takes nothing and holds nothing until reopen() succeeds.
  static Outbox closed(const std::filesystem::path& file, Limits limits);
  bool is_open() const { return db_ != nullptr; }
  Result<void> reopen();
  Outbox(Outbox&&) noexcept;
  Outbox& operator=(Outbox&&) noexcept;
  ~Outbox();

  Result<std::uint64_t> append(Content content, Instant now);  // its sequence number
  // All or none of them; and with them whose labels they count, so that whatever is killed when, none counts again.
  Result<void> append(std::vector<Content> contents, const std::vector<CountedLabel>& counted, Instant now);
  // Who told the label that was counted for this observation; none: none was, or that is no longer kept.
  Result<std::optional<LabelOrigin>> counted_label(std::uint64_t observation);
  // Until the time is known nothing is dropped for its age.
  void trust_time(bool is_known) { time_is_known_ = is_known; }
  // The clock was set by so much: what was appended since this was opened, and was in no batch yet, is moved along.
  Result<void> shift(Duration by);
  // The next records after what was acknowledged, as they lie, at most `max_records` and about `max_bytes`; none when
  // empty. What cannot lie in a batch is set aside.
  Result<std::optional<wire::StoredBatch>> batch(const std::string& device, std::size_t max_records,
                                                 std::size_t max_bytes);
  // Deletes what the ack covers. An ack of another epoch, or with a link that is not ours, changes nothing. One that
  // asks for it, and one beyond all numbers ever given (the server would take new records for repeats), files what is
  // left under a new epoch.
  Result<void> acknowledge(const wire::TelemetryAck& ack);
  // The server will never have the oldest record: those behind it go on.
  Result<void> set_aside_oldest(const std::string& reason);

  std::uint64_t records() const { return records_; }
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t oldest() const { return place_.before + 1; }  // the number of the oldest record, or of the next one
  std::uint64_t dropped() const { return dropped_; }
  const std::string& epoch() const { return place_.epoch; }
  const Refusals& refusals() const { return refusals_; }

 private:
  struct CloseDb {
    void operator()(sqlite3* db) const;
  };
  // What is true of the records in the file; kept in its meta table, and changed with them or not at all.
  struct Place {
    std::string epoch;
    std::uint64_t before = 0;                 // the oldest record is the next number
    std::uint64_t since = 0;                  // the highest number known to be stored
    std::uint64_t refused = 0;                // of those from `since` to `before`
    std::optional<wire::ChainLink> link = 0;  // of the record `before`; none: sealed
    std::uint64_t sealed = 0;                 // without a link: the last number of this epoch
  };
  enum class Leaving : std::uint8_t { stored, dropped, refused };

  Outbox(std::filesystem::path file, std::unique_ptr<sqlite3, CloseDb> db, Limits limits);
  static Result<Outbox> open_database(const std::filesystem::path& file, Limits limits);
  Result<void> prepare_schema();
  Result<void> load();
  Result<void> load_place(std::uint64_t oldest);
  Result<void> count_records();
  Result<void> save(const Place& place);
  Result<void> drop_oldest(Instant now);
  Result<void> note_counted(const std::vector<CountedLabel>& counted, Instant now);
  Result<std::optional<wire::StoredBatch>> read_batch(const std::string& device, std::size_t max_records,
                                                      std::size_t max_bytes) const;
  Result<std::optional<wire::ChainLink>> link_at(std::uint64_t seq) const;
  Result<bool> is_ours(const wire::ChainPoint& point) const;
  Result<void> forget_up_to(std::uint64_t seq, Leaving leaving, const std::string& reason = {});
  Result<void> note_stored(std::uint64_t seq);
  Result<void> acknowledge_by_number(std::uint64_t seq);
  Result<std::string> next_epoch() const;
  Result<void> renew();
  Result<std::uint64_t> renumber(std::uint64_t next);
  Result<std::optional<wire::StoredBatch>> next_batch(const std::string& device, std::size_t max_records,
                                                      std::size_t max_bytes);

  std::filesystem::path file_;
  std::unique_ptr<sqlite3, CloseDb> db_;
  Limits limits_;
  bool time_is_known_ = true;
  std::uint64_t movable_from_ = 1;  // the first number that no batch held, and no earlier run wrote
  Place place_;
  std::uint64_t next_seq_ = 1;
  std::uint64_t records_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
  Refusals refusals_;
};

}  // namespace argosy::agent
