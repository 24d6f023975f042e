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
#include "server/rollouts/report_mapping.hpp"
#include "server/rollouts/rollout_record.hpp"

namespace argosy::server {

// SQL for a time as milliseconds since 1970, or null.
std::string epoch_ms(std::string_view column);
std::optional<Instant> instant_or_none(const pqxx::field& field);

enum class Lock : std::uint8_t { none, row };
// Errc::not_found when there is no such rollout. Bytes are not filled in.
Result<RolloutRecord> load_rollout(pqxx::work& transaction, std::int64_t id, Lock lock);
// The engine's view of it, with who is reachable now.
Snapshot load_snapshot(pqxx::work& transaction, const RolloutRecord& record, std::vector<GuardInput> guards);

// A device's row, as it is about to become.
struct DeviceMove {
  std::string device;
  int wave = 0;
  std::string from_key;  // count_key before
  Progress to;
  std::optional<Instant> notified_at;
  std::optional<Instant> started_at;  // kept when the row has one
  std::optional<Instant> finished_at;
  std::optional<std::int64_t> previous_release;
};
// Writes the rows and moves the counts of their waves.
void move_devices(pqxx::work& transaction, std::int64_t rollout, const std::vector<DeviceMove>& moves);

struct TargetChange {
  std::string device;
  std::optional<std::int64_t> release;  // nothing: the device is told no release of this model any more
  std::optional<std::int64_t> rollout;
  int attempt = 1;
};
// Writes device_targets and marks the devices' desired documents as due.
void set_targets(pqxx::work& transaction, const std::string& model, const std::vector<TargetChange>& changes,
                 Instant now, DueClass due);

void log_decision(pqxx::work& transaction, const RolloutRecord& record, const std::string& actor,
                  const Decision& decision, Instant now);

// State, reason, end; raises the ETag. A halt or roll back tells the first devices at once; tell_of_stop the others.
void change_state(pqxx::work& transaction, const RolloutRecord& record, RolloutState to, const std::string& actor,
                  const Decision& decision, Instant now);
// The next thousand behind `after` whose target is still this rollout's wish, the same for the engine and for
// operators. Halt: those told but not yet past activating are told their previous release again. Roll back: those that
// run the release or work on it are told what each had before. Writes how far it came to rollouts.told_up_to, null at
// the end: so the decision itself is a short transaction, however many devices there are.
void tell_of_stop(pqxx::work& transaction, const RolloutRecord& record, RolloutState to, const std::string& after,
                  Instant now);
void open_wave(pqxx::work& transaction, const RolloutRecord& record, int wave, const std::string& actor,
               const Decision& decision, Instant now);

}  // namespace argosy::server
