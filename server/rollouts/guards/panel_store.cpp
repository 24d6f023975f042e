#include "server/rollouts/guards/panel_store.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/json/json_text.hpp"
#include "common/wire/input_contract.hpp"
#include "server/db/rows.hpp"
#include "server/db/statement.hpp"
#include "server/drift/evidence.hpp"
#include "server/rollouts/core/dwell.hpp"
#include "server/rollouts/core/state_sql.hpp"
#include "server/rollouts/guards/window_rows_store.hpp"
#include "server/rollouts/store/decision_store.hpp"
#include "server/rollouts/store/maintenance_store.hpp"
#include "server/rollouts/store/rollout_rows_store.hpp"
#include "server/rollouts/store/shadow_store.hpp"

namespace argosy::server {
namespace {

using Json = nlohmann::json;

constexpr int members_a_reading = 50;         // whose past is read in one transaction
constexpr std::size_t windows_of_past = 288;  // of a member, the newest: a day of five-minute windows
constexpr int samples_of_past = 288;          // of its board's health, the newest

Result<Bytes> bytes_of(const pqxx::field& field) {
  constexpr std::size_t prefix = 2;  // \\x
  return from_hex(std::string_view(field.c_str(), field.size()).substr(std::min(prefix, field.size())));
}

// Figures that cannot be read are begun anew: one row must not hold up telemetry, or a rollout.
Figures figures_of(const pqxx::field& field) {
  if (field.is_null()) return {};
  const auto bytes = bytes_of(field);
  auto figures = bytes ? decode_figures(*bytes) : bytes.error();
  return figures ? std::move(*figures) : Figures{};
}

Json hex_of(const Figures& figures) {
  return to_hex(encode(figures));
}

PanelMember member_of(const pqxx::row& row) {
  PanelMember member;
  member.device = row["device_id"].as<std::string>();
  member.old_version = row["old_version"].as<std::string>();
  member.updated_since = optional_of<Instant>(row["updated_since"]);
  member.waiting = {row["waiting_wave"].as<int>(), figures_of(row["waiting"])};
  member.updated = {row["updated_wave"].as<int>(), figures_of(row["updated"])};
  return member;
}

// Feeding
// ---------------------------------------------------------------------------------------------------------------

struct Fed {
  std::int64_t rollout = 0;
  std::string model;
  PanelWave open;
  PanelMember member;
  bool is_changed = false;
};

std::vector<Fed> lock_members(pqxx::work& transaction, const std::set<std::string>& devices) {
  static const Statement lock_panel{"lock_panel", R"sql(
    select p.rollout_id, p.device_id, p.old_version, p.updated_since, p.waiting, p.waiting_wave, p.updated, p.updated_wave,
      p.warm_up_s, p.counts_features, r.model, r.wave, w.opened_at, l.version
    from rollout_panel p
    join rollouts r on r.id = p.rollout_id and r.state in ()sql" +
                                                      sql_states(is_open) + R"sql()
    join rollout_waves w on w.rollout_id = r.id and w.wave = r.wave and w.opened_at is not null
    join releases l on l.id = r.release_id
    where p.device_id in (select unnest($1::text[]))
    order by p.device_id, p.rollout_id
    for update of p
  )sql"};
  std::vector<Fed> fed;
  for (const auto& row : exec_prepared(transaction, lock_panel, pg_array(devices))) {
    fed.push_back({.rollout = row["rollout_id"].as<std::int64_t>(),
                   .model = row["model"].as<std::string>(),
                   .open = {.wave = row["wave"].as<int>(),
                            .opened_at = row["opened_at"].as<Instant>(),
                            .version = row["version"].as<std::string>(),
                            .warm_up = std::chrono::seconds(row["warm_up_s"].as<std::int64_t>()),
                            .counts_features = row["counts_features"].as<bool>()},
                   .member = member_of(row)});
  }
  return fed;
}

void save_members(pqxx::work& transaction, const std::vector<Fed>& fed) {
  Json rows = Json::array();
  for (const Fed& one : fed) {
    if (!one.is_changed) continue;
    const PanelMember& member = one.member;
    rows.push_back({{"rollout", one.rollout},
                    {"device", member.device},
                    {"updated_since", json_of(member.updated_since)},
                    {"waiting", hex_of(member.waiting.figures)},
                    {"waiting_wave", member.waiting.wave},
                    {"updated", hex_of(member.updated.figures)},
                    {"updated_wave", member.updated.wave},
                    {"exposure_ms", member.updated.figures.exposure.count()}});
  }
  if (rows.empty()) return;
  static const Statement save_panel{"save_panel", R"sql(
    update rollout_panel p
    set updated_since = f.updated_since, waiting = decode(f.waiting, 'hex'), waiting_wave = f.waiting_wave,
      updated = decode(f.updated, 'hex'), updated_wave = f.updated_wave, exposure_ms = f.exposure_ms
    from jsonb_to_recordset($1::jsonb) as f(rollout bigint, device text, updated_since timestamptz, waiting text,
      waiting_wave int, updated text, updated_wave int, exposure_ms bigint)
    where p.rollout_id = f.rollout and p.device_id = f.device
  )sql"};
  exec_prepared(transaction, save_panel, rows.dump());
}

// The panel
// -------------------------------------------------------------------------------------------------------------

// As many of each wave, by chance and the same whoever draws: the hash of the rollout's seed and the device.
void draw_panel(pqxx::work& transaction, const RolloutRecord& record, Instant now) {
  const auto of_each_wave = panel_limit / static_cast<std::int64_t>(std::max<std::size_t>(1, record.waves.size()));
  transaction.exec_params0(
      R"sql(
        insert into rollout_panel (rollout_id, device_id, class, warm_up_s, counts_features)
        select $1, q.device_id, d.hardware_class, $4, $5
        from (
          select device_id, row_number() over (
              partition by wave order by hashtextextended(device_id, $2::bigint), device_id
            ) as place
          from rollout_devices
          where rollout_id = $1
        ) as q
        join devices d on d.id = q.device_id
        where q.place <= $3
        on conflict do nothing
      )sql",
      record.id, static_cast<std::int64_t>(record.seed), of_each_wave, record.policy.warm_up_s,
      is_guarded_by(record.policy, GuardSource::features));
  transaction.exec_params0("update rollouts set panel_drawn_at = $2::timestamptz where id = $1", record.id, now);
}

std::vector<std::string> unread_members(pqxx::work& transaction, std::int64_t rollout) {
  static const Statement find_unread{"find_unread_members", R"sql(
    select device_id
    from rollout_panel
    where rollout_id = $1 and not is_before_read
    limit $2
  )sql"};
  std::vector<std::string> devices;
  for (const auto& row : exec_prepared(transaction, find_unread, rollout, members_a_reading))
    devices.push_back(row[0].as<std::string>());
  return devices;
}

struct Past {
  std::string version;  // the newest but for the rollout's own
  Figures figures;
};

std::map<std::string, Past> read_past(pqxx::work& transaction, const RolloutRecord& record,
                                      const std::vector<std::string>& devices) {
  const bool counts_features = is_guarded_by(record.policy, GuardSource::features);
  std::map<std::string, Past> past;
  for (const TakenWindow& window : newest_windows(transaction, devices,
                                                  {.model = record.model,
                                                  .version = record.version,
                                                  .until = *record.started_at,
                                                  .reach_back = std::chrono::seconds(record.policy.baseline_s),
                                                  .of_each_device = windows_of_past})) {
    Past& one = past[window.device];
    if (one.version.empty()) one.version = window.version;
    if (one.version != window.version) continue;
    add(one.figures, window);
    if (counts_features) add_features(one.figures, window.features);
  }
  return past;
}

// What the board measured meanwhile.
void read_past_health(pqxx::work& transaction, const RolloutRecord& record, const std::vector<std::string>& devices,
                      std::map<std::string, Past>& past) {
  static const Statement past_health{"past_health", R"sql(
    select p.device, (h.sample ->> 'memory_used_mb')::float8 as memory_used_mb,
      (h.sample ->> 'cpu_temperature_c')::float8 as cpu_temperature_c, (h.sample ->> 'power_w')::float8 as power_w
    from unnest($1::text[]) as p(device)
    cross join lateral (
      select sample
      from health_samples i
      where i.device_id = p.device and i.at < $2::timestamptz and i.at >= $2::timestamptz - make_interval(secs => $3)
      order by i.at desc
      limit $4
    ) as h
  )sql"};
  const auto rows = exec_prepared(transaction, past_health, pg_array(devices), *record.started_at,
                                  static_cast<double>(record.policy.baseline_s), samples_of_past);
  for (const auto& row : rows) {
    wire::HealthSample sample;
    sample.memory_used_mb = optional_of<double>(row["memory_used_mb"]);
    sample.cpu_temperature_c = optional_of<double>(row["cpu_temperature_c"]);
    sample.power_w = optional_of<double>(row["power_w"]);
    add(past[row["device"].as<std::string>()].figures, sample);
  }
}

void save_past(pqxx::work& transaction, std::int64_t rollout, const std::vector<std::string>& devices,
               std::map<std::string, Past> past) {
  Json rows = Json::array();
  for (const auto& device : devices) {
    const Past& one = past[device];
    rows.push_back({{"device", device}, {"version", one.version}, {"before", hex_of(one.figures)}});
  }
  static const Statement save_before{"save_before", R"sql(
    with read as (
      select p.device_id
      from rollout_panel p
      where p.rollout_id = $1 and p.device_id in (select device from jsonb_to_recordset($2::jsonb) as b(device text))
      order by p.device_id
      for update
    )
    update rollout_panel p
    set old_version = b.version, before = decode(b.before, 'hex'), is_before_read = true
    from jsonb_to_recordset($2::jsonb) as b(device text, version text, before text)
    join read on read.device_id = b.device
    where p.rollout_id = $1 and p.device_id = b.device
  )sql"};
  exec_prepared(transaction, save_before, rollout, rows.dump());
}

// Whether some are still to be read.
bool read_some_past(pqxx::work& transaction, const RolloutRecord& record) {
  const auto devices = unread_members(transaction, record.id);
  if (devices.empty()) return false;
  auto past = read_past(transaction, record, devices);
  if (is_guarded_by(record.policy, GuardSource::health)) read_past_health(transaction, record, devices, past);
  save_past(transaction, record.id, devices, std::move(past));
  return true;
}

// What a device's place in the rollout says of it.
const std::string& has_it() {
  static const std::string sql = "(q.state in (" + sql_steps(has_served) + ") or q.cause in (" +
                                 sql_causes(is_probation_cause) + ")) and q.cause is distinct from " +
                                 sql_word(cause_already_installed);
  return sql;
}
const std::string& has_left() {
  static const std::string sql = "q.device_id is null or q.cause in (" + sql_causes(is_neutral_cause) + ", " +
                                 sql_word(cause_already_installed) + ")";
  return sql;
}

GuardPanel load_panel(pqxx::work& transaction, std::int64_t rollout) {
  static const Statement find_panel{"find_panel", R"sql(
    select p.device_id, p.class, p.old_version, p.before, p.updated_since, p.waiting, p.waiting_wave, p.updated, p.updated_wave,
      coalesce(q.wave, 0) as wave, )sql" + shadow_columns +
                                                      R"sql(, coalesce()sql" + has_it() +
                                                      R"sql(, false) as has_it, coalesce()sql" + has_left() +
                                                      R"sql(, false) as has_left
    from rollout_panel p
    left join rollout_devices q on q.rollout_id = p.rollout_id and q.device_id = p.device_id
    left join rollout_shadows h on h.rollout_id = p.rollout_id and h.device_id = p.device_id
    where p.rollout_id = $1
    order by p.class, p.device_id
  )sql"};
  GuardPanel panel;
  for (const auto& row : exec_prepared(transaction, find_panel, rollout)) {
    const auto name = row["class"].as<std::string>();
    if (panel.classes.empty() || panel.classes.back() != name) panel.classes.push_back(name);
    PanelMember member = member_of(row);
    member.stratum = static_cast<std::uint32_t>(panel.classes.size() - 1);
    member.wave = row["wave"].as<int>();
    member.before = figures_of(row["before"]);
    member.has_it = row["has_it"].as<bool>();
    member.has_left = row["has_left"].as<bool>();
    member.shadow = shadow_of(row);
    panel.members.push_back(std::move(member));
  }
  return panel;
}

