// What every transaction on rollouts is made of: reading a rollout, moving devices with their counts, setting targets,
// logging decisions. For this folder's *_store.cpp, on DB threads. A transaction locks the rollout's row first, then
// devices, and writes counts last, so that two of them wait for each other instead of deadlocking.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>
#include <pqxx/pqxx>

#include "common/base/instant.hpp"
#include "server/journal/journal_store.hpp"
#include "server/rollouts/core/rollout_effects.hpp"
#include "server/rollouts/core/rollout_record.hpp"

namespace argosy::server {

// SQL for a time as milliseconds since 1970, or null.
std::string epoch_ms(std::string_view column);
std::optional<Instant> instant_or_none(const pqxx::field& field);

enum class Lock : std::uint8_t { none, row };
// Errc::not_found when there is no such rollout. Bytes are not filled in.
Result<RolloutRecord> load_rollout(pqxx::work& transaction, std::int64_t id, Lock lock);
// The engine's view of it, with who is reachable now.
Snapshot load_snapshot(pqxx::work& transaction, const RolloutRecord& record, std::vector<GuardInput> guards);

// Of rollout_devices as q, in the order in which rollout_devices_of reads them; what follows them is the caller's.
inline constexpr std::string_view rollout_device_columns =
    "q.device_id, q.wave, q.attempt, q.previous_release_id, q.state, coalesce(q.cause, ''), q.message, "
    "coalesce(q.source, ''), coalesce(q.bytes, 0), coalesce(q.full_bytes, 0), q.numbers::text";
std::vector<RolloutDevice> rollout_devices_of(const pqxx::result& rows);

// Writes the rows and moves the counts of their waves.
void move_devices(pqxx::work& transaction, std::int64_t rollout, const std::vector<DeviceMove>& moves);

// Writes device_targets and marks the devices' desired documents as due.
void set_targets(pqxx::work& transaction, const std::string& model, const std::vector<TargetChange>& changes,
                 Instant now, DueClass due);

void log_decision(pqxx::work& transaction, const RolloutRecord& record, const std::string& actor,
                  const Decision& decision, Instant now);

// State, reason, end; raises the ETag. A halt or roll back tells the first devices at once; tell_of_stop the others.
void change_state(pqxx::work& transaction, const RolloutRecord& record, RolloutState to, const std::string& actor,
                  const Decision& decision, Instant now);
// The next thousand behind `after` whose target is still this rollout's wish hear of it, the same for the engine and
// for operators. Writes how far it came to rollouts.told_up_to, null at the end: so the decision itself is a short
// transaction, however many devices there are.
void tell_of_stop(pqxx::work& transaction, const RolloutRecord& record, RolloutState to, const std::string& after,
                  Instant now);
void open_wave(pqxx::work& transaction, const RolloutRecord& record, int wave, const std::string& actor,
               const Decision& decision, Instant now);

}  // namespace argosy::server
