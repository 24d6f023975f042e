#include "server/rules/health_figures_store.hpp"

#include <nlohmann/json.hpp>

#include "common/json/json_text.hpp"
#include "server/db/rows.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;

// The measures that the rule's metric is made of; the second may be empty.
std::pair<std::string, std::string> measures_of(const RuleMetric& metric) {
  switch (metric.made) {
    case RuleMetric::Made::memory_used_percent:
      return {"memory_used_mb", "memory_total_mb"};
    case RuleMetric::Made::disk_free_percent:
      return {"disk_free_mb", "disk_total_mb"};
    case RuleMetric::Made::clock_error_ms:
      return {"clock_offset_ms", ""};
    case RuleMetric::Made::no:
      break;
  }
  return {metric.of.key, ""};
}

void set_measure(wire::HealthSample& sample, const std::string& name, double value) {
  for (const auto& field : wire::health_fields)
    if (name == field.name) sample.*field.member = value;
}

}  // namespace

std::map<std::string, std::vector<RuleFigure>> read_health_figures(pqxx::work& transaction, const ReadyRule& rule,
                                                                   const std::vector<std::string>& devices,
                                                                   Instant from, Instant to) {
  const auto [first, second] = measures_of(rule.metric);
  const auto rows = transaction.exec_params(
      R"sql(
        select device_id, at,
          case when jsonb_typeof(sample -> $4::text) = 'number' then (sample ->> $4::text)::double precision end as one,
          case when jsonb_typeof(sample -> $5::text) = 'number' then (sample ->> $5::text)::double precision end as two
        from health_samples
        where device_id in (select unnest($1::text[])) and at >= $2::timestamptz and at < $3::timestamptz
        order by device_id, at
      )sql",
      pg_array(devices), from, to, first, second);
  const auto device = rows.column_number("device_id");
  const auto at = rows.column_number("at");
  const auto one = rows.column_number("one");
  const auto two = rows.column_number("two");
  std::map<std::string, std::vector<RuleFigure>> figures;
  for (const auto& row : rows) {
    TakenHealth health;
    health.at = row[at].as<Instant>();
    if (!row[one].is_null()) set_measure(health.sample, first, row[one].as<double>());
    if (!row[two].is_null()) set_measure(health.sample, second, row[two].as<double>());
    if (const auto figure = figure_in(rule, health)) figures[row[device].as<std::string>()].push_back(*figure);
  }
  return figures;
}

std::map<std::string, std::vector<TakenHealth>> read_health(pqxx::work& transaction,
                                                            const std::vector<HealthWanted>& wanted, std::size_t most) {
  std::vector<std::string> devices, after;
  for (const auto& each : wanted) {
    devices.push_back(each.device);
    after.push_back(to_rfc3339(each.after));
  }
  const auto rows = transaction.exec_params(
      R"sql(
        select w.device, h.at, h.sample::text as sample
        from unnest($1::text[], $2::timestamptz[]) as w(device, after)
        cross join lateral (
          select at, sample from health_samples where device_id = w.device and at > w.after order by at limit $3
        ) h
      )sql",
      pg_array(devices), pg_array(after), most);
  std::map<std::string, std::vector<TakenHealth>> health;
  for (const auto& row : rows) {
    TakenHealth taken{row[0].as<std::string>(), row[1].as<Instant>(), {}};
    taken.sample.at = taken.at;
    const auto sample = json_or_null(row[2].as<std::string>());
    for (const auto& [name, value] : sample.items())
      if (value.is_number()) set_measure(taken.sample, name, value.get<double>());
    health[taken.device].push_back(std::move(taken));
  }
  return health;
}

}  // namespace argosy::server
