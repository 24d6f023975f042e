#include "server/alerts/silence_rows_store.hpp"

#include <map>
#include <set>
#include <string>

#include "common/json/json_reader.hpp"
#include "common/json/json_text.hpp"
#include "server/db/rows.hpp"
#include "server/db/time_zones.hpp"
#include "server/devices/filter_sql.hpp"

namespace argosy::server {

namespace {

constexpr auto silence_columns = R"sql(
  id, filter, rule, model, severity, starts_at, ends_at, coalesce(weekly::text, '') as weekly, author, comment,
  created_at, changed_at, changed_by, ended_at, coalesce(ended_by, '') as ended_by, in_effect
)sql";

std::optional<Maintenance> weekly_in(const std::string& text) {
  std::optional<Maintenance> weekly;
  if (text.empty()) return weekly;
  auto reader = JsonReader::of(json_or_null(text));
  if (reader) read_maintenance(*reader, weekly);
  return weekly;
}

Silence silence_in(const pqxx::row& row) {
  return {.id = row["id"].as<std::int64_t>(),
          .match = {row["filter"].as<std::string>(), row["rule"].as<std::string>(), row["model"].as<std::string>(),
                    row["severity"].as<std::string>()},
          .starts_at = row["starts_at"].as<Instant>(),
          .ends_at = row["ends_at"].as<Instant>(),
          .weekly = weekly_in(row["weekly"].as<std::string>()),
          .author = row["author"].as<std::string>(),
          .comment = row["comment"].as<std::string>(),
          .created_at = row["created_at"].as<Instant>(),
          .changed_at = row["changed_at"].as<Instant>(),
          .changed_by = row["changed_by"].as<std::string>(),
          .ended_at = optional_of<Instant>(row["ended_at"]),
          .ended_by = row["ended_by"].as<std::string>(),
          .in_effect = row["in_effect"].as<bool>()};
}

// What clocks show in the zones that the silences name.
std::map<std::string, std::optional<WallTime>> walls_of(pqxx::work& transaction, const std::vector<Silence>& silences,
                                                        Instant now) {
  std::set<std::string> zones;
  for (const auto& silence : silences) {
    if (silence.weekly) zones.insert(silence.weekly->time_zone);
  }
  std::map<std::string, std::optional<WallTime>> walls;
  if (zones.empty()) return walls;
  for (auto& [zone, wall] : wall_times(transaction, {zones.begin(), zones.end()}, now)) walls[zone] = wall;
  return walls;
}

bool is_now(const Silence& silence, const std::map<std::string, std::optional<WallTime>>& walls, Instant now) {
  if (!silence.weekly) return is_in_effect(silence, now, std::nullopt);
  const auto wall = walls.find(silence.weekly->time_zone);
  return is_in_effect(silence, now, wall != walls.end() ? wall->second : std::nullopt);
}

void look_at_covered(pqxx::work& transaction, std::int64_t silence, Instant now) {
  transaction.exec_params0("update alerts set look_at = $2::timestamptz where silenced_by = $1 and state = 'firing'",
                           silence, now);
}

// What it will cover is decided when they are looked at: this only finds them, and may find too many.
void look_at_matching(pqxx::work& transaction, const Silence& silence, Instant now) {
  const auto filter = parse_filter(silence.match.filter);
  if (!filter) return;
  const auto condition = to_sql(*filter, 5);
  std::vector<std::string> parameters{to_rfc3339(now), silence.match.rule, silence.match.model, silence.match.severity};
  parameters.insert(parameters.end(), condition.parameters.begin(), condition.parameters.end());
  transaction.exec_params0(
      R"sql(
        update alerts a
        set look_at = $1::timestamptz
        where a.state = 'firing' and a.silenced_by is null and $2 in ('', a.rule) and $3 in ('', a.model)
          and $4 in ('', a.severity)
          and (
            a.device_id is null
            or a.device_id in (
              select d.id
              from alerts f
              join devices d on d.id = f.device_id
              join device_state s on s.device_id = d.id
              where f.state = 'firing' and
      )sql" +
          condition.text + "))",
      pqxx::prepare::make_dynamic_params(parameters));
}

}  // namespace

std::optional<Silence> read_silence_row(pqxx::work& transaction, std::int64_t id) {
  static const std::string sql =
      std::string("select ") + silence_columns + " from alert_silences where id = $1 for update";
  const auto rows = transaction.exec_params(sql, id);
  if (rows.empty()) return std::nullopt;
  return silence_in(rows[0]);
}

std::vector<Silence> read_silences_before(pqxx::work& transaction, bool ended, std::optional<std::int64_t> before,
                                          std::size_t limit) {
  static const std::string sql = std::string("select ") + silence_columns + R"sql(
    from alert_silences
    where (ended_at is not null) = $1 and ($2::bigint is null or id < $2)
    order by id desc
    limit $3
  )sql";
  std::vector<Silence> silences;
  for (const auto& row : transaction.exec_params(sql, ended, before, limit)) silences.push_back(silence_in(row));
  return silences;
}

std::vector<Silence> read_live_silences(pqxx::work& transaction) {
  static const std::string sql =
      std::string("select ") + silence_columns + " from alert_silences where ended_at is null order by id limit $1";
  std::vector<Silence> silences;
  for (const auto& row : transaction.exec_params(sql, most_silences)) silences.push_back(silence_in(row));
  return silences;
}

std::vector<Silence> read_silences_in_effect(pqxx::work& transaction, Instant now) {
  auto silences = read_live_silences(transaction);
  const auto walls = walls_of(transaction, silences, now);
  std::erase_if(silences, [&](const Silence& silence) { return !is_now(silence, walls, now); });
  return silences;
}

std::size_t follow_silences(pqxx::work& transaction, Instant now) {
  const auto silences = read_live_silences(transaction);
  const auto walls = walls_of(transaction, silences, now);
  std::size_t changed = 0;
  for (const auto& silence : silences) {
    const bool is_over = silence.ends_at <= now;
    const bool holds = is_now(silence, walls, now);
    if (!is_over && holds == silence.in_effect) continue;
    transaction.exec_params0(
        R"sql(
          update alert_silences
          set in_effect = $2, ended_at = case when $3 then ends_at end
          where id = $1
        )sql",
        silence.id, holds, is_over);
    if (holds)
      look_at_matching(transaction, silence, now);
    else if (silence.in_effect)
      look_at_covered(transaction, silence.id, now);
    ++changed;
  }
  return changed;
}

void forget_what_is_covered(pqxx::work& transaction, std::int64_t silence, Instant now) {
  transaction.exec_params0("update alert_silences set in_effect = false where id = $1", silence);
  look_at_covered(transaction, silence, now);
}

}  // namespace argosy::server
