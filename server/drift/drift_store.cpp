#include "server/drift/drift_store.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <nlohmann/json.hpp>

#include "common/base/text.hpp"
#include "server/db/advisory_locks.hpp"
#include "server/db/rows.hpp"
#include "server/drift/drift_rows_store.hpp"
#include "server/telemetry/stored_windows_store.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;

// Of one pair in one judgement, forwards and backwards; whoever has more is judged again.
constexpr std::size_t windows_at_once = 64;
struct Watched {
  std::size_t place = 0;  // in the batch
  WatchedPair pair;
  std::string version;
  Evidence evidence;
  const std::vector<wire::FeatureReference>* reference = nullptr;
  std::size_t newer = 0;  // windows read
  std::size_t older = 0;
  Instant newest{};  // of all its windows
};

// Windows that came out of their order are not among the newer ones: then the evidence is gathered anew.
bool came_in_order(const DuePair& due, Instant newest, Instant oldest) {
  return !due.earliest || *due.earliest > newest || *due.earliest < oldest;
}

EvidenceWindow evidence_window_of(const TakenWindow& window) {
  EvidenceWindow evidence{window.started_at};
  for (const auto& feature : window.features) evidence.features.emplace(feature.name, feature.counts);
  return evidence;
}

// The newest window of each pair, which tells the version that the device serves now.
std::vector<std::vector<TakenWindow>> newest_windows(pqxx::work& transaction, const JudgeDrift& judge) {
  StoredWindowsWanted wanted{.most = 1, .newest_first = true};
  for (const auto& due : judge.due)
    wanted.pairs.push_back({due.pair, judge.now - judge.rules.evidence.longest_look, judge.now + judged_ahead});
  return read_stored_windows(transaction, wanted);
}

// Each pair with the version that it serves now and the evidence so far; revoked devices and pairs without windows are
// left out.
std::vector<Watched> read_watched(pqxx::work& transaction, const JudgeDrift& judge, References& references) {
  const Instant oldest = judge.now - judge.rules.evidence.longest_look;
  const auto newest = newest_windows(transaction, judge);
  std::vector<ReleaseName> releases;
  auto pairs = json::array();
  for (std::size_t place = 0; place < newest.size(); ++place) {
    if (newest[place].empty()) continue;
    const auto& pair = judge.due[place].pair;
    releases.emplace_back(pair.model, newest[place].front().version);
    pairs.push_back({{"n", place}, {"device", pair.device}, {"model", pair.model}});
  }
  std::vector<Watched> watched;
  if (pairs.empty()) return watched;
  references = read_references(transaction, releases);
  // The limit on devices keeps the planner from reading all of them for some hundred.
  const auto rows = transaction.exec_params(
      R"sql(
        select p.n, e.version, e.newest_at, e.evidence
        from jsonb_to_recordset($1::jsonb) as p(n int, device text, model text)
        cross join lateral (select id from devices where id = p.device and revoked_at is null limit 1) d
        left join drift_evidence e on e.device_id = p.device and e.model = p.model
      )sql",
      pairs.dump());
  for (const auto& row : rows) {
    const auto place = row["n"].as<std::size_t>();
    const DuePair& due = judge.due[place];
    const TakenWindow& window = newest[place].front();
    const auto& reference = references[{due.pair.model, window.version}];
    Evidence evidence(judge.rules.evidence, reference);
    if (row["version"].as<std::string>("") == window.version) {
      const Instant written_to = row["newest_at"].as<Instant>();
      if (came_in_order(due, written_to, oldest)) (void)evidence.restore(row["evidence"].as<std::string>(), written_to);
    }
    watched.push_back({place, due.pair, window.version, std::move(evidence), &reference, 0, 0, window.started_at});
  }
  return watched;
}

using Places = std::vector<std::size_t>;  // of `watched`

// The windows of those pairs, with what they tell of features: of any version, as another one ends the evidence.
std::vector<std::vector<TakenWindow>> read_windows(pqxx::work& transaction, const std::vector<Watched>& watched,
                                                   const Places& places, Instant after, Instant before,
                                                   bool newest_first) {
  StoredWindowsWanted wanted{.most = windows_at_once, .newest_first = newest_first};
  for (const auto place : places) {
    const auto& [of_batch, pair, version, evidence, reference, newer, older, newest] = watched[place];
    const Instant from = newest_first ? after : std::max(after, evidence.newest().value_or(after));
    const Instant to = newest_first ? std::min(before, evidence.oldest().value_or(before)) : before;
    wanted.pairs.push_back({pair, from, to});
  }
  return read_stored_windows(transaction, wanted);
}

