#include "server/rollouts/guards/guard_store.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>
#include <pqxx/pqxx>

#include "common/stats/log_histogram.hpp"
#include "common/wire/telemetry.hpp"
#include "server/db/rows.hpp"
#include "server/rollouts/core/state_sql.hpp"
#include "server/rollouts/store/decision_store.hpp"
#include "server/rollouts/store/rollout_rows_store.hpp"

namespace argosy::server {
namespace {

constexpr int most_histograms = 20'000;  // the newest of each side; sums go over all

struct Side {
  WindowTotals totals;
  std::set<std::string> devices;
};

// Sums over many windows stay numbers that fit, whatever a device sends.
std::uint64_t add_up(std::uint64_t a, std::uint64_t b) {
  constexpr std::uint64_t most = 1ULL << 62;
  return std::min(most, std::min(most, a) + std::min(most, b));
}

std::string sum_of(const std::string& column) {
  return "least(greatest(sum(w." + column + "), 0), 4611686018427387904)::bigint as " + column;
}

struct Sides {
  Side canary;
  Side baseline;
  std::int64_t comparable = 0;
  std::int64_t first_installs = 0;
  std::int64_t already_there = 0;
};

// Devices that came to run the release, whatever became of it: those that went back by themselves are the worst of all.
const std::string& has_it() {
  static const std::string sql = "q.rollout_id = $1 and (q.state in (" + sql_steps(has_served) + ") or q.cause in (" +
                                 sql_causes(is_probation_cause) + ")) ";
  return sql;
}
const std::string& updated_by_it() {
  static const std::string sql = "q.cause is distinct from " + sql_word(cause_already_installed) + " ";
  return sql;
}

// Their windows, each beside its own past. $1 rollout, $2 model, $3 new version, $4 earliest start, $5 seconds of past.
const std::string& updated_windows() {
  static const std::string sql = R"sql(
    from rollout_devices q
    left join releases p on p.id = q.previous_release_id
    join inference_windows w on w.device_id = q.device_id and w.model = $2 and w.started_at >= $4::timestamptz
      and (
        (w.version = $3 and w.started_at >= q.notified_at)
        or (w.version = p.version and w.version <> $3 and w.started_at < q.notified_at
          and w.started_at >= q.notified_at - make_interval(secs => $5))
      )
    where )sql" + has_it() + "and " +
                                 updated_by_it();
  return sql;
}

Instant earliest(const RolloutRecord& record) {
  return *record.started_at - std::chrono::seconds(record.policy.baseline_s);
}

void count_devices(pqxx::work& transaction, const RolloutRecord& record, Sides& sides) {
  static const std::string sql = R"sql(
    select count(*) filter (where updated and previous_release_id is not null) as comparable,
      count(*) filter (where updated and previous_release_id is null) as first_installs,
      count(*) filter (where not updated) as already_there
    from (
      select previous_release_id, )sql" +
                                 updated_by_it() + R"sql(as updated
      from rollout_devices q
      where )sql" + has_it() + R"sql(
    ) as had
  )sql";
  const auto row = transaction.exec_params1(sql, record.id);
  sides.comparable = row["comparable"].as<std::int64_t>();
  sides.first_installs = row["first_installs"].as<std::int64_t>();
  sides.already_there = row["already_there"].as<std::int64_t>();
}

void load_sums(pqxx::work& transaction, const RolloutRecord& record, Sides& sides) {
  static const std::string sql = "select w.version = $3 as is_canary, q.device_id, " + sum_of("count") + ", " +
                                 sum_of("errors") + ", " + sum_of("labelled") + ", " + sum_of("correct") +
                                 updated_windows() + "group by 1, 2";
  const auto rows = transaction.exec_params(sql, record.id, record.model, record.version, earliest(record),
                                            static_cast<double>(record.policy.baseline_s));
  const auto is_canary = rows.column_number("is_canary");
  const auto device = rows.column_number("device_id");
  const auto count = rows.column_number("count");
  const auto errors = rows.column_number("errors");
  const auto labelled = rows.column_number("labelled");
  const auto correct = rows.column_number("correct");
  for (const auto& row : rows) {
    auto& side = row[is_canary].as<bool>() ? sides.canary : sides.baseline;
    side.devices.insert(row[device].as<std::string>());
    side.totals.count = add_up(side.totals.count, row[count].as<std::uint64_t>());
    side.totals.errors = add_up(side.totals.errors, row[errors].as<std::uint64_t>());
    side.totals.labelled = add_up(side.totals.labelled, row[labelled].as<std::uint64_t>());
    side.totals.correct = add_up(side.totals.correct, row[correct].as<std::uint64_t>());
  }
}

