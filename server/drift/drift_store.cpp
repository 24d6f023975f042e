#include "server/drift/drift_store.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <nlohmann/json.hpp>

#include "common/base/text.hpp"
#include "common/json/json_text.hpp"
#include "server/db/advisory_locks.hpp"
#include "server/db/rows.hpp"
#include "server/drift/drift_rows_store.hpp"
#include "server/journal/journal_store.hpp"
#include "server/telemetry/stored/stored_telemetry_store.hpp"
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
  std::size_t newer = 0;  // windows read
  std::size_t older = 0;
  Instant newest{};  // of all its windows
};

// Windows that came out of their order are not among the newer ones: then the evidence is gathered anew.
bool came_in_order(const DuePair& due, Instant newest, Instant oldest) {
  return !due.earliest || *due.earliest > newest || *due.earliest < oldest;
}

// Of another version: nothing that counts, but the time.
HeardWindow empty_window(const JudgedModel& model, const TakenWindow& window) {
  return {window.started_at, {}, 0, std::vector<HistogramCounts>(model.features.size())};
}

// The newest window of each pair, which tells the version that the device serves now.
std::vector<std::vector<TakenWindow>> newest_windows(pqxx::work& transaction, const JudgeDrift& judge) {
  StoredWindowsWanted wanted{.most = 1, .newest_first = true};
  for (const auto& due : judge.due)
    wanted.pairs.push_back({due.pair, judge.now - judge.rules.evidence.look, judge.now + judged_ahead});
  return read_stored_windows(transaction, wanted);
}

// Each pair with the version that it serves now and the evidence so far; revoked devices and pairs without windows are
// left out.
std::vector<Watched> read_watched(pqxx::work& transaction, const JudgeDrift& judge) {
  const Instant oldest = judge.now - judge.rules.evidence.look;
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
  auto references = read_references(transaction, releases);
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
      const bool is_known = evidence.restore(row["evidence"].as<std::string>(), written_to);
      if (is_known && !came_in_order(due, written_to, oldest)) evidence.gather_anew();
    }
    watched.push_back({place, due.pair, window.version, std::move(evidence), 0, 0, window.started_at});
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
    const auto& [of_batch, pair, version, evidence, newer, older, newest] = watched[place];
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
  const auto windows = read_windows(transaction, watched, places, judge.now - judge.rules.evidence.look,
                                    judge.now + judged_ahead, false);
  for (std::size_t i = 0; i < places.size(); ++i) {
    Watched& entry = watched[places[i]];
    for (const auto& window : windows[i]) {
      ++entry.newer;
      entry.newest = std::max(entry.newest, window.started_at);
      const bool is_same = window.version == entry.version;
      if (!is_same) entry.evidence.begin_again();
      const auto& model = entry.evidence.model();
      entry.evidence.add_newer(judge.rules.contract, is_same ? heard_of(model, window) : empty_window(model, window));
    }
  }
}

// What evidence that begins anew, or did not yet reach back far enough, still wants.
void read_older(pqxx::work& transaction, const JudgeDrift& judge, std::vector<Watched>& watched) {
  Places places;
  for (std::size_t i = 0; i < watched.size(); ++i) {
    if (watched[i].evidence.wants_older()) places.push_back(i);
  }
  const auto windows =
      read_windows(transaction, watched, places, judge.now - judge.rules.evidence.look, judge.now + judged_ahead, true);
  for (std::size_t i = 0; i < places.size(); ++i) {
    Watched& entry = watched[places[i]];
    for (const auto& window : windows[i]) {
      ++entry.older;
      if (!entry.evidence.wants_older()) break;
      if (window.version == entry.version) {
        entry.evidence.add_older(heard_of(entry.evidence.model(), window));
      } else {
        entry.evidence.has_no_older();
      }
    }
    if (windows[i].size() < windows_at_once) entry.evidence.has_no_older();
  }
}

