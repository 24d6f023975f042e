#include "server/rollouts/store/validation_store.hpp"

#include <optional>
#include <string>
#include <utility>

#include "server/db/rows.hpp"
#include "server/models/release.hpp"

namespace argosy::server {
namespace {

constexpr int most_bins = 20;

const std::string told = " from rollout_devices where rollout_id = $1 and metric_value is not null";

// In order, counted from 0; nothing behind the last.
std::optional<double> value_at(pqxx::work& transaction, std::int64_t rollout, std::int64_t place) {
  const auto rows = transaction.exec_params("select metric_value" + told + " order by metric_value offset $2 limit 1",
                                            rollout, place);
  return rows.empty() ? std::nullopt : optional_of<double>(rows[0][0]);
}

std::optional<double> largest_value(pqxx::work& transaction, std::int64_t rollout) {
  const auto rows =
      transaction.exec_params("select metric_value" + told + " order by metric_value desc limit 1", rollout);
  return rows.empty() ? std::nullopt : optional_of<double>(rows[0][0]);
}

std::vector<MetricBin> read_histogram(pqxx::work& transaction, std::int64_t rollout, const MetricValues& values) {
  const double smallest = *values.smallest, largest = *values.largest;
  const double width = (largest - smallest) / most_bins;
  if (!(width > 0)) return {{smallest, largest, values.measured}};
  std::vector<MetricBin> bins;
  for (int bin = 0; bin < most_bins; ++bin)
    bins.push_back({smallest + bin * width, bin + 1 == most_bins ? largest : smallest + (bin + 1) * width, 0});
  const auto rows = transaction.exec_params(
      "select least(width_bucket(metric_value, $2, $3, $4), $4) as bin, count(*) as devices" + told + " group by 1",
      rollout, smallest, largest, most_bins);
  for (const auto& row : rows)
    bins.at(static_cast<std::size_t>(row["bin"].as<int>()) - 1).devices = row["devices"].as<std::int64_t>();
  return bins;
}

std::int64_t count_missed(pqxx::work& transaction, std::int64_t rollout, const wire::ValidationSpec& spec) {
  const std::string misses = spec.higher_is_better ? " < $2" : " > $2";
  return transaction.exec_params1("select count(*)" + told + " and metric_value" + misses, rollout, spec.threshold)[0]
      .as<std::int64_t>();
}

}  // namespace

MetricValues read_metric_values(pqxx::work& transaction, std::int64_t rollout) {
  MetricValues values;
  values.measured = transaction.exec_params1("select count(*)" + told, rollout)[0].as<std::int64_t>();
  if (values.measured == 0) return values;
  values.smallest = value_at(transaction, rollout, 0);
  values.median = value_at(transaction, rollout, (values.measured - 1) / 2);
  values.largest = largest_value(transaction, rollout);
  values.histogram = read_histogram(transaction, rollout, values);
  return values;
}

Result<ValidationNumbers> GetValidationNumbers::operator()(pqxx::work& transaction) const {
  transaction.exec0("set transaction isolation level repeatable read read only");
  const auto rows = transaction.exec_params(
      "select l.validation from rollouts r join releases l on l.id = r.release_id where r.id = $1", id);
  if (rows.empty()) return make_error(Errc::not_found, "there is no rollout " + std::to_string(id));
  ARGOSY_TRY(const auto spec, validation_from_json(rows[0][0].as<std::string>()));
  ValidationNumbers numbers;
  numbers.values = read_metric_values(transaction, id);
  if (!spec) return numbers;
  numbers.metric = spec->metric;
  numbers.threshold = spec->threshold;
  numbers.higher_is_better = spec->higher_is_better;
  numbers.missed = count_missed(transaction, id, *spec);
  return numbers;
}

}  // namespace argosy::server
