// The durable outbox: telemetry records wait here until the server acknowledged them. SQLite in WAL with full sync: a
// number once given to a record is never given to another, whatever is switched off when. Bounded by bytes and age: the
// oldest are dropped and counted. The agent's loop thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

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

  // A damaged file is set aside as "<file>.corrupt", and a new one with a new epoch takes its place.
  static Result<Outbox> open(const std::filesystem::path& file, Limits limits);
  Outbox(Outbox&&) noexcept;
  Outbox& operator=(Outbox&&) noexcept;
  ~Outbox();

  Result<std::uint64_t> append(Content content, Instant now);  // its sequence number
  // The next records after what was acknowledged, at most `max_records` and about `max_bytes`; none when empty.
  Result<std::optional<wire::TelemetryBatch>> batch(const std::string& device, std::size_t max_records,
                                                    std::size_t max_bytes) const;
  // Deletes what the ack covers. An ack of another epoch changes nothing; one beyond all numbers ever given begins a
  // new epoch, because the server would take new records for repeats.
  Result<void> acknowledge(const wire::TelemetryAck& ack);

  std::uint64_t records() const { return records_; }
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t dropped() const { return dropped_; }
  const std::string& epoch() const { return epoch_; }

 private:
  struct CloseDb {
    void operator()(sqlite3* db) const;
  };
  Outbox(std::unique_ptr<sqlite3, CloseDb> db, Limits limits);
  static Result<Outbox> open_database(const std::filesystem::path& file, Limits limits);
  Result<void> prepare_schema();
  Result<void> load();
  Result<void> begin_epoch();
  Result<void> drop_oldest(Instant now);
  Result<void> remove_up_to(std::uint64_t seq);

  std::unique_ptr<sqlite3, CloseDb> db_;
  Limits limits_;
  std::string epoch_;
  std::uint64_t next_seq_ = 1;
  std::uint64_t records_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace argosy::agent
