#include "server/drift/drift_rows_store.hpp"

#include <cmath>

#include <nlohmann/json.hpp>

#include "server/db/rows.hpp"
#include "server/drift/evidence.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;

constexpr int peer_limit = 1000;

struct Peers {
  std::vector<std::pair<std::string, double>> psi;  // by device
  std::vector<double> others(const std::string& device) const {
    std::vector<double> values;
    for (const auto& [peer, value] : psi) {
      if (peer != device) values.push_back(value);
    }
    return values;
  }
};

Peers read_peers(pqxx::work& transaction, const std::string& model, const std::string& version,
                 const std::string& feature, std::uint64_t min_samples) {
  const auto rows = transaction.exec_params(
      R"sql(
        select device_id, psi
        from drift_state
        where model = $1 and version = $2 and feature = $3 and samples >= $4
        limit $5
      )sql",
      model, version, feature, min_samples, peer_limit + 1);
  Peers peers;
  for (const auto& row : rows) peers.psi.emplace_back(row[0].as<std::string>(), row[1].as<double>());
  return peers;
}

}  // namespace

References read_references(pqxx::work& transaction, const std::vector<ReleaseName>& releases) {
  auto wanted = json::array();
  for (const auto& [model, version] : releases) wanted.push_back({{"model", model}, {"version", version}});
  const auto rows = transaction.exec_params(
      R"sql(
        select r.model, r.version, r.reference
        from (
          select distinct model, version from jsonb_to_recordset($1::jsonb) as w(model text, version text)
        ) w
        join releases r on r.model = w.model and r.version = w.version
      )sql",
      wanted.dump());
  References references;
  for (const auto& row : rows)
    references[{row["model"].as<std::string>(), row["version"].as<std::string>()}] =
        reference_of_json(row["reference"].as<std::string>());
  return references;
}

KnownVerdicts read_verdicts(pqxx::work& transaction, const std::vector<WatchedPair>& pairs) {
  auto wanted = json::array();
  for (const auto& pair : pairs) wanted.push_back({{"device", pair.device}, {"model", pair.model}});
  const auto rows = transaction.exec_params(
      R"sql(
        select s.device_id, s.model, s.feature, s.version, s.drifted, s.psi, s.samples, s.updated_at
        from jsonb_to_recordset($1::jsonb) as p(device text, model text)
        join drift_state s on s.device_id = p.device and s.model = p.model
      )sql",
      wanted.dump());
  KnownVerdicts known;
  const auto device = rows.column_number("device_id");
  const auto model = rows.column_number("model");
  const auto feature = rows.column_number("feature");
  const auto version = rows.column_number("version");
  const auto drifted = rows.column_number("drifted");
  const auto psi = rows.column_number("psi");
  const auto samples = rows.column_number("samples");
  const auto updated_at = rows.column_number("updated_at");
  for (const auto& row : rows)
    known[{row[device].as<std::string>(), row[model].as<std::string>(), row[feature].as<std::string>()}] = {
        row[version].as<std::string>(), row[drifted].as<bool>(), row[psi].as<double>(),
        row[samples].as<std::uint64_t>(), row[updated_at].as<Instant>()};
  return known;
}

void write_verdicts(pqxx::work& transaction, const std::vector<DriftVerdict>& verdicts, Instant now) {
  if (verdicts.empty()) return;
  auto rows = json::array();
  for (const auto& verdict : verdicts)
    rows.push_back({{"device", verdict.pair.device},
                    {"model", verdict.pair.model},
                    {"version", verdict.version},
                    {"feature", verdict.feature},
                    {"psi", std::isfinite(verdict.measures.psi) ? verdict.measures.psi : 0.0},
                    {"samples", verdict.measures.samples},
                    {"drifted", verdict.drifted}});
  transaction.exec_params0(
      R"sql(
        insert into drift_state as s (device_id, model, version, feature, psi, samples, drifted, since, updated_at)
        select device, model, version, feature, psi, samples, drifted, $2::timestamptz, $2::timestamptz
        from jsonb_to_recordset($1::jsonb) as v(device text, model text, version text, feature text,
          psi double precision, samples bigint, drifted boolean)
        order by device, model, feature
        on conflict (device_id, model, feature) do update set version = excluded.version, psi = excluded.psi,
          samples = excluded.samples, drifted = excluded.drifted, updated_at = excluded.updated_at,
          since = case
            when s.drifted = excluded.drifted and s.version = excluded.version then s.since
            else excluded.since
          end
      )sql",
      rows.dump(), now);
}

void drop_verdicts(pqxx::work& transaction, const std::vector<VerdictKey>& verdicts) {
  if (verdicts.empty()) return;
  auto rows = json::array();
  for (const auto& [device, model, feature] : verdicts)
    rows.push_back({{"device", device}, {"model", model}, {"feature", feature}});
  transaction.exec_params0(
      R"sql(
        delete from drift_state s
        using jsonb_to_recordset($1::jsonb) as v(device text, model text, feature text)
        where s.device_id = v.device and s.model = v.model and s.feature = v.feature
      )sql",
      rows.dump());
}

void announce_verdicts(pqxx::work& transaction, const std::vector<DriftVerdict>& verdicts, const DriftRule& rule) {
  std::map<std::tuple<std::string, std::string, std::string>, Peers> peers;  // read once for a batch
  std::vector<NewEvent> events;
  for (const auto& verdict : verdicts) {
    if (verdict.drifted == verdict.was_drifted) continue;
    const auto& model = verdict.pair.model;
    auto [found, is_new] = peers.try_emplace({model, verdict.version, verdict.feature});
    if (is_new) found->second = read_peers(transaction, model, verdict.version, verdict.feature, rule.min_samples);
    const auto scope = scope_of(rule, verdict.drifted, found->second.others(verdict.pair.device));
    NewEvent event;
    event.kind = verdict.drifted ? "drift.detected" : "drift.cleared";
    event.severity = verdict.drifted ? "warning" : "info";
    event.device_id = verdict.pair.device;
    event.model = model;
    event.message =
        verdict.pair.device + ": " + describe_drift(rule, verdict.feature, verdict.measures, verdict.drifted, scope);
    event.details_json = json{{"feature", verdict.feature},          {"version", verdict.version},
                              {"psi", verdict.measures.psi},         {"js", verdict.measures.jensen_shannon},
                              {"samples", verdict.measures.samples}, {"scope", to_string(scope)}}
                             .dump();
    events.push_back(std::move(event));
  }
  append_events(transaction, events);
}

std::vector<double> peer_psi(pqxx::work& transaction, const std::string& device, const std::string& model,
                             const std::string& version, const std::string& feature, std::uint64_t min_samples) {
  return read_peers(transaction, model, version, feature, min_samples).others(device);
}

}  // namespace argosy::server