struct PanelReferences {
  FeatureReferences features;
  InputContracts contracts;
};

// Only the panel's own versions: those of a fleet that runs many.
PanelReferences load_references(pqxx::work& transaction, const RolloutRecord& record, const GuardPanel& panel) {
  std::set<std::string> versions{record.version};
  for (const PanelMember& member : panel.members) versions.insert(member.old_version);
  PanelReferences references;
  const auto rows = transaction.exec_params(
      R"sql(
        select version, reference, coalesce(contract, '{}') as contract
        from releases
        where model = $1 and version in (select unnest($2::text[]))
      )sql",
      record.model, pg_array(versions));
  for (const auto& row : rows) {
    const auto version = row["version"].as<std::string>();
    auto features = reference_of_json(row["reference"].as<std::string>("{}"));
    auto contract = wire::contract_from_json(row["contract"].as<std::string>());
    references.features[version] = features;
    references.contracts[version] =
        judged_reference(std::move(features), contract ? std::move(*contract) : InputContract{});
  }
  return references;
}

// Looks
// -------------------------------------------------------------------------------------------------------------

struct LastLook {
  LooksTaken taken;
  std::vector<GuardVerdict> verdicts;
};

LastLook load_last_look(pqxx::work& transaction, std::int64_t rollout) {
  static const Statement find_last_look{"find_last_look", R"sql(
    select number, wave, in_wave, shares_of_dwell, is_final, is_overtime, at, guards
    from rollout_looks
    where rollout_id = $1
    order by number desc
    limit 1
  )sql"};
  LastLook last;
  const auto rows = exec_prepared(transaction, find_last_look, rollout);
  if (rows.empty()) return last;
  const auto row = rows[0];
  last.taken = {.number = row["number"].as<int>(),
                .wave = row["wave"].as<int>(),
                .in_wave = row["in_wave"].as<int>(),
                .shares_of_dwell = json_or_null(row["shares_of_dwell"].as<std::string>()).get<std::vector<double>>(),
                .is_final = row["is_final"].as<bool>(),
                .is_overtime = row["is_overtime"].as<bool>(),
                .at = row["at"].as<Instant>()};
  for (const auto& document : json_or_null(row["guards"].as<std::string>()))
    if (auto verdict = decode_guard_verdict(document)) last.verdicts.push_back(std::move(*verdict));
  return last;
}

