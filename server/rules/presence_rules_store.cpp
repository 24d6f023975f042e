#include "server/rules/presence_rules_store.hpp"

#include <chrono>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/sql_words.hpp"
#include "server/alerts/alert_rows_store.hpp"
#include "server/db/rows.hpp"
#include "server/devices/connectivity.hpp"
#include "server/devices/device.hpp"
#include "server/devices/filter_sql.hpp"

namespace argosy::server {

namespace {

using Kind = RuleMetric::Presence;

constexpr std::size_t devices_at_once = 2000;
constexpr std::chrono::hours day{24};

using Figures = std::map<std::string, double>;  // by device

std::string seconds_since(Presence presence) {
  return "case when s.presence = " + sql_word(presence) +
         " then extract(epoch from $1::timestamptz - s.presence_since) else 0 end";
}

// Of device_state as s; availability is no figure of one row.
std::string figure_sql(Kind kind) {
  if (kind == Kind::offline_s) return seconds_since(Presence::offline);
  if (kind == Kind::late_s) return seconds_since(Presence::late);
  return "case when s.intermittent_until > $1::timestamptz then 1 else 0 end";
}

// Whose figure may be over a threshold.
std::string candidates_sql(Kind kind) {
  if (kind == Kind::offline_s) return "s.presence = " + sql_word(Presence::offline);
  if (kind == Kind::late_s) return "s.presence = " + sql_word(Presence::late);
  return "s.intermittent_until is not null";
}

bool holds(const Threshold& threshold, double figure) {
  return threshold.is_above ? figure >= threshold.at : figure <= threshold.at;
}

// One call of JudgePresence.
class Judging {
 public:
  Judging(pqxx::work& transaction, const JudgePresence& judge)
      : transaction_(transaction),
        rule_(judge.rule),
        threshold_(std::get<Threshold>(judge.rule.rule.condition)),
        now_(judge.now) {}

  std::size_t operator()() {
    for (const auto& [device, figure] : figures_of_candidates())
      if (holds(threshold_, figure)) add(device, AlertState::firing, figure);
    end_what_is_over();
    if (findings_.empty()) return 0;
    lock_alerts(transaction_);
    return apply_findings(transaction_, findings_, now_);
  }

 private:
  bool is_share() const { return rule_.metric.presence == Kind::availability_percent; }

  // Of alerts as a.
  std::string fires() const {
    return "a.rule = " + transaction_.quote(rule_.rule.name) +
           " and a.state <> 'resolved' and coalesce(a.condition, a.state) = 'firing'";
  }

  // $1 is the time, $2 `second`, and what the filter asks for follows.
  pqxx::result rows_of(const std::string& sql, std::string second, const SqlCondition& filter) {
    std::vector<std::string> parameters{to_rfc3339(now_), std::move(second)};
    parameters.insert(parameters.end(), filter.parameters.begin(), filter.parameters.end());
    return transaction_.exec_params(sql + " limit " + std::to_string(devices_at_once),
                                    pqxx::prepare::make_dynamic_params(parameters));
  }

  // For how long about each device was away since $2; of many, those that were away longest are looked at first.
  static std::string away_in_a_day() {
    return R"sql(
      with away as (
        select p.device_id, sum(extract(epoch from least(coalesce(p.to_at, $1::timestamptz), $1::timestamptz)
          - greatest(p.from_at, $2::timestamptz)) - p.reachable_s) as away_s
        from presence_spans p
        where (p.to_at > $2::timestamptz or p.to_at is null) and (p.changes > 1 or p.presence = )sql" +
           sql_word(Presence::offline) + R"sql()
        group by 1
      )
    )sql";
  }

  // Without an alert that fires.
  Figures figures_of_candidates() {
    const SqlCondition filter = to_sql(rule_.filter, 3);
    const std::string of_devices = R"sql(
        from devices d
        join device_state s on s.device_id = d.id
    )sql";
    const std::string candidates = "where d.revoked_at is null and " + filter.text +
                                   " and not exists (select from alerts a where a.subject = 'device/' || d.id and " +
                                   fires() + ")";
    if (is_share()) {
      const auto rows = rows_of(away_in_a_day() + "select d.id" + of_devices + "join away w on w.device_id = d.id " +
                                    candidates + " order by w.away_s desc, d.id",
                                to_rfc3339(now_ - day), filter);
      std::set<std::string> devices;
      for (const auto& row : rows) devices.insert(row[0].as<std::string>());
      return availability_of_devices(devices);
    }
    const auto kind = rule_.metric.presence;
    Figures found;
    for (const auto& row :
         rows_of("select d.id, " + figure_sql(kind) + " as figure " + of_devices + candidates + " and " +
                     candidates_sql(kind) + " and " + figure_sql(kind) + " >= $2::double precision order by d.id",
                 std::to_string(threshold_.at), filter))
      found[row["id"].as<std::string>()] = row["figure"].as<double>();
    return found;
  }

