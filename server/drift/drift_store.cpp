#include "server/drift/drift_store.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include <nlohmann/json.hpp>

#include "common/base/text.hpp"
#include "server/db/advisory_locks.hpp"
#include "server/db/rows.hpp"
#include "server/drift/drift_rows_store.hpp"
#include "server/telemetry/due_pairs_sql.hpp"
#include "server/telemetry/window_figures.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;

// Of one pair in one judgement, forwards and backwards; whoever has more is judged again.
constexpr std::size_t windows_at_once = 64;
// A PSI that moved less than this, and over no threshold, is not worth a row.
constexpr double psi_worth_writing = 0.01;
// But a row that was not written for so long would look as if nobody judged any more, and retention would take it.
constexpr Duration written_at_least{6 * 3'600'000};

struct Watched {
  std::size_t place = 0;  // in the batch
  WatchedPair pair;
  std::string version;
  Evidence evidence;
  const std::vector<wire::FeatureReference>* reference = nullptr;
  std::size_t newer = 0;  // windows read
  std::size_t older = 0;
};

// Windows that came out of their order are not among the newer ones: then the evidence is gathered anew.
bool came_in_order(const DuePair& due, Instant newest, Instant oldest) {
  return !due.earliest || *due.earliest > newest || *due.earliest < oldest;
}

// Each pair with the version that it serves now and the evidence so far; revoked devices, pairs without windows and
// versions without a reference are left out.
std::vector<Watched> read_watched(pqxx::work& transaction, const JudgeDrift& judge, References& references) {
  const Instant oldest = judge.now - judge.evidence.longest_look;
  static const std::string sql = R"sql(
    select p.n, w.version, e.version = w.version as is_same, e.newest_at, e.evidence
    from )sql" + served_pairs_sql() +
                                 R"sql(
    left join drift_evidence e on e.device_id = p.device and e.model = p.model
  )sql";
  const auto rows = transaction.exec_params(sql, due_pairs_json(judge.due), oldest, judge.now + judged_ahead);
  std::vector<ReleaseName> releases;
  for (const auto& row : rows)
    releases.emplace_back(judge.due[row["n"].as<std::size_t>()].pair.model, row["version"].as<std::string>());
  references = read_references(transaction, releases);
  std::vector<Watched> watched;
  for (const auto& row : rows) {
    const auto place = row["n"].as<std::size_t>();
    const DuePair& due = judge.due[place];
    const auto reference = references.find({due.pair.model, row["version"].as<std::string>()});
    if (reference == references.end() || reference->second.empty()) continue;
    Evidence evidence(judge.evidence, reference->second);
    if (row["is_same"].as<bool>(false)) {
      const Instant newest = row["newest_at"].as<Instant>();
      if (came_in_order(due, newest, oldest)) (void)evidence.restore(row["evidence"].as<std::string>(), newest);
    }
    watched.push_back({place, due.pair, row["version"].as<std::string>(), std::move(evidence), &reference->second});
  }
  return watched;
}

constexpr auto newer_windows =
    R"sql(
      select p.n, w.started_at, w.version, w.figures
      from jsonb_to_recordset($1::jsonb) as p(n int, device text, model text, at timestamptz)
      cross join lateral (
        select started_at, version, figures
        from telemetry_windows
        where device_id = p.device
          and model = p.model
          and started_at > p.at
          and started_at > $2::timestamptz
          and started_at < $3::timestamptz
        order by started_at
        limit $4
      ) w
      order by p.n, w.started_at
    )sql";
constexpr auto older_windows =
    R"sql(
      select p.n, w.started_at, w.version, w.figures
      from jsonb_to_recordset($1::jsonb) as p(n int, device text, model text, at timestamptz)
      cross join lateral (
        select started_at, version, figures
        from telemetry_windows
        where device_id = p.device
          and model = p.model
          and started_at < p.at
          and started_at > $2::timestamptz
          and started_at < $3::timestamptz
        order by started_at desc
        limit $4
      ) w
      order by p.n, w.started_at desc
    )sql";

struct WindowColumns {
  pqxx::row::size_type place, started_at, version, figures;
  explicit WindowColumns(const pqxx::result& rows)
      : place(rows.column_number("n")),
        started_at(rows.column_number("started_at")),
        version(rows.column_number("version")),
        figures(rows.column_number("figures")) {}
};

std::map<std::string, HistogramCounts> features_of(const pqxx::row& row, const WindowColumns& columns) {
  TakenWindow window;
  read_figures(row[columns.figures].c_str(), window);
  std::map<std::string, HistogramCounts> features;
  for (auto& [name, counts] : window.features) features.emplace(std::move(name), std::move(counts));
  return features;
}

