#include "server/drift/drift_rows_store.hpp"

#include <cmath>

#include <nlohmann/json.hpp>

#include "common/json/json_reader.hpp"
#include "common/json/json_text.hpp"
#include "common/wire/input_contract.hpp"
#include "server/db/rows.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;

// What contracts promise of features, as releases.contract has it; of what cannot be read, nothing.
InputContract contract_of_json(const std::string& text) {
  auto contract = wire::contract_from_json(text);
  return contract ? std::move(*contract) : InputContract{};
}

}  // namespace

References read_references(pqxx::work& transaction, const std::vector<ReleaseName>& releases) {
  auto wanted = json::array();
  for (const auto& [model, version] : releases) wanted.push_back({{"model", model}, {"version", version}});
  const auto rows = transaction.exec_params(
      R"sql(
        select r.model, r.version, r.reference, r.contract
        from (
          select distinct model, version from jsonb_to_recordset($1::jsonb) as w(model text, version text)
        ) w
        join releases r on r.model = w.model and r.version = w.version
      )sql",
      wanted.dump());
  References references;
  for (const auto& row : rows)
    references[{row["model"].as<std::string>(), row["version"].as<std::string>()}] = judged_reference(
        reference_of_json(row["reference"].as<std::string>()), contract_of_json(row["contract"].as<std::string>()));
  for (const auto& release : releases) {
    auto& reference = references[release];
    if (!reference) reference = judged_reference({});
  }
  return references;
}

KnownVerdicts read_verdicts(pqxx::work& transaction, const std::vector<WatchedPair>& pairs) {
  auto wanted = json::array();
  for (const auto& pair : pairs) wanted.push_back({{"device", pair.device}, {"model", pair.model}});
  const auto rows = transaction.exec_params(
      R"sql(
        select s.device_id, s.model, s.feature, s.version, s.verdict, s.psi, s.updated_at
        from jsonb_to_recordset($1::jsonb) as p(device text, model text)
        join drift_state s on s.device_id = p.device and s.model = p.model
      )sql",
      wanted.dump());
  KnownVerdicts known;
  const auto device = rows.column_number("device_id");
  const auto model = rows.column_number("model");
  const auto feature = rows.column_number("feature");
  const auto version = rows.column_number("version");
  const auto verdict = rows.column_number("verdict");
  const auto psi = rows.column_number("psi");
  const auto updated_at = rows.column_number("updated_at");
  for (const auto& row : rows)
    known[{row[device].as<std::string>(), row[model].as<std::string>(), row[feature].as<std::string>()}] = {
        row[version].as<std::string>(), drift_verdict_of(row[verdict].as<std::string>()), row[psi].as<double>(),
        row[updated_at].as<Instant>()};
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
                    {"psi", std::isfinite(verdict.said.measures.psi) ? verdict.said.measures.psi : 0.0},
                    {"samples", verdict.said.measures.samples},
                    {"verdict", to_string(verdict.said.kind)},
                    {"drifted", verdict.is_drifted()},
                    {"figures", parse_json(figures_to_json(verdict.said, verdict.envelope)).value()}});
  transaction.exec_params0(
      R"sql(
        insert into drift_state as s (device_id, model, version, feature, psi, samples, verdict, drifted, figures,
          since, updated_at)
        select device, model, version, feature, psi, samples, verdict, drifted, figures, $2::timestamptz,
          $2::timestamptz
        from jsonb_to_recordset($1::jsonb) as v(device text, model text, version text, feature text,
          psi double precision, samples bigint, verdict text, drifted boolean, figures jsonb)
        order by device, model, feature
        on conflict (device_id, model, feature) do update set version = excluded.version, psi = excluded.psi,
          samples = excluded.samples, verdict = excluded.verdict, drifted = excluded.drifted,
          figures = excluded.figures, updated_at = excluded.updated_at,
          since = case
            when s.verdict = excluded.verdict and s.version = excluded.version then s.since
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
  std::vector<NewEvent> events;
  for (const auto& verdict : verdicts) {
    if (verdict.is_drifted() == verdict.was_drifted) continue;
    const auto& said = verdict.said;
    NewEvent event;
    event.kind = verdict.is_drifted() ? "drift.detected" : "drift.cleared";
    event.severity = verdict.is_drifted() ? "warning" : "info";
    event.device_id = verdict.pair.device;
    event.model = verdict.pair.model;
    event.message = verdict.pair.device + ": " + describe_drift(rule, verdict.feature, said);
    auto details = parse_json(figures_to_json(said, verdict.envelope)).value();
    details.update({{"feature", verdict.feature},
                    {"version", verdict.version},
                    {"psi", said.measures.psi},
                    {"samples", said.measures.samples}});
    event.details_json = details.dump();
    events.push_back(std::move(event));
  }
  append_events(transaction, events);
}