// One that cannot be read is left out and counted: it must not take the others with it.
void load_histograms(pqxx::work& transaction, const RolloutRecord& record, Sides& sides, bool canary) {
  const bool needed = std::any_of(record.policy.guards.begin(), record.policy.guards.end(),
                                  [](const auto& guard) { return spec_of(guard.metric).source.reads_histograms; });
  if (!needed) return;
  const auto rows = transaction.exec_params("select encode(w.latency, 'hex') " + updated_windows() +
                                                "and (w.version = $3) = $6 order by w.started_at desc limit $7",
                                            record.id, record.model, record.version, earliest(record),
                                            static_cast<double>(record.policy.baseline_s), canary, most_histograms);
  auto& totals = (canary ? sides.canary : sides.baseline).totals;
  for (const auto& row : rows) {
    const auto bytes = from_hex(row[0].as<std::string>());
    const auto histogram = bytes ? LogHistogram::decode(*bytes) : bytes.error();
    if (histogram) totals.latency.merge(*histogram);
    if (!histogram) ++totals.unreadable;
  }
}

GuardInput input_of(GuardMetric metric, const Sides& sides) {
  const GuardSource& source = spec_of(metric).source;
  const auto canary = source.figure(sides.canary.totals);
  const auto baseline = source.figure(sides.baseline.totals);
  GuardInput input{.metric = metric,
                   .canary = canary.value,
                   .baseline = baseline.value,
                   .canary_samples = canary.samples,
                   .baseline_samples = baseline.samples,
                   .comparable = sides.comparable,
                   .first_installs = sides.first_installs,
                   .already_there = sides.already_there};
  input.devices = std::count_if(sides.canary.devices.begin(), sides.canary.devices.end(),
                                [&](const auto& device) { return sides.baseline.devices.count(device) != 0; });
  if (source.reads_histograms) input.unreadable = sides.canary.totals.unreadable + sides.baseline.totals.unreadable;
  return input;
}

}  // namespace

Result<std::vector<GuardInput>> MeasureGuards::operator()(pqxx::work& transaction) const {
  Sides sides;
  if (!record.started_at || record.policy.guards.empty()) return std::vector<GuardInput>{};
  count_devices(transaction, record, sides);
  load_sums(transaction, record, sides);
  load_histograms(transaction, record, sides, true);
  load_histograms(transaction, record, sides, false);
  std::vector<GuardInput> inputs;
  for (const auto& guard : record.policy.guards) inputs.push_back(input_of(guard.metric, sides));
  return inputs;
}

Result<void> LogMeasuring::operator()(pqxx::work& transaction) const {
  ARGOSY_TRY(const auto record, load_rollout(transaction, id, Lock::row));
  const Decision decision = why.empty()
                                ? Decision{"measuring", "guards are measured", "the guards can be measured again", {}}
                                : Decision{"measuring",
                                           "guards are not measured",
                                           "the guards cannot be measured, so no wave opens; stopping works: " + why,
                                           {{"why", why}}};
  const auto last = transaction.exec_params(
      R"sql(
        select decision
        from rollout_decisions
        where rollout_id = $1 and rule = 'measuring'
        order by id desc
        limit 1
      )sql",
      id);
  const bool was_measured = last.empty() || last[0][0].as<std::string>() == "guards are measured";
  if (was_measured == why.empty()) return {};
  log_decision(transaction, record, "engine", decision, now);
  return {};
}

}  // namespace argosy::server