// The same weeks of the year before, of those for whom it is time. Days with bins of another release count where they
// are the same bins.
void read_last_year(pqxx::work& transaction, const JudgeDrift& judge, std::vector<Watched>& watched) {
  std::map<WatchedPair, std::vector<TakenWindow>> days;
  for (const auto& entry : watched) {
    const bool is_known =
        entry.evidence.has_read_last_year() && !entry.evidence.has_outdated_last_year(entry.pair, judge.now);
    if (!is_known) days.try_emplace(entry.pair);
  }
  if (days.empty()) return;
  const auto [from, to] = weeks_of_last_year(judge.now);
  StoredRange range;
  range.from = from;
  range.to = to;
  range.level = Level::days;
  range.parts = part_features | part_classes | part_confidences;
  for (const auto& [pair, nothing_yet] : days) {
    if (range.devices.empty() || range.devices.back() != pair.device) range.devices.push_back(pair.device);
  }
  std::vector<ReleaseName> releases;
  visit_stored(transaction, range, [&](TakenWindow&& day) {
    const auto wanted = days.find({day.device, day.model});
    if (wanted == days.end()) return;
    releases.emplace_back(day.model, day.version);
    wanted->second.push_back(std::move(day));
  });
  const auto references = releases.empty() ? References{} : read_references(transaction, releases);
  for (auto& entry : watched) {
    const auto found = days.find(entry.pair);
    if (found == days.end()) continue;
    LastYearSum sum(entry.evidence.model());
    for (const auto& day : found->second)
      sum.add(day, *references.at({day.model, day.version}), day.version == entry.version);
    entry.evidence.set_last_year(sum.take(judge.now));
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

struct Written {
  KnownVerdicts verdicts;
  std::set<WatchedPair> broken;  // their contract is
};

// Answers what is to be remembered of the pair.
DriftOfPair judge_features(const JudgeDrift& judge, Watched& watched, const Written& known,
                           std::vector<DriftVerdict>& verdicts, std::vector<PairBreaches>& breaches) {
  const auto& features = watched.evidence.model().features;
  const auto before = [&](std::size_t place) {
    const auto found = known.verdicts.find({watched.pair.device, watched.pair.model, features[place].reference.name});
    return found == known.verdicts.end() ? KnownVerdict{} : found->second;
  };
  // A new version has a reference of its own: its verdict starts afresh.
  const auto was_drifted = [&](std::size_t place) {
    return before(place).version == watched.version && before(place).kind == DriftVerdictKind::drifted;
  };
  const auto peers = judge.peers.find({watched.pair.model, watched.version});
  const PeerTable nobody(features.size());
  const bool is_new = judge.due[watched.place].memory == nullptr;
  auto judged = judge_pair(judge.rules, peers == judge.peers.end() ? nobody : *peers->second, was_drifted, is_new,
                           judge.now, watched.evidence);
  DriftOfPair answer{watched.place,           watched.pair, watched.version, watched.evidence, {}, watched.newest,
                     std::move(judged.looks), judged.hour};
  for (std::size_t place = 0; place < features.size(); ++place) answer.known.push_back(before(place));
  for (auto& [place, said] : judged.features) {
    KnownVerdict& written = answer.known[place];
    DriftVerdict verdict{watched.pair,
                         watched.version,
                         features[place].reference.name,
                         std::move(said),
                         {},
                         written.kind == DriftVerdictKind::drifted};
    if (!written.version.empty() && !is_worth_writing(written, verdict, judge.now)) continue;
    verdict.envelope = envelope_of(judge.rules.drift, watched.evidence, place);
    written = {watched.version, verdict.said.kind, verdict.said.measures.psi, judge.now};
    verdicts.push_back(std::move(verdict));
  }
  // What is written may be of a version that the device does not serve any more.
  const auto faults = watched.evidence.contract().faults();
  const bool is_kept = std::count(faults.begin(), faults.end(), ContractFault::none) == std::ssize(faults);
  if (!judged.breaches && is_kept && known.broken.contains(watched.pair)) judged.breaches.emplace();
  if (judged.breaches)
    breaches.push_back({watched.pair, watched.evidence.reference(), watched.version, std::move(*judged.breaches)});
  return answer;
}

// Verdicts on features that the present version does not have say nothing any more.
std::vector<VerdictKey> outdated(const std::vector<Watched>& watched, const KnownVerdicts& known) {
  std::vector<VerdictKey> gone;
  for (const auto& entry : watched) {
    const auto& [device, model] = entry.pair;
    for (auto at = known.lower_bound({device, model, {}}); at != known.end(); ++at) {
      const auto& [of_device, of_model, feature] = at->first;
      if (of_device != device || of_model != model) break;
      const auto& features = entry.evidence.model().features;
      const bool is_known = std::any_of(features.begin(), features.end(), [&name = feature](const auto& known_now) {
        return known_now.reference.name == name;
      });
      if (!is_known) gone.push_back(at->first);
    }
  }
  return gone;
}

std::size_t moved_among(const std::vector<DriftVerdict>& verdicts) {
  return static_cast<std::size_t>(std::count_if(verdicts.begin(), verdicts.end(), [](const DriftVerdict& verdict) {
    return verdict.is_drifted() != verdict.was_drifted;
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
                                      const JudgedReference& reference) {
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
    for (const auto& window : windows.front()) evidence.add_newer(reader.rules.contract, heard_of(*reference, window));
    if (windows.front().size() < windows_at_once) break;
  }
  return evidence;
}

// The feature as it is now, with the verdict as it is written.
FeatureDrift feature_of(const pqxx::row& row, const Evidence& evidence, std::size_t place) {
  const auto& feature = evidence.model().features[place];
  FeatureDrift drift;
  drift.model = row["model"].as<std::string>();
  drift.version = row["version"].as<std::string>();
  drift.feature = feature.reference.name;
  read_figures(row["figures"].as<std::string>(), drift.said, drift.envelope);
  drift.said.kind = drift_verdict_of(row["verdict"].as<std::string>());
  drift.since = row["since"].as<Instant>();
  drift.updated_at = std::max(row["updated_at"].as<Instant>(), evidence.newest().value_or(Instant{}));
  drift.edges = feature.reference.edges;
  drift.reference = feature.reference.counts;
  drift.own = evidence.own_at(place);
  drift.last_year = evidence.last_year_at(place);
  drift.present = evidence.present_at(place);
  if (const auto compared = compare(evidence, place)) {
    drift.said.measures = compared->measures;
    drift.said.against = compared->against;
    if (!compared->reference.empty())
      add_distances(drift.said.measures, drift.edges, compared->reference, compared->present);
  }
  return drift;
}

BrokenContract broken_contract(const pqxx::row& row) {
  return {row["device_id"].as<std::string>(), row["model"].as<std::string>(),   row["version"].as<std::string>(),
          row["breaches"].as<std::string>(),  row["message"].as<std::string>(), row["since"].as<Instant>()};
}

std::vector<BrokenContract> broken_contracts(const pqxx::result& rows) {
  std::vector<BrokenContract> contracts;
  for (const auto& row : rows) contracts.push_back(broken_contract(row));
  return contracts;
}

json usual_to_json(const PeerUsual& usual) {
  return json::array({usual.devices, usual.shift.median, usual.shift.sigma, usual.ln_psi.median, usual.ln_psi.sigma,
                      usual.moved_share});
}

// Nobody, of what is not as it is written.
PeerUsual usual_of_json(const json& usual) {
  if (!usual.is_array() || usual.size() != 6) return {};
  if (!std::all_of(usual.begin(), usual.end(), [](const json& figure) { return figure.is_number(); })) return {};
  return {usual[0].get<std::size_t>(),
          {usual[1].get<double>(), usual[2].get<double>()},
          {usual[3].get<double>(), usual[4].get<double>()},
          usual[5].get<double>()};
}

FleetDrift fleet_drift_of(const pqxx::row& row) {
  const auto usual = json_or_null(row["usual"].as<std::string>());
  const auto of = [&usual](const char* against) {
    return usual.is_object() ? usual_of_json(usual.value(against, json())) : PeerUsual{};
  };
  return {row["model"].as<std::string>(),
          row["version"].as<std::string>(),
          row["feature"].as<std::string>(),
          optional_of<double>(row["share"]).value_or(0),
          row["devices"].as<std::size_t>(),
          optional_of<Instant>(row["since"]),
          optional_of<Instant>(row["called_at"]),
          of("training"),
          of("own"),
          of("last_year")};
}

constexpr auto select_peers = R"sql(
  select model, version, feature, usual::text as usual, share, devices, since, called_at
  from drift_peers
)sql";

}  // namespace

DriftJudged JudgeDrift::operator()(pqxx::work& transaction) const {
  lock_drift(transaction);
  DriftJudged answer;
  auto watched = read_watched(transaction, *this);
  if (watched.empty()) return answer;
  read_newer(transaction, *this, watched);
  read_older(transaction, *this, watched);
  read_last_year(transaction, *this, watched);
  std::vector<WatchedPair> pairs;
  for (auto& entry : watched) {
    entry.evidence.forget_before(now - rules.evidence.look);
    pairs.push_back(entry.pair);
    const bool has_more = entry.newer == windows_at_once || entry.evidence.wants_older();
    if (has_more) answer.judged.unfinished.push_back(entry.place);
  }
  const Written known{read_verdicts(transaction, pairs), read_broken(transaction, pairs)};
  std::vector<DriftVerdict> verdicts;
  std::vector<PairBreaches> breaches;
  std::vector<ToSave> learned;
  for (auto& entry : watched) answer.pairs.push_back(judge_features(*this, entry, known, verdicts, breaches));
  for (const auto& entry : watched) {
    if (entry.newer + entry.older > 0) learned.push_back({entry.pair, entry.version, entry.evidence});
  }
  save_evidence(transaction, learned, now);
  write_verdicts(transaction, verdicts, now);
  announce_verdicts(transaction, verdicts, rules.drift);
  write_breaches(transaction, breaches, now);
  drop_verdicts(transaction, outdated(watched, known.verdicts));
  answer.judged.moved = moved_among(verdicts) + breaches.size();
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
  std::vector<PairBreaches> breaches;
  for (std::size_t place = 0; place < pairs.size(); ++place) {
    const Pair& judged = pairs[place];
    if (!standing.contains(judged.pair.device)) {
      written.outdated.push_back(place);
      continue;
    }
    learned.push_back({judged.pair, judged.version, judged.evidence});
    verdicts.insert(verdicts.end(), judged.judged.verdicts.begin(), judged.judged.verdicts.end());
    if (judged.judged.breaches)
      breaches.push_back({judged.pair, judged.evidence.reference(), judged.version, *judged.judged.breaches});
  }
  save_evidence(transaction, learned, now);
  write_verdicts(transaction, verdicts, now);
  announce_verdicts(transaction, verdicts, rule);
  write_breaches(transaction, breaches, now);
  written.moved = moved_among(verdicts) + breaches.size();
  return written;
}

Result<DeviceDrift> ReadDeviceDrift::operator()(pqxx::work& transaction) const {
  if (transaction.exec_params("select 1 from devices where id = $1", device).empty())
    return make_error(Errc::not_found, "there is no device \"" + shortened(device) + "\"");
  const auto rows = transaction.exec_params(
      R"sql(
        select s.model, s.version, s.feature, s.verdict, s.figures, s.since, e.updated_at, e.newest_at, e.evidence
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
  DeviceDrift answer;
  for (const auto& row : rows) {
    const ReleaseName release{row["model"].as<std::string>(), row["version"].as<std::string>()};
    const auto [of_release, is_new] = evidence.try_emplace(release);
    if (is_new) of_release->second = read_evidence(transaction, *this, row, references.at(release));
    if (!of_release->second) continue;
    const auto& features = of_release->second->model().features;
    for (std::size_t place = 0; place < features.size(); ++place) {
      if (features[place].reference.name == row["feature"].as<std::string>())
        answer.features.push_back(feature_of(row, *of_release->second, place));
    }
  }
  answer.contracts = broken_contracts(transaction.exec_params(
      R"sql(
        select device_id, model, version, breaches, message, since
        from contract_breaches
        where device_id = $1
        order by model
      )sql",
      device));
  return answer;
}

FleetOfDrift ReadFleetDrift::operator()(pqxx::work& transaction) const {
  FleetOfDrift fleet;
  for (const auto& row : transaction.exec(select_peers + std::string(R"sql(
    where since is not null
    order by called_at is null, model, version, feature
    limit 1000
  )sql")))
    fleet.fleet.push_back(fleet_drift_of(row));
  for (const auto& row : transaction.exec(
           R"sql(
             select device_id, model, version, feature, verdict, figures, psi, since
             from drift_state
             where verdict in ('drifted', 'moved')
             order by not drifted, psi desc, device_id, model, feature
             limit 1000
           )sql")) {
    FeatureVerdict said;
    std::optional<double> envelope;
    read_figures(row["figures"].as<std::string>(), said, envelope);
    fleet.devices.push_back({row["device_id"].as<std::string>(), row["model"].as<std::string>(),
                             row["version"].as<std::string>(), row["feature"].as<std::string>(),
                             drift_verdict_of(row["verdict"].as<std::string>()), said.scope, row["psi"].as<double>(),
                             row["since"].as<Instant>()});
  }
  fleet.contracts = broken_contracts(transaction.exec(
      R"sql(
        select device_id, model, version, breaches, message, since
        from contract_breaches
        order by since desc, device_id, model
        limit 1000
      )sql"));
  return fleet;
}

std::vector<FleetDrift> ReadPeers::operator()(pqxx::work& transaction) const {
  std::vector<FleetDrift> peers;
  const auto rows = transaction.exec_params(select_peers + std::string(R"sql(
    where updated_at > $1::timestamptz - interval '7 days'
    order by updated_at desc
    limit 10000
  )sql"),
                                            now);
  for (const auto& row : rows) peers.push_back(fleet_drift_of(row));
  return peers;
}

void WritePeers::operator()(pqxx::work& transaction) const {
  auto rows = json::array();
  for (const auto& drift : news.present) {
    rows.push_back({{"model", drift.model},
                    {"version", drift.version},
                    {"feature", drift.feature},
                    {"usual",
                     {{"training", usual_to_json(drift.training)},
                      {"own", usual_to_json(drift.own)},
                      {"last_year", usual_to_json(drift.last_year)}}},
                    {"share", drift.share},
                    {"devices", drift.devices},
                    {"since", drift.since ? json(to_rfc3339(*drift.since)) : json(nullptr)},
                    {"called", drift.called_at ? json(to_rfc3339(*drift.called_at)) : json(nullptr)}});
  }
  transaction.exec_params0(
      R"sql(
        insert into drift_peers as p (model, version, feature, usual, share, devices, since, called_at, updated_at)
        select model, version, feature, usual, share, devices, since, called, $2::timestamptz
        from jsonb_to_recordset($1::jsonb) as v(model text, version text, feature text, usual jsonb,
          share double precision, devices bigint, since timestamptz, called timestamptz)
        order by model, version, feature
        on conflict (model, version, feature) do update set usual = excluded.usual, share = excluded.share,
          devices = excluded.devices, since = excluded.since, called_at = excluded.called_at,
          updated_at = excluded.updated_at
      )sql",
      rows.dump(), now);
  std::vector<NewEvent> events;
  const auto tell = [&events](const FleetDrift& drift, const char* kind, std::string message) {
    NewEvent event;
    event.kind = kind;
    event.severity = "info";
    event.model = drift.model;
    event.message = std::move(message);
    event.details_json =
        json{{"version", drift.version}, {"feature", drift.feature}, {"share", drift.share}, {"devices", drift.devices}}
            .dump();
    events.push_back(std::move(event));
  };
  for (const auto& drift : news.called) tell(drift, "drift.season", describe_fleet_drift(drift));
  for (const auto& drift : news.over)
    tell(drift, "drift.season_over",
         "\"" + drift.feature + "\" of " + drift.model + " " + drift.version + " is as it was on most devices again");
  append_events(transaction, events);
}

}  // namespace argosy::server