std::set<WatchedPair> read_broken(pqxx::work& transaction, const std::vector<WatchedPair>& pairs) {
  auto wanted = json::array();
  for (const auto& pair : pairs) wanted.push_back({{"device", pair.device}, {"model", pair.model}});
  std::set<WatchedPair> broken;
  for (const auto& row : transaction.exec_params(
           R"sql(
             select b.device_id, b.model
             from jsonb_to_recordset($1::jsonb) as p(device text, model text)
             join contract_breaches b on b.device_id = p.device and b.model = p.model
           )sql",
           wanted.dump()))
    broken.insert({row[0].as<std::string>(), row[1].as<std::string>()});
  return broken;
}

void write_breaches(pqxx::work& transaction, const std::vector<PairBreaches>& changed, Instant now) {
  std::vector<NewEvent> events;
  for (const auto& of_pair : changed) {
    const auto& [device, model] = of_pair.pair;
    auto breaches = json::array();
    std::string message;
    for (const auto& breach : of_pair.breaches) {
      const auto sentence = describe_breach(*of_pair.reference, breach);
      breaches.push_back({{"feature", breach.feature},
                          {"fault", to_string(breach.fault)},
                          {"value", breach.value},
                          {"message", sentence}});
      message += (message.empty() ? "" : "; ") + sentence;
    }
    if (of_pair.breaches.empty()) {
      message = "its input keeps to the contract again";
      transaction.exec_params0("delete from contract_breaches where device_id = $1 and model = $2", device, model);
    } else {
      transaction.exec_params0(
          R"sql(
            insert into contract_breaches as b (device_id, model, version, breaches, message, since, updated_at)
            values ($1, $2, $3, $4::jsonb, $5, $6::timestamptz, $6::timestamptz)
            on conflict (device_id, model) do update set version = excluded.version, breaches = excluded.breaches,
              message = excluded.message, updated_at = excluded.updated_at
          )sql",
          device, model, of_pair.version, breaches.dump(), message, now);
    }
    NewEvent event;
    event.kind = of_pair.breaches.empty() ? "contract.kept" : "contract.broken";
    event.severity = of_pair.breaches.empty() ? "info" : "warning";
    event.device_id = device;
    event.model = model;
    event.message = device + ": the input of " + model + ": " + message;
    event.details_json = json{{"version", of_pair.version}, {"breaches", std::move(breaches)}}.dump();
    events.push_back(std::move(event));
  }
  append_events(transaction, events);
}

std::string figures_to_json(const FeatureVerdict& said, const std::optional<double>& envelope) {
  json figures{{"scope", to_string(said.scope)},
               {"against", to_string(said.against)},
               {"threshold", said.threshold},
               {"shift", said.measures.shift},
               {"independent_samples", said.measures.independent_samples},
               {"peers", said.peers},
               {"votes", said.votes}};
  if (said.z) figures["z"] = *said.z;
  if (said.z_needed) figures["z_needed"] = *said.z_needed;
  if (envelope) figures["envelope"] = *envelope;
  return figures.dump();
}

void read_figures(const std::string& text, FeatureVerdict& said, std::optional<double>& envelope) {
  auto figures = JsonReader::parse(text, stored_json, UnknownKeys::pass);
  if (!figures) return;
  std::string scope, against;
  figures->optional("scope", scope)
      .optional("against", against)
      .optional("threshold", said.threshold)
      .optional("peers", said.peers)
      .optional("votes", said.votes)
      .optional("z", said.z)
      .optional("z_needed", said.z_needed)
      .optional("envelope", envelope);
  said.scope = drift_scope_of(scope);
  said.against = against_of(against);
}

}  // namespace argosy::server