void read_newer(pqxx::work& transaction, const JudgeDrift& judge, std::vector<Watched>& watched) {
  Places places;
  for (std::size_t i = 0; i < watched.size(); ++i) {
    if (watched[i].evidence.newest()) places.push_back(i);
  }
  const auto windows = read_windows(transaction, watched, places, judge.now - judge.rules.evidence.longest_look,
                                    judge.now + judged_ahead, false);
  for (std::size_t i = 0; i < places.size(); ++i) {
    Watched& entry = watched[places[i]];
    for (const auto& window : windows[i]) {
      ++entry.newer;
      entry.newest = std::max(entry.newest, window.started_at);
      const bool is_same = window.version == entry.version;
      if (!is_same) entry.evidence.begin_again();
      entry.evidence.add_newer(is_same ? evidence_window_of(window) : EvidenceWindow{window.started_at});
    }
  }
}

// What evidence that begins anew, or did not yet reach back far enough, still wants.
void read_older(pqxx::work& transaction, const JudgeDrift& judge, std::vector<Watched>& watched) {
  Places places;
  for (std::size_t i = 0; i < watched.size(); ++i) {
    if (watched[i].evidence.wants_older() && !watched[i].reference->empty()) places.push_back(i);
  }
  const auto windows = read_windows(transaction, watched, places, judge.now - judge.rules.evidence.longest_look,
                                    judge.now + judged_ahead, true);
  for (std::size_t i = 0; i < places.size(); ++i) {
    Watched& entry = watched[places[i]];
    for (const auto& window : windows[i]) {
      ++entry.older;
      if (!entry.evidence.wants_older()) break;
      if (window.version == entry.version) {
        entry.evidence.add_older(evidence_window_of(window));
      } else {
        entry.evidence.has_no_older();
      }
    }
    if (windows[i].size() < windows_at_once) entry.evidence.has_no_older();
  }
}

struct ToSave {
  const WatchedPair& pair;
  const std::string& version;
  const Evidence& evidence;
};