Duration median_exposure(pqxx::work& transaction, const RolloutRecord& record) {
  static const Statement find_exposure{"find_exposure", R"sql(
    select coalesce(percentile_disc(0.5) within group (order by exposure_ms), 0)
    from rollout_panel
    where rollout_id = $1 and updated_wave = $2 and exposure_ms > 0
  )sql"};
  return Duration{exec_prepared(transaction, find_exposure, record.id, record.wave)[0][0].as<std::int64_t>()};
}

LookTiming timing_of(const RolloutRecord& record, const std::vector<ZoneView>& zones, Instant now) {
  const auto& gate = record.policy.gate;
  const auto dwell = std::chrono::seconds(gate.bake_s + gate.max_dwell_s);
  const auto& baked_from = record.waves[static_cast<std::size_t>(record.wave)].bake_started_at;
  return {.length = std::chrono::seconds(record.policy.look_s),
          .longest = dwell,
          .dwell_began_at = baked_from,
          .dwell_is_over = baked_from && longest_dwell_is_over(record.policy, zones, *baked_from, now)};
}

bool has_no_past(pqxx::work& transaction, std::int64_t rollout) {
  static const Statement find_past{"find_member_with_past", R"sql(
    select
    from rollout_panel
    where rollout_id = $1 and old_version <> ''
    limit 1
  )sql"};
  return exec_prepared(transaction, find_past, rollout).empty();
}

