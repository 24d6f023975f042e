#include "server/telemetry/query/field_accuracy.hpp"

#include <nlohmann/json.hpp>

#include "server/telemetry/query/group_fold.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;

constexpr double z_of_interval = 1.96;  // 95 %
const Metric accuracy_metric{Metric::Kind::accuracy, 0, {}};

json with_bounds(json document, const std::optional<ShareBounds>& bounds) {
  if (bounds) document.update({{"lower", bounds->lower}, {"upper", bounds->upper}});
  return document;
}

json measured_json(const Measured& sum) {
  const auto value = sum.value(accuracy_metric);
  if (!value) return nullptr;
  const auto delay = sum.delays_s.mean();
  return with_bounds(
      {{"value", *value}, {"labels", sum.n}, {"later", sum.later}, {"delay_s", delay ? json(*delay) : json()}},
      sum.bounds(accuracy_metric));
}

json estimated_json(const Measured& sum) {
  const auto value = sum.estimated.mean();
  if (!value) return nullptr;
  return with_bounds({{"value", *value}, {"answers", static_cast<std::uint64_t>(sum.estimated.weight)}},
                     wilson_bounds_of_share(*value, sum.estimated.weight, z_of_interval));
}

}  // namespace

bool FieldAccuracy::add(const MeasuredDevice& device) {
  const Measured& measured = device.steps.front();
  if (measured.weight <= 0 && measured.estimated.weight <= 0) return true;
  if (!versions_.contains(device.version) && versions_.size() >= versions_limit) return false;
  VersionAccuracy& version = versions_[device.version];
  ++version.devices;
  version.sum.add_accuracy(measured);
  return true;
}

std::string field_accuracy_to_json(const AccuracyOfField& accuracy) {
  json versions = json::array();
  for (const auto& [version, of] : accuracy.found.versions())
    versions.push_back({{"version", version},
                        {"devices", of.devices},
                        {"measured", measured_json(of.sum)},
                        {"estimated", estimated_json(of.sum)}});
  return json{{"model", accuracy.model},
              {"from", to_rfc3339(accuracy.from)},
              {"to", to_rfc3339(accuracy.to)},
              {"devices", accuracy.devices},
              {"versions", std::move(versions)}}
      .dump();
}

}  // namespace argosy::server