  void end_what_is_over() {
    const SqlCondition filter = to_sql(rule_.filter, 3);
    const std::string covered = "(d.revoked_at is null and " + filter.text + ")";
    const std::string figure = is_share() ? "0" : figure_sql(rule_.metric.presence);
    const std::string is_over = is_share() ? "$2::double precision is not null" : figure + " <= $2::double precision";
    std::set<std::string> to_ask;
    for (const auto& row : rows_of("select a.device_id, coalesce(" + covered + ", false) as covered, " + figure +
                                       R"sql( as figure
                                         from alerts a
                                         join devices d on d.id = a.device_id
                                         left join device_state s on s.device_id = d.id
                                         where $1::timestamptz is not null and )sql" +
                                       fires() + " and (" + covered + " is not true or " + is_over + ") order by a.id",
                                   std::to_string(threshold_.clear_at), filter)) {
      const auto device = row["device_id"].as<std::string>();
      if (!row["covered"].as<bool>())
        add_left(device);
      else if (is_share())
        to_ask.insert(device);
      else if (!holds(threshold_, row["figure"].as<double>()))
        add(device, AlertState::ok, row["figure"].as<double>());
    }
    for (const auto& [device, share] : availability_of_devices(to_ask))
      if (!holds(threshold_, share) && share >= threshold_.clear_at) add(device, AlertState::ok, share);
  }

  Figures availability_of_devices(const std::set<std::string>& of) {
    if (of.empty()) return {};
    const Stretch range{now_ - day, now_};
    std::map<std::string, std::vector<KeptSpan>> spans;
    for (const auto& row : transaction_.exec_params(
             R"sql(
               select device_id, from_at, coalesce(to_at, $3::timestamptz) as to_at, presence, cause, settled_at,
                 reachable_s, changes
               from presence_spans
               where device_id in (select unnest($1::text[])) and from_at < $3::timestamptz
                 and (to_at is null or to_at > $2::timestamptz)
               order by device_id, from_at
             )sql",
             pg_array(of), range.from, range.to))
      spans[row["device_id"].as<std::string>()].push_back(span_in(row));
    const auto unwatched = unwatched_times(range);
    Figures shares;
    for (const auto& [device, kept] : spans)
      if (const auto share = availability_of(timeline_of(kept, unwatched, range)).share())
        shares[device] = 100 * *share;
    return shares;
  }

  static KeptSpan span_in(const pqxx::row& row) {
    KeptSpan span;
    span.time = {row["from_at"].as<Instant>(), row["to_at"].as<Instant>()};
    span.presence = enum_of(row["presence"], parse_presence);
    span.cause = enum_of(row["cause"], parse_presence_cause);
    span.settled_at = row["settled_at"].as<Instant>();
    span.reachable = std::chrono::round<Duration>(std::chrono::duration<double>(row["reachable_s"].as<double>()));
    span.changes = row["changes"].as<std::int64_t>();
    return span;
  }

  std::vector<Stretch> unwatched_times(const Stretch& range) {
    std::vector<Stretch> times;
    for (const auto& row : transaction_.exec_params(
             "select from_at, to_at from unwatched_times where to_at > $1::timestamptz order by from_at", range.from))
      times.push_back({row["from_at"].as<Instant>(), row["to_at"].as<Instant>()});
    return times;
  }

  std::string figure_text(double figure) const {
    char text[48];
    std::snprintf(text, sizeof text, "%.4g", figure);
    const auto unit = unit_of(rule_.metric);
    return text + (unit.empty() ? std::string() : " " + std::string(unit));
  }

  AlertFinding finding(const std::string& device, AlertState state) const {
    AlertFinding found;
    found.rule = rule_.rule.name;
    found.severity = to_string(rule_.rule.severity);
    found.device = device;
    found.state = state;
    found.threshold = threshold_.at;
    found.details_json =
        nlohmann::json{
            {"title", rule_.rule.title}, {"metric", rule_.rule.metric}, {"condition", sentence_of(rule_.rule)}}
            .dump();
    return found;
  }

  void add(const std::string& device, AlertState state, double figure) {
    auto& found = findings_.emplace_back(finding(device, state));
    found.value = figure;
    found.message =
        device + ": " + rule_.rule.metric +
        (state == AlertState::firing ? " is " + figure_text(figure) + " (limit " + figure_text(threshold_.at) + ")"
                                     : " is back at " + figure_text(figure));
  }

  void add_left(const std::string& device) {
    auto& found = findings_.emplace_back(finding(device, AlertState::ok));
    found.is_final = true;
    found.message = device + " is not among the devices of the rule any more";
  }

  pqxx::work& transaction_;
  const ReadyRule& rule_;
  const Threshold& threshold_;
  Instant now_;
  std::vector<AlertFinding> findings_;
};

}  // namespace

std::size_t JudgePresence::operator()(pqxx::work& transaction) const {
  return Judging(transaction, *this)();
}

}  // namespace argosy::server