bool is_last_wave(const RolloutRecord& record) {
  for (auto wave = static_cast<std::size_t>(record.wave) + 1; wave < record.waves.size(); ++wave)
    if (record.waves[wave].planned > 0) return false;
  return true;
}

// Of a rollout that has not moved on meanwhile; the same look of another instance counts.
void save_look(pqxx::work& transaction, const RolloutRecord& record, const Look& look,
               const std::vector<GuardVerdict>& verdicts, Instant now) {
  Json guards = Json::array();
  for (const auto& verdict : verdicts) guards.push_back(encode(verdict));
  transaction.exec_params0(
      R"sql(
        insert into rollout_looks (rollout_id, number, wave, in_wave, shares_of_dwell, is_final, at, guards, is_overtime)
        select id, $2, $3, $4, $5::jsonb, $6, $7::timestamptz, $8::jsonb, $9
        from rollouts
        where id = $1 and wave = $3 and state = )sql" +
          sql_word(RolloutState::running) + R"sql(
        on conflict do nothing
      )sql",
      record.id, look.number, look.wave, look.in_wave, Json(look.shares_of_dwell).dump(), look.is_final, now,
      guards.dump(), look.is_overtime);
}

}  // namespace

void feed_panels(pqxx::work& transaction, const TakenTelemetry& taken) {
  std::set<std::string> devices;
  for (const auto& window : taken.windows) devices.insert(window.device);
  for (const auto& health : taken.health) devices.insert(health.device);
  if (devices.empty()) return;
  auto fed = lock_members(transaction, devices);
  std::multimap<std::string, Fed*> of_device;
  for (Fed& one : fed) of_device.emplace(one.member.device, &one);
  for (const auto& window : taken.windows) {
    const auto [first, last] = of_device.equal_range(window.device);
    for (auto at = first; at != last; ++at) {
      Fed& one = *at->second;
      if (one.model != window.model) continue;
      one.is_changed |= take(one.member, one.open, window.version, window);
    }
  }
  for (const auto& health : taken.health) {
    const auto [first, last] = of_device.equal_range(health.device);
    for (auto at = first; at != last; ++at)
      at->second->is_changed |= take(at->second->member, at->second->open, health.sample, health.at);
  }
  save_members(transaction, fed);
}

