// The part of device_store.hpp that takes in state documents: hundreds a second, a batch in one transaction.
#include <algorithm>
#include <map>

#include "common/json/json_text.hpp"
#include "server/db/rows.hpp"
#include "server/db/statement.hpp"
#include "server/devices/device_report.hpp"
#include "server/devices/device_rows.hpp"
#include "server/devices/device_store.hpp"
#include "server/devices/suggestion_store.hpp"
#include "server/journal/journal_store.hpp"
#include "server/telemetry/receipt.hpp"

namespace argosy::server {

namespace {

using Json = nlohmann::json;

constexpr std::uint64_t max_rate = 1'000'000'000'000;  // bytes a second

// One document that a column or an index cannot hold must not take the others of its batch down.
bool storable(const wire::DeviceState& state, std::string_view encoded) {
  if (encoded.find("\\u0000") != std::string_view::npos) return false;
  return std::all_of(state.models.begin(), state.models.end(),
                     [](const wire::ModelReport& model) { return model.version.empty() || is_version(model.version); });
}

// One call of TakeStateDocuments.
struct StateBatch {
  const std::vector<ReceivedState>& states;
  Instant now;
  EventAllowance& allowance;
  const SuggestionRule& rule;

  std::vector<StateOutcome> operator()(pqxx::work& transaction) const {
    std::map<std::string, Known> known = lock_known(transaction);
    std::vector<StateOutcome> outcomes;
    outcomes.reserve(states.size());
    for (const ReceivedState& received : states) outcomes.push_back(take(transaction, received, known));
    write(transaction, known);
    return outcomes;
  }

 private:
  struct Known {
    std::int64_t nonce = 0;
    std::optional<wire::DeviceState> report;  // the newest, stored or taken now
    std::string encoded;                      // of one taken now
    bool taken = false;
    bool live = false;
    bool new_capabilities = false;
    bool new_declaration = false;
    bool new_board = false;
    std::map<std::string, std::optional<InstalledModel>> models;  // to write; nothing: to delete
  };

  // Locks the rows in one order, so that two batches wait for each other instead of deadlocking.
  std::map<std::string, Known> lock_known(pqxx::work& transaction) const {
    std::vector<std::string> ids;
    for (const ReceivedState& received : states) ids.push_back(received.state.device);
    static const Statement lock_states{"lock_states", R"sql(
      select s.device_id, s.session_nonce, s.report
      from device_state s
      join devices d on d.id = s.device_id
      where s.device_id in (select unnest($1::text[])) and d.revoked_at is null
      order by s.device_id
      for update of s
    )sql"};
    const pqxx::result rows = exec_prepared(transaction, lock_states, pg_array(ids));
    std::map<std::string, Known> known;
    for (const pqxx::row& row : rows) {
      Known& device = known[row["device_id"].as<std::string>()];
      device.nonce = row["session_nonce"].as<std::int64_t>();
      if (auto report = wire::decode_device_state(row["report"].as<std::string>())) device.report = std::move(*report);
    }
    return known;
  }

  StateOutcome take(pqxx::work& transaction, const ReceivedState& received, std::map<std::string, Known>& known) const {
    const wire::DeviceState& state = received.state;
    const auto found = known.find(state.device);
    if (found == known.end()) return StateOutcome::unknown;
    Known& device = found->second;
    if (state.nonce < device.nonce) return StateOutcome::stale;

    std::string encoded = wire::encode(state);
    if (!storable(state, encoded)) return StateOutcome::refused;
    const ReportChange change = compare_reports(device.report ? &*device.report : nullptr, state);
    for (const InstalledModel& model : change.models) device.models[model.model] = model;
    for (const std::string& model : change.gone) device.models[model] = std::nullopt;
    for (const UpdateChange& update : change.updates) {
      if (allowance.spend(state.device, std::chrono::steady_clock::now()))
        append_update_event(transaction, state.device, update);
    }
    device.new_capabilities |= !device.report || device.report->capabilities != state.capabilities;
    device.new_board |=
        !device.report || device.report->capabilities.inventory.board != state.capabilities.inventory.board;
    device.new_declaration |= state.labels && (!device.report || device.report->labels != state.labels ||
                                               device.report->hardware_class != state.hardware_class);
    device.nonce = state.nonce;
    device.report = state;
    device.encoded = std::move(encoded);
    device.taken = true;
    device.live |= !received.retained;
    return StateOutcome::taken;
  }

  static void append_update_event(pqxx::work& transaction, const std::string& device, const UpdateChange& change) {
    const wire::UpdateReport& update = change.update;
    const Json details = {{"from", change.from},       {"to", update.state},        {"version", update.version},
                          {"rollout", update.rollout}, {"attempt", update.attempt}, {"cause", update.cause},
                          {"source", update.source},   {"bytes", update.bytes},     {"full_bytes", update.full_bytes}};
    append_event(transaction, {.kind = "update.state",
                               .severity = std::string(severity(change)),
                               .device_id = device,
                               .rollout_id = update.rollout > 0 ? std::optional(update.rollout) : std::nullopt,
                               .model = change.model,
                               .message = describe(change),
                               .details_json = details.dump(-1, ' ', false, Json::error_handler_t::replace)});
  }