// `places` are those of `watched` whose windows are wanted, `at` of each from when on.
template <class At>
pqxx::result read_windows(pqxx::work& transaction, const char* statement, const JudgeDrift& judge,
                          const std::vector<Watched>& watched, const std::vector<std::size_t>& places, At at) {
  auto wanted = json::array();
  for (const auto place : places)
    wanted.push_back({{"n", place},
                      {"device", watched[place].pair.device},
                      {"model", watched[place].pair.model},
                      {"at", to_rfc3339(at(watched[place].evidence))}});
  return transaction.exec_params(statement, wanted.dump(), judge.now - judge.evidence.longest_look,
                                 judge.now + judged_ahead, windows_at_once);
}

void read_newer(pqxx::work& transaction, const JudgeDrift& judge, std::vector<Watched>& watched) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < watched.size(); ++i) {
    if (watched[i].evidence.newest()) places.push_back(i);
  }
  if (places.empty()) return;
  const auto rows = read_windows(transaction, newer_windows, judge, watched, places,
                                 [](const Evidence& evidence) { return *evidence.newest(); });
  const WindowColumns columns(rows);
  for (const auto& row : rows) {
    auto& [place, pair, version, evidence, reference, newer, older] = watched[row[columns.place].as<std::size_t>()];
    ++newer;
    EvidenceWindow window{row[columns.started_at].as<Instant>()};
    if (row[columns.version].as<std::string>() == version) {
      window.features = features_of(row, columns);
    } else {
      evidence.begin_again();
    }
    evidence.add_newer(window);
  }
}

// What evidence that begins anew, or did not yet reach back far enough, still wants.
void read_older(pqxx::work& transaction, const JudgeDrift& judge, std::vector<Watched>& watched) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < watched.size(); ++i) {
    if (watched[i].evidence.wants_older()) places.push_back(i);
  }
  if (places.empty()) return;
  const auto rows =
      read_windows(transaction, older_windows, judge, watched, places,
                   [&judge](const Evidence& evidence) { return evidence.oldest().value_or(judge.now + judged_ahead); });
  const WindowColumns columns(rows);
  for (const auto& row : rows) {
    auto& [place, pair, version, evidence, reference, newer, older] = watched[row[columns.place].as<std::size_t>()];
    ++older;
    if (!evidence.wants_older()) continue;
    if (row[columns.version].as<std::string>() == version) {
      evidence.add_older({row[columns.started_at].as<Instant>(), features_of(row, columns)});
    } else {
      evidence.has_no_older();
    }
  }
  for (const auto place : places) {
    if (watched[place].older < windows_at_once) watched[place].evidence.has_no_older();
  }
}

void save_evidence(pqxx::work& transaction, const std::vector<Watched>& watched, Instant now) {
  auto rows = json::array();
  for (const auto& entry : watched) {
    if (entry.newer + entry.older == 0) continue;
    rows.push_back({{"device", entry.pair.device},
                    {"model", entry.pair.model},
                    {"version", entry.version},
                    {"newest", to_rfc3339(*entry.evidence.newest())},
                    {"evidence", entry.evidence.to_json()}});
  }
  if (rows.empty()) return;
  transaction.exec_params0(
      R"sql(
        insert into drift_evidence (device_id, model, version, newest_at, updated_at, evidence)
        select device, model, version, newest, $2::timestamptz, evidence
        from jsonb_to_recordset($1::jsonb) as
          e(device text, model text, version text, newest timestamptz, evidence text)
        order by device, model
        on conflict (device_id, model) do update set version = excluded.version, newest_at = excluded.newest_at,
          updated_at = excluded.updated_at, evidence = excluded.evidence
      )sql",
      rows.dump(), now);
}

bool is_worth_writing(const DriftRule& rule, const KnownVerdict& known, const DriftVerdict& verdict, Instant now) {
  const auto crossed = [](auto before, auto after, auto threshold) {
    return (before >= threshold) != (after >= threshold);
  };
  const double psi = verdict.measures.psi;
  return now - known.written_at >= written_at_least || known.version != verdict.version ||
         known.drifted != verdict.drifted || std::abs(known.psi - psi) > psi_worth_writing ||
         crossed(known.psi, psi, rule.open_psi) || crossed(known.samples, verdict.measures.samples, rule.min_samples);
}

