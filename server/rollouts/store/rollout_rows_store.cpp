#include "server/rollouts/store/rollout_rows_store.hpp"

#include <nlohmann/json.hpp>

#include "common/json/json_reader.hpp"

namespace argosy::server {
namespace {

Counts counts_of(const pqxx::field& field) {
  return read_json<Counts>(field.as<std::string>()).value();
}

// A reader of what is stored, as written here or by hand: what cannot be read becomes the rollout's fault, not an
// error.
template <class Read>
void read_or_fault(std::string& fault, const std::string& what, Read read) {
  const auto keep = [&](const std::string& why) {
    if (fault.empty()) fault = "its " + what + " cannot be read: " + why;
  };
  try {
    if (const Result<void> outcome = read(); !outcome) keep(outcome.error().message);
  } catch (const std::exception&) {
    keep("it is not of the form that is written here");
  }
}

std::vector<WaveRecord> load_waves(pqxx::work& transaction, std::int64_t id, std::string& fault) {
  static const std::string sql = "select share, planned, counts::text, " + epoch_ms("opened_at") + ", " +
                                 epoch_ms("bake_started_at") + ", " + epoch_ms("passed_at") +
                                 " from rollout_waves where rollout_id = $1 order by wave";
  std::vector<WaveRecord> waves;
  for (const auto& row : transaction.exec_params(sql, id)) {
    waves.push_back({row[0].as<double>(),
                     row[1].as<std::int64_t>(),
                     {},
                     instant_or_none(row[3]),
                     instant_or_none(row[4]),
                     instant_or_none(row[5])});
    read_or_fault(fault, "counts of " + wave_name(static_cast<int>(waves.size()) - 1), [&]() -> Result<void> {
      waves.back().counts = counts_of(row[2]);
      return {};
    });
  }
  return waves;
}

}  // namespace

std::string epoch_ms(std::string_view column) {
  return "(extract(epoch from " + std::string(column) + ") * 1000)::bigint";
}

std::optional<Instant> instant_or_none(const pqxx::field& field) {
  if (field.is_null()) return std::nullopt;
  return instant_from_ms(field.as<std::int64_t>());
}

Result<RolloutRecord> load_rollout(pqxx::work& transaction, std::int64_t id, Lock lock) {
  static const std::string sql =
      "select r.name, r.model, l.version, r.release_id, r.filter, r.policy::text, r.seed, r.state, r.reason, r.wave, "
      "r.version, r.created_by, " +
      epoch_ms("r.created_at") + ", " + epoch_ms("r.started_at") + ", " + epoch_ms("r.ended_at") +
      ", r.told_up_to from rollouts r join releases l on l.id = r.release_id where r.id = $1";
  const auto rows = transaction.exec_params(lock == Lock::row ? sql + " for update of r" : sql, id);
  if (rows.empty()) return make_error(Errc::not_found, "there is no rollout " + std::to_string(id));
  const auto row = rows[0];
  RolloutRecord record;
  record.id = id;
  record.name = row[0].as<std::string>();
  record.model = row[1].as<std::string>();
  record.version = row[2].as<std::string>();
  record.release_id = row[3].as<std::int64_t>();
  record.filter = row[4].as<std::string>();
  read_or_fault(record.fault, "policy", [&]() -> Result<void> {
    ARGOSY_TRY(record.policy, decode_policy(json_or_null(row[5].as<std::string>())));
    return {};
  });
  if (!record.fault.empty()) record.policy.guards.clear();  // no verdicts by a policy that nobody wrote
  record.seed = static_cast<std::uint64_t>(row[6].as<std::int64_t>());
  ARGOSY_TRY(record.state, parse_rollout_state(row[7].as<std::string>()));
  record.reason = row[8].as<std::string>();
  record.wave = row[9].as<int>();
  record.etag = row[10].as<std::int64_t>();
  record.created_by = row[11].as<std::string>();
  record.created_at = *instant_or_none(row[12]);
  record.started_at = instant_or_none(row[13]);
  record.ended_at = instant_or_none(row[14]);
  if (!row[15].is_null()) record.told_up_to = row[15].as<std::string>();
  record.waves = load_waves(transaction, id, record.fault);
  if (record.wave < 0 || record.wave >= static_cast<int>(record.waves.size())) {
    if (record.fault.empty()) record.fault = wave_name(record.wave) + ", which is open, is not one of its waves";
    record.wave = 0;
  }
  return record;
}

}  // namespace argosy::server
