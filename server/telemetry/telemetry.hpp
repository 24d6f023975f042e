// What the server keeps of telemetry, and the rule that makes it exactly once. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/instant.hpp"
#include "common/wire/telemetry.hpp"

namespace argosy::server {

// How far the records of one outbox have been stored.
struct Cursor {
  std::uint64_t seq = 0;   // the highest sequence stored or lost; 0: nothing yet
  std::uint64_t lost = 0;  // sequences that the device dropped from a full outbox
  friend bool operator==(const Cursor&, const Cursor&) = default;
};

struct Continuation {
  std::size_t skip = 0;  // records at the front of the batch that are stored already
  std::size_t take = 0;  // records after those, which continue the cursor
  Cursor cursor;         // once they are stored
};

// Only what continues the cursor is taken: from `cursor + 1`, or from `oldest` when the device had to drop what lay
// between. A repeat and a hole take nothing and leave the cursor where it is.
Continuation continue_from(const Cursor& cursor, const wire::TelemetryBatch& batch);

// A window as it was stored; what drift, alerts and the live stream want to know of it.
struct StoredWindow {
  std::string device;
  std::string model;
  std::string version;
  Instant started_at{};
};

// Per epoch: what is in the tables, beside what the device says it dropped.
struct EpochIntegrity {
  std::string epoch;
  std::uint64_t stored = 0;  // rows
  std::uint64_t first_seq = 0;
  std::uint64_t last_seq = 0;
  std::uint64_t lost = 0;        // dropped by the device before we could have them
  std::uint64_t duplicates = 0;  // rows over one per sequence
  std::uint64_t gaps = 0;        // sequences missing between first_seq and last_seq, lost ones included
};

}  // namespace argosy::server