Result<LookOutcome> LookAtGuards::operator()(pqxx::work& transaction) const {
  ARGOSY_TRY(const auto record, load_rollout(transaction, id, Lock::none));
  LookOutcome outcome;
  if (record.state != RolloutState::running || !record.started_at || record.policy.guards.empty()) return outcome;
  const auto drawn = transaction.exec_params1("select panel_drawn_at is not null from rollouts where id = $1", id);
  if (!drawn[0].as<bool>()) draw_panel(transaction, record, now);
  outcome.unfinished = read_some_past(transaction, record);
  if (outcome.unfinished) return outcome;
  auto last = load_last_look(transaction, id);
  auto timing = timing_of(record, load_zones(transaction, record.policy, now), now);
  timing.has_no_past = !record.policy.shadow && has_no_past(transaction, id);
  const auto watched = watched_for(median_exposure(transaction, record), timing.dwell_began_at,
                                   std::chrono::seconds(record.policy.silent_after_s), now);
  const auto look = due_look(last.taken, record.wave, watched, timing);
  if (!look) return outcome;
  const LookContext context{.look = *look,
                            .now = now,
                            .seed = record.seed,
                            .is_last_wave = is_last_wave(record),
                            .began_at = *record.started_at,
                            .before = std::move(last.verdicts)};
  GuardPanel panel = load_panel(transaction, id);
  if (is_guarded_by(record.policy, GuardSource::features)) {
    const auto references = load_references(transaction, record, panel);
    score_drift(panel, record.version, references.features);
    score_contracts(panel, record.version, references.contracts);
  }
  save_look(transaction, record, *look, judge_guards(record.policy, panel, context), now);
  outcome.looked = true;
  return outcome;
}

std::vector<GuardVerdict> load_verdicts(pqxx::work& transaction, const RolloutRecord& record) {
  if (record.policy.guards.empty()) return {};
  return current_verdicts(record.policy, load_last_look(transaction, record.id).verdicts, record.wave,
                          record.guards_unmeasured);
}

Result<void> LogMeasuring::operator()(pqxx::work& transaction) const {
  ARGOSY_TRY(const auto record, load_rollout(transaction, id, Lock::row));
  if (record.guards_unmeasured.empty() == why.empty()) return {};
  transaction.exec_params0("update rollouts set guards_unmeasured = $2 where id = $1", id, why);
  const Decision decision = why.empty()
                                ? Decision{"measuring", "guards are measured", "the guards can be measured again", {}}
                                : Decision{"measuring",
                                           "guards are not measured",
                                           "the guards cannot be measured, so no wave opens; stopping works: " + why,
                                           {{"why", why}}};
  log_decision(transaction, record, "engine", decision, now);
  return {};
}

}  // namespace argosy::server