void judge_features(const JudgeDrift& judge, const Watched& watched, const KnownVerdicts& known,
                    std::vector<DriftVerdict>& verdicts) {
  for (const auto& feature : *watched.reference) {
    DriftVerdict verdict{watched.pair, watched.version, feature.name, {}, false, false};
    verdict.measures = measure(feature.edges, feature.counts, watched.evidence.present(feature.name));
    const auto before = known.find({watched.pair.device, watched.pair.model, feature.name});
    verdict.was_drifted = before != known.end() && before->second.drifted;
    // A new version has a reference of its own: its verdict starts afresh.
    const bool is_same_version = before != known.end() && before->second.version == watched.version;
    verdict.drifted = judge_drift(judge.rule, verdict.measures, verdict.was_drifted && is_same_version);
    if (before == known.end() || is_worth_writing(judge.rule, before->second, verdict, judge.now))
      verdicts.push_back(std::move(verdict));
  }
}

// Verdicts on features that the present version does not have say nothing any more.
std::vector<VerdictKey> outdated(const std::vector<Watched>& watched, const KnownVerdicts& known) {
  std::vector<VerdictKey> gone;
  for (const auto& entry : watched) {
    const auto& [device, model] = entry.pair;
    for (auto at = known.lower_bound({device, model, {}}); at != known.end(); ++at) {
      const auto& [of_device, of_model, feature] = at->first;
      if (of_device != device || of_model != model) break;
      const bool is_known = std::any_of(entry.reference->begin(), entry.reference->end(),
                                        [&name = feature](const auto& known_now) { return known_now.name == name; });
      if (!is_known) gone.push_back(at->first);
    }
  }
  return gone;
}

}  // namespace

Judged JudgeDrift::operator()(pqxx::work& transaction) const {
  // One instance at a time: a leader that is stepping down and its successor must not write the same verdict.
  transaction.exec1(advisory_lock::wait_in_transaction(advisory_lock::drift));
  References references;
  auto watched = read_watched(transaction, *this, references);
  if (watched.empty()) return {};
  read_newer(transaction, *this, watched);
  read_older(transaction, *this, watched);
  Judged judged;
  std::vector<WatchedPair> pairs;
  for (auto& entry : watched) {
    entry.evidence.forget_before(now - evidence.longest_look);
    pairs.push_back(entry.pair);
    const bool has_more = entry.newer == windows_at_once || entry.evidence.wants_older();
    if (has_more) judged.unfinished.push_back(entry.place);
  }
  const auto known = read_verdicts(transaction, pairs);
  std::vector<DriftVerdict> verdicts;
  for (const auto& entry : watched) judge_features(*this, entry, known, verdicts);
  save_evidence(transaction, watched, now);
  write_verdicts(transaction, verdicts, now);
  announce_verdicts(transaction, verdicts, rule);
  drop_verdicts(transaction, outdated(watched, known));
  for (const auto& verdict : verdicts) judged.moved += verdict.drifted != verdict.was_drifted ? 1 : 0;
  return judged;
}

Result<std::vector<FeatureDrift>> ReadDeviceDrift::operator()(pqxx::work& transaction) const {
  if (transaction.exec_params("select 1 from devices where id = $1", device).empty())
    return make_error(Errc::not_found, "there is no device \"" + shortened(device) + "\"");
  const auto rows = transaction.exec_params(
      R"sql(
        select s.model, s.version, s.feature, s.drifted, s.since, e.updated_at, e.newest_at, e.evidence
        from drift_state s
        join drift_evidence e on e.device_id = s.device_id and e.model = s.model and e.version = s.version
        where s.device_id = $1
        order by s.model, s.feature
      )sql",
      device);
  std::vector<ReleaseName> releases;
  for (const auto& row : rows) releases.emplace_back(row["model"].as<std::string>(), row["version"].as<std::string>());
  const auto references = read_references(transaction, releases);
  std::vector<FeatureDrift> drifts;
  for (const auto& row : rows) {
    const auto reference = references.find({row["model"].as<std::string>(), row["version"].as<std::string>()});
    if (reference == references.end()) continue;
    Evidence known(evidence, reference->second);
    if (!known.restore(row["evidence"].as<std::string>(), row["newest_at"].as<Instant>())) continue;
    for (const auto& feature : reference->second) {
      if (feature.name != row["feature"].as<std::string>()) continue;
      FeatureDrift drift;
      drift.model = row["model"].as<std::string>();
      drift.version = row["version"].as<std::string>();
      drift.feature = feature.name;
      drift.drifted = row["drifted"].as<bool>();
      drift.since = row["since"].as<Instant>();
      drift.updated_at = row["updated_at"].as<Instant>();
      drift.edges = feature.edges;
      drift.reference = feature.counts;
      drift.present = known.present(feature.name);
      drift.measures = measure(feature.edges, feature.counts, drift.present);
      drift.scope =
          scope_of(rule, drift.drifted,
                   peer_psi(transaction, device, drift.model, drift.version, drift.feature, rule.min_samples));
      drifts.push_back(std::move(drift));
    }
  }
  return drifts;
}

}  // namespace argosy::server
