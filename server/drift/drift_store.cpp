#include "server/drift/drift_store.hpp"

#include <map>
#include <optional>

#include <nlohmann/json.hpp>

#include "common/base/text.hpp"
#include "common/json/json_reader.hpp"
#include "common/stats/bins.hpp"
#include "common/wire/desired.hpp"
#include "server/journal/journal_store.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;
using Counts = std::vector<std::uint64_t>;

struct KnownVerdict {
  std::string version;
  bool drifted = false;
};

constexpr std::size_t max_features = 256;

struct Evidence {
  std::string version;
  std::map<std::string, Counts> present;  // by feature
};

// What releases.reference holds; features without counts have bins but nothing to compare with.
std::vector<wire::FeatureReference> parse_reference(const std::string& text) {
  std::vector<wire::FeatureReference> features;
  auto document = JsonReader::parse(text, stored_json, UnknownKeys::pass);
  if (!document) return features;
  document->objects("features", max_features, features, [](JsonReader& entry, wire::FeatureReference& feature) {
    entry.required("name", feature.name).optional("edges", feature.edges).optional("counts", feature.counts);
  });
  if (!document->finish()) features.clear();
  std::erase_if(features, [](const wire::FeatureReference& feature) {
    return !check_edges(feature.edges) || feature.counts.size() != bins_of_edges(feature.edges.size());
  });
  return features;
}

std::vector<wire::FeatureReference> read_reference(pqxx::work& transaction, const std::string& model,
                                                   const std::string& version) {
  const auto rows =
      transaction.exec_params("select reference from releases where model = $1 and version = $2", model, version);
  return rows.empty() ? std::vector<wire::FeatureReference>{} : parse_reference(rows[0][0].as<std::string>());
}

// What inference_windows.features holds; nothing where it is damaged.
std::vector<wire::FeatureCounts> counted_in(const std::string& text) {
  std::vector<wire::FeatureCounts> features;
  auto list = parse_json(text, stored_json);
  if (!list) return features;
  auto row = JsonReader::of({{"features", std::move(*list)}}, {}, UnknownKeys::pass).value();
  row.objects("features", max_features, features, [](JsonReader& entry, wire::FeatureCounts& feature) {
    entry.required("name", feature.name).required("counts", feature.counts);
  });
  if (!row.finish()) features.clear();
  return features;
}