void save_evidence(pqxx::work& transaction, const std::vector<ToSave>& learned, Instant now) {
  auto rows = json::array();
  for (const auto& [pair, version, evidence] : learned) {
    if (!evidence.newest()) continue;
    rows.push_back({{"device", pair.device},
                    {"model", pair.model},
                    {"version", version},
                    {"newest", to_rfc3339(*evidence.newest())},
                    {"evidence", evidence.to_json()}});
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

// Answers what is written of the features afterwards.
std::vector<KnownVerdict> judge_features(const JudgeDrift& judge, const Watched& watched, const KnownVerdicts& known,
                                         std::vector<DriftVerdict>& verdicts) {
  std::vector<KnownVerdict> written;
  for (const auto& feature : *watched.reference) {
    DriftVerdict verdict{watched.pair, watched.version, feature.name, {}, false, false};
    verdict.measures = measure(feature.edges, feature.counts, watched.evidence.present(feature.name));
    const auto before = known.find({watched.pair.device, watched.pair.model, feature.name});
    verdict.was_drifted = before != known.end() && before->second.drifted;
    // A new version has a reference of its own: its verdict starts afresh.
    const bool is_same_version = before != known.end() && before->second.version == watched.version;
    verdict.drifted = judge_drift(judge.rules.drift, verdict.measures, verdict.was_drifted && is_same_version);
    if (before != known.end() && !is_worth_writing(judge.rules.drift, before->second, verdict, judge.now)) {
      written.push_back(before->second);
      continue;
    }
    written.push_back({watched.version, verdict.drifted, verdict.measures.psi, verdict.measures.samples, judge.now});
    verdicts.push_back(std::move(verdict));
  }
  return written;
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

std::size_t moved_among(const std::vector<DriftVerdict>& verdicts) {
  return static_cast<std::size_t>(std::count_if(verdicts.begin(), verdicts.end(), [](const DriftVerdict& verdict) {
    return verdict.drifted != verdict.was_drifted;
  }));
}

// Those of `devices` that may be judged.
std::set<std::string> standing_devices(pqxx::work& transaction, const std::vector<std::string>& devices) {
  const auto rows = transaction.exec_params(
      "select id from devices where id in (select unnest($1::text[])) and revoked_at is null", pg_array(devices));
  std::set<std::string> standing;
  for (const auto& row : rows) standing.insert(row[0].as<std::string>());
  return standing;
}

// One instance at a time: a leader that is stepping down and its successor must not write the same verdict.
void lock_drift(pqxx::work& transaction) {
  transaction.exec1(advisory_lock::wait_in_transaction(advisory_lock::drift));
}

// What is written, and the windows that came since; none where it cannot be read.
std::optional<Evidence> read_evidence(pqxx::work& transaction, const ReadDeviceDrift& reader, const pqxx::row& row,
                                      const std::vector<wire::FeatureReference>& reference) {
  Evidence evidence(reader.rules.evidence, reference);
  if (!evidence.restore(row["evidence"].as<std::string>(), row["newest_at"].as<Instant>())) return std::nullopt;
  constexpr int most_pages = 32;
  for (int page = 0; page < most_pages; ++page) {
    StoredWindowsWanted wanted{.most = windows_at_once};
    wanted.pairs.push_back({{reader.device, row["model"].as<std::string>()},
                            evidence.newest().value_or(earliest_instant),
                            latest_instant,
                            row["version"].as<std::string>()});
    const auto windows = read_stored_windows(transaction, wanted);
    for (const auto& window : windows.front()) evidence.add_newer(evidence_window_of(window));
    if (windows.front().size() < windows_at_once) break;
  }
  return evidence;
}

}  // namespace

DriftJudged JudgeDrift::operator()(pqxx::work& transaction) const {
  lock_drift(transaction);
  DriftJudged answer;
  auto watched = read_watched(transaction, *this, answer.references);
  if (watched.empty()) return answer;
  read_newer(transaction, *this, watched);
  read_older(transaction, *this, watched);
  std::vector<WatchedPair> pairs;
  std::vector<ToSave> learned;
  for (auto& entry : watched) {
    entry.evidence.forget_before(now - rules.evidence.longest_look);
    if (entry.reference->empty()) continue;
    pairs.push_back(entry.pair);
    if (entry.newer + entry.older > 0) learned.push_back({entry.pair, entry.version, entry.evidence});
    const bool has_more = entry.newer == windows_at_once || entry.evidence.wants_older();
    if (has_more) answer.judged.unfinished.push_back(entry.place);
  }
  const auto known = read_verdicts(transaction, pairs);
  std::vector<DriftVerdict> verdicts;
  for (const auto& entry : watched) {
    auto written = judge_features(*this, entry, known, verdicts);
    answer.pairs.push_back({entry.place, entry.pair, entry.version, entry.evidence, std::move(written), entry.newest});
  }
  save_evidence(transaction, learned, now);
  write_verdicts(transaction, verdicts, now);
  announce_verdicts(transaction, verdicts, rules.drift);
  drop_verdicts(transaction, outdated(watched, known));
  answer.judged.moved = moved_among(verdicts);
  return answer;
}

WrittenPairs WriteDrift::operator()(pqxx::work& transaction) const {
  lock_drift(transaction);
  std::vector<std::string> devices;
  for (const auto& judged : pairs) devices.push_back(judged.pair.device);
  const auto standing = standing_devices(transaction, devices);
  WrittenPairs written;
  std::vector<ToSave> learned;
  std::vector<DriftVerdict> verdicts;
  for (std::size_t place = 0; place < pairs.size(); ++place) {
    const Pair& judged = pairs[place];
    if (!standing.contains(judged.pair.device)) {
      written.outdated.push_back(place);
      continue;
    }
    learned.push_back({judged.pair, judged.version, judged.evidence});
    verdicts.insert(verdicts.end(), judged.verdicts.begin(), judged.verdicts.end());
  }
  save_evidence(transaction, learned, now);
  write_verdicts(transaction, verdicts, now);
  announce_verdicts(transaction, verdicts, rule);
  written.moved = moved_among(verdicts);
  return written;
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
  std::map<ReleaseName, std::optional<Evidence>> evidence;  // none: it cannot be read
  std::vector<FeatureDrift> drifts;
  for (const auto& row : rows) {
    const ReleaseName release{row["model"].as<std::string>(), row["version"].as<std::string>()};
    const auto reference = references.find(release);
    if (reference == references.end()) continue;
    const auto [of_release, is_new] = evidence.try_emplace(release);
    if (is_new) of_release->second = read_evidence(transaction, *this, row, reference->second);
    if (!of_release->second) continue;
    const Evidence& known = *of_release->second;
    for (const auto& feature : reference->second) {
      if (feature.name != row["feature"].as<std::string>()) continue;
      FeatureDrift drift;
      drift.model = row["model"].as<std::string>();
      drift.version = row["version"].as<std::string>();
      drift.feature = feature.name;
      drift.drifted = row["drifted"].as<bool>();
      drift.since = row["since"].as<Instant>();
      drift.updated_at = std::max(row["updated_at"].as<Instant>(), known.newest().value_or(Instant{}));
      drift.edges = feature.edges;
      drift.reference = feature.counts;
      drift.present = known.present(feature.name);
      drift.measures = measure(feature.edges, feature.counts, drift.present);
      drift.scope =
          scope_of(rules.drift, drift.drifted,
                   peer_psi(transaction, device, drift.model, drift.version, drift.feature, rules.drift.min_samples));
      drifts.push_back(std::move(drift));
    }
  }
  return drifts;
}

}  // namespace argosy::server
