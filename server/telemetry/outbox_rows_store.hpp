// The rows of outboxes: how far each is stored (telemetry_cursors) and which one speaks for its device
// (telemetry_speakers). For this capability's *_store.cpp, on DB threads, inside one transaction.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <pqxx/pqxx>

#include "common/base/instant.hpp"
#include "server/telemetry/known_outboxes.hpp"
#include "server/telemetry/telemetry.hpp"

namespace argosy::server {

// A cursor's row, and what batches made of it.
struct CursorRow {
  Cursor cursor;
  std::uint64_t unread = 0;
  std::optional<wire::ChainLink> forked_at;  // the first record of the newest fork
  bool forked_lately = false;                // and was told of
  bool is_moved = false;
  std::uint64_t new_forks = 0;
};
using CursorRows = std::map<OutboxKey, CursorRow>;

// The devices that may send, and which outbox spoke last for each.
using Speakers = std::map<std::string, std::optional<Speaker>>;

std::optional<std::int64_t> as_stored(const std::optional<wire::ChainLink>& link);
std::optional<wire::ChainLink> link_of(const pqxx::field& field);
std::int64_t epoch_as_stored(const std::string& epoch);  // of windows; 16 hex digits as 64 bits

// A cursor that is believed to be `from` and moves on to `to`, with nothing lost, refused or forked between.
struct CursorMove {
  OutboxKey outbox;
  Cursor from;
  Cursor to;
};
// Moves those that are where they are believed to be, whose outbox speaks for its device and whose device is online and
// may send, and answers for each whether it moved. A cursor that moves is its device's sign of life. In the order of
// `moves`, which is that of their keys.
std::vector<bool> move_cursors(pqxx::work& transaction, const std::vector<CursorMove>& moves, Instant now);

Speakers read_speakers(pqxx::work& transaction, const std::set<std::string>& devices);
// The other outboxes of their devices do not speak any more.
void save_speakers(pqxx::work& transaction, const std::map<std::string, Speaker>& speakers);

// Locked in sorted order, so that two transactions that meet on the same devices wait instead of deadlocking. An outbox
// that is new gets a cursor; one for which its device has no room is left out.
CursorRows lock_cursors(pqxx::work& transaction, const std::set<OutboxKey>& outboxes, Instant now);
// Those that moved or forked; speakers are saved before, for a cursor's row says whether its outbox speaks.
void save_cursors(pqxx::work& transaction, const CursorRows& cursors, Instant now);

// The stored links of an outbox's records, for the rare batch whose place the cursor alone does not tell.
StoredLinks read_links(pqxx::work& transaction, const OutboxKey& outbox, const Sequences& wanted);

}  // namespace argosy::server