// A device's clock may be a little ahead; what it dates further into the future is not judged.
constexpr Duration clock_tolerance{300'000};
constexpr std::size_t page_size = 64;

// Adds one window; whether a feature still wanted samples. A window whose bins are not those of the others is of no
// use.
bool add_window(Evidence& evidence, const std::string& features_json, std::uint64_t samples) {
  bool is_wanted = false;
  for (const wire::FeatureCounts& feature : counted_in(features_json)) {
    auto& counts = evidence.present[feature.name];
    if (total_of(counts) >= samples) continue;
    is_wanted = true;
    (void)add_counts(counts, feature.counts);
  }
  return is_wanted || evidence.present.empty();
}

// Adds the newest windows of the newest version, page by page, until each feature has its samples.
Evidence gather(pqxx::work& transaction, const ModelOnDevice& pair, const DriftOptions& options, Instant now) {
  Evidence evidence;
  std::string before = to_rfc3339(now + clock_tolerance);
  for (std::size_t seen = 0; seen < options.window_limit;) {
    const auto rows = transaction.exec_params(
        "select version, features, started_at::text from inference_windows where device_id = $1 and model = $2 and "
        "started_at > $3::timestamptz and started_at < $4::timestamptz order by started_at desc limit $5",
        pair.device, pair.model, to_rfc3339(now - options.longest_look), before, page_size);
    for (const auto& row : rows) {
      if (evidence.version.empty()) evidence.version = row[0].as<std::string>();
      if (row[0].as<std::string>() != evidence.version) return evidence;
      if (!add_window(evidence, row[1].as<std::string>(), options.samples)) return evidence;
    }
    seen += static_cast<std::size_t>(rows.size());
    if (rows.size() < page_size) break;
    before = rows.back()[2].as<std::string>();
  }
  return evidence;
}

std::map<std::string, KnownVerdict> read_verdicts(pqxx::work& transaction, const ModelOnDevice& pair) {
  const auto rows = transaction.exec_params(
      "select feature, version, drifted from drift_state where device_id = $1 and model = $2", pair.device, pair.model);
  std::map<std::string, KnownVerdict> verdicts;
  for (const auto& row : rows) verdicts[row[0].as<std::string>()] = {row[1].as<std::string>(), row[2].as<bool>()};
  return verdicts;
}

std::vector<double> peer_psi(pqxx::work& transaction, const std::string& device, const std::string& model,
                             const std::string& version, const std::string& feature, std::uint64_t min_samples) {
  const auto rows = transaction.exec_params(
      "select psi from drift_state where model = $2 and version = $3 and feature = $4 and device_id <> $1 and "
      "samples >= $5 order by updated_at desc limit 1000",
      device, model, version, feature, min_samples);
  std::vector<double> values;
  for (const auto& row : rows) values.push_back(row[0].as<double>());
  return values;
}

void write_verdict(pqxx::work& transaction, const ModelOnDevice& pair, const std::string& version,
                   const std::string& feature, const DriftMeasures& measures, bool drifted, const Counts& present,
                   Instant now) {
  transaction.exec_params0(
      "insert into drift_state as s (device_id, model, version, feature, psi, samples, drifted, since, updated_at, "
      "present) values ($1, $2, $3, $4, $5, $6, $7, $8::timestamptz, $8::timestamptz, $9::jsonb) "
      "on conflict (device_id, model, feature) do update set version = excluded.version, psi = excluded.psi, "
      "samples = excluded.samples, drifted = excluded.drifted, updated_at = excluded.updated_at, "
      "present = excluded.present, since = case when s.drifted = excluded.drifted and s.version = excluded.version "
      "then s.since else excluded.since end",
      pair.device, pair.model, version, feature, measures.psi, measures.samples, drifted, to_rfc3339(now),
      json(present).dump());
}

void announce(pqxx::work& transaction, const ModelOnDevice& pair, const std::string& version,
              const std::string& feature, const DriftMeasures& measures, bool drifted, const DriftOptions& options) {
  const auto peers = peer_psi(transaction, pair.device, pair.model, version, feature, options.rule.min_samples);
  const auto scope = scope_of(options.rule, drifted, peers);
  NewEvent event;
  event.kind = drifted ? "drift.detected" : "drift.cleared";
  event.severity = drifted ? "warning" : "info";
  event.device_id = pair.device;
  event.model = pair.model;
  event.message = pair.device + ": " + describe_drift(options.rule, feature, measures, drifted, scope);
  event.details_json = json{{"feature", feature},          {"version", version},
                            {"psi", measures.psi},         {"js", measures.jensen_shannon},
                            {"samples", measures.samples}, {"scope", to_string(scope)}}
                           .dump();
  append_event(transaction, event);
}

// Verdicts on features that the present version does not have say nothing any more.
void drop_other_features(pqxx::work& transaction, const ModelOnDevice& pair,
                         const std::vector<wire::FeatureReference>& reference) {
  auto names = json::array();
  for (const auto& feature : reference) names.push_back(feature.name);
  transaction.exec_params0(
      "delete from drift_state where device_id = $1 and model = $2 and feature not in "
      "(select jsonb_array_elements_text($3::jsonb))",
      pair.device, pair.model, names.dump());
}

void judge_pair(pqxx::work& transaction, const ModelOnDevice& pair, const DriftOptions& options, Instant now) {
  const auto evidence = gather(transaction, pair, options, now);
  if (evidence.version.empty()) return;
  const auto reference = read_reference(transaction, pair.model, evidence.version);
  const auto known = read_verdicts(transaction, pair);
  for (const auto& feature : reference) {
    const auto found = evidence.present.find(feature.name);
    const Counts present = found != evidence.present.end() && found->second.size() == feature.counts.size()
                               ? found->second
                               : Counts(feature.counts.size());
    const auto measures = measure(feature.edges, feature.counts, present);
    const auto before = known.find(feature.name);
    const bool was_drifted = before != known.end() && before->second.drifted;
    // A new version has a reference of its own: its verdict starts afresh.
    const bool is_same_version = before != known.end() && before->second.version == evidence.version;
    const bool drifted = judge_drift(options.rule, measures, was_drifted && is_same_version);
    write_verdict(transaction, pair, evidence.version, feature.name, measures, drifted, present, now);
    if (drifted != was_drifted) announce(transaction, pair, evidence.version, feature.name, measures, drifted, options);
  }
  if (known.size() > 0) drop_other_features(transaction, pair, reference);
}

}  // namespace