  void write(pqxx::work& transaction, const std::map<std::string, Known>& known) const {
    Json reports = Json::array();
    Json capabilities = Json::array();
    Json models = Json::array();
    Json gone = Json::array();
    for (const auto& [id, device] : known) {
      if (!device.taken) continue;
      if (device.new_capabilities)
        capabilities.push_back({{"device", id}, {"capabilities", json_or_null(device.encoded)["capabilities"]}});
      for (const auto& [name, model] : device.models) {
        if (model) {
          models.push_back(model_row(id, *model));
        } else {
          gone.push_back({{"device", id}, {"model", name}});
        }
      }
      reports.push_back(report_row(id, device));
    }
    write_reports(transaction, reports);
    write_capabilities(transaction, capabilities);
    write_models(transaction, models, gone);
    for (const auto& [id, device] : known)
      if (device.taken && device.new_declaration)
        note_declaration(transaction, id, declaration_of(*device.report), rule);
    for (const auto& [id, device] : known)
      if (device.taken && device.new_board) note_board(transaction, id);
  }

  static Declaration declaration_of(const wire::DeviceState& state) {
    return {state.hardware_class, Labels(state.labels->begin(), state.labels->end())};
  }

  Json report_row(const std::string& id, const Known& device) const {
    const wire::DeviceState& state = *device.report;
    const std::uint32_t interval_s = std::clamp<std::uint32_t>(state.health_interval_s, 1, 86400);
    return {
        {"device", id},
        {"agent_version", state.agent_version},
        {"rev", state.rev},
        {"nonce", device.nonce},
        {"report", device.encoded},
        {"interval_s", interval_s},
        {"download_rate", state.download_bytes_per_s ? Json(std::min(*state.download_bytes_per_s, max_rate)) : Json()},
        {"seen_at", device.live ? Json(to_rfc3339(now)) : Json(nullptr)},
        {"health", state.health ? json_or_null(wire::health_values_json(*state.health)) : Json()},
        {"health_at", state.health ? Json(to_rfc3339(health_time(state, device.live))) : Json()}};
  }

  // By our clock. What the broker kept was sent some time ago, and says nothing of the device's.
  Instant health_time(const wire::DeviceState& state, bool is_live) const {
    const bool tells_clock = is_live && state.at != Instant{};
    return place_in_time(state.health->at, tells_clock ? receipt_of(state.at, now) : Receipt{now});
  }

  static Json model_row(const std::string& id, const InstalledModel& model) {
    return {{"device", id},
            {"model", model.model},
            {"version", model.version},
            {"digest", model.digest},
            {"previous_version", model.previous_version},
            {"previous_digest", model.previous_digest},
            {"update_state", model.update_state},
            {"update_version", model.update_version}};
  }

  static void write_reports(pqxx::work& transaction, const Json& rows) {
    if (rows.empty()) return;
    static const Statement save_reports{"save_reports", R"sql(
      update device_state s
      set agent_version = i.agent_version, reported_rev = i.rev, session_nonce = i.nonce,
        report = i.report::jsonb, interval_s = i.interval_s,
        last_seen_at = greatest(s.last_seen_at, i.seen_at),
        download_bytes_per_s = coalesce(i.download_rate, s.download_bytes_per_s),
        health = coalesce(i.health, s.health), health_at = coalesce(i.health_at, s.health_at)
      from jsonb_to_recordset($1::jsonb) as i(device text, agent_version text, rev bigint, nonce bigint,
        report text, interval_s int, download_rate bigint, seen_at timestamptz, health jsonb,
        health_at timestamptz)
      where s.device_id = i.device
    )sql"};
    exec_prepared(transaction, save_reports, rows.dump());
  }

  static void write_capabilities(pqxx::work& transaction, const Json& rows) {
    if (rows.empty()) return;
    transaction.exec_params0(
        R"sql(
          update devices d
          set capabilities = i.capabilities
          from jsonb_to_recordset($1::jsonb) as i(device text, capabilities jsonb)
          where d.id = i.device and d.capabilities <> i.capabilities
        )sql",
        rows.dump());
  }

  void write_models(pqxx::work& transaction, const Json& rows, const Json& gone) const {
    if (!rows.empty())
      transaction.exec_params0(
          R"sql(
            insert into device_models (device_id, model, version, digest, previous_version, previous_digest,
              update_state, update_version, updated_at)
            select i.device, i.model, nullif(i.version, ''), nullif(i.digest, ''), nullif(i.previous_version, ''),
              nullif(i.previous_digest, ''), i.update_state, nullif(i.update_version, ''), $2::timestamptz
            from jsonb_to_recordset($1::jsonb) as i(device text, model text, version text, digest text,
              previous_version text, previous_digest text, update_state text, update_version text)
            on conflict (device_id, model) do update set version = excluded.version, digest = excluded.digest,
              previous_version = excluded.previous_version, previous_digest = excluded.previous_digest,
              update_state = excluded.update_state, update_version = excluded.update_version,
              updated_at = excluded.updated_at
          )sql",
          rows.dump(), now);
    if (!gone.empty())
      transaction.exec_params0(
          R"sql(
            delete from device_models m
            using jsonb_to_recordset($1::jsonb) as i(device text, model text)
            where m.device_id = i.device and m.model = i.model
          )sql",
          gone.dump());
  }
};

}  // namespace

std::vector<StateOutcome> TakeStateDocuments::operator()(pqxx::work& transaction) const {
  return StateBatch{states, now, allowance, rule}(transaction);
}

StateOutcome CheckSession::operator()(pqxx::work& transaction) const {
  static const Statement read_standing{"read_standing", R"sql(
    select s.session_nonce
    from device_state s
    join devices d on d.id = s.device_id
    where d.id = $1 and d.revoked_at is null
  )sql"};
  const pqxx::result rows = exec_prepared(transaction, read_standing, id.value());
  if (rows.empty()) return StateOutcome::unknown;
  return nonce < rows[0][0].as<std::int64_t>() ? StateOutcome::stale : StateOutcome::taken;
}

}  // namespace argosy::server