std::vector<ModelOnDevice> FindHeardModels::operator()(pqxx::work& transaction) const {
  const auto rows = transaction.exec_params(
      "select m.device_id, m.model from device_state s join device_models m using (device_id) "
      "where s.last_seen_at >= $1::timestamptz",
      to_rfc3339(since));
  std::vector<ModelOnDevice> pairs;
  for (const auto& row : rows) pairs.push_back({row[0].as<std::string>(), row[1].as<std::string>()});
  return pairs;
}

void JudgeDrift::operator()(pqxx::work& transaction) const {
  // One instance at a time: a leader that is stepping down and its successor must not write the same verdict.
  transaction.exec1("select pg_advisory_xact_lock(7102003)");
  for (const auto& pair : due) {
    const auto device =
        transaction.exec_params("select 1 from devices where id = $1 and revoked_at is null", pair.device);
    if (!device.empty()) judge_pair(transaction, pair, options, now);
  }
}

Result<std::vector<FeatureDrift>> ReadDeviceDrift::operator()(pqxx::work& transaction) const {
  if (transaction.exec_params("select 1 from devices where id = $1", device).empty())
    return make_error(Errc::not_found, "there is no device \"" + shortened(device) + "\"");
  const auto rows = transaction.exec_params(
      "select model, version, feature, drifted, present, (extract(epoch from since) * 1000)::bigint, "
      "(extract(epoch from updated_at) * 1000)::bigint from drift_state where device_id = $1 order by model, feature",
      device);
  std::vector<FeatureDrift> drifts;
  std::map<std::string, std::vector<wire::FeatureReference>> references;
  for (const auto& row : rows) {
    FeatureDrift drift;
    drift.model = row[0].as<std::string>();
    drift.version = row[1].as<std::string>();
    drift.feature = row[2].as<std::string>();
    drift.drifted = row[3].as<bool>();
    drift.present = read_json<Counts>(row[4].as<std::string>()).value();
    drift.since = instant_from_ms(row[5].as<std::int64_t>());
    drift.updated_at = instant_from_ms(row[6].as<std::int64_t>());
    auto [reference, is_new] = references.try_emplace(drift.model + "@" + drift.version);
    if (is_new) reference->second = read_reference(transaction, drift.model, drift.version);
    for (const auto& feature : reference->second) {
      if (feature.name != drift.feature || feature.counts.size() != drift.present.size()) continue;
      drift.edges = feature.edges;
      drift.reference = feature.counts;
      drift.measures = measure(feature.edges, feature.counts, drift.present);
    }
    if (drift.reference.empty()) continue;
    drift.scope = scope_of(rule, drift.drifted,
                           peer_psi(transaction, device, drift.model, drift.version, drift.feature, rule.min_samples));
    drifts.push_back(std::move(drift));
  }
  return drifts;
}

}  // namespace argosy::server
