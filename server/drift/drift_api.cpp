#include "server/drift/drift_api.hpp"

#include <nlohmann/json.hpp>

#include "common/json/json_text.hpp"
#include "server/access/permission.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"

namespace argosy::server {

namespace {

using nlohmann::json;

template <class T>
json value_or_null(const std::optional<T>& value) {
  return value ? json(*value) : json(nullptr);
}

json time_or_null(const std::optional<Instant>& at) {
  return at ? json(to_rfc3339(*at)) : json(nullptr);
}

json to_json(const FeatureDrift& drift, const DriftRule& rule) {
  const auto& said = drift.said;
  return {{"model", drift.model},
          {"version", drift.version},
          {"feature", drift.feature},
          {"against", to_string(said.against)},
          {"psi", said.measures.psi},
          {"js", said.measures.jensen_shannon},
          {"ks", said.measures.kolmogorov_smirnov},
          {"w1_sd", value_or_null(said.measures.wasserstein_over_sd)},
          {"shift", said.measures.shift},
          {"samples", said.measures.samples},
          {"independent_samples", said.measures.independent_samples},
          {"min_samples", rule.min_samples},
          {"threshold", rule.open_psi + said.measures.sampling_psi},
          {"peers", said.peers},
          {"z", value_or_null(said.z)},
          {"z_needed", value_or_null(said.z_needed)},
          {"hours", said.votes},
          {"hours_needed", rule.votes_to_open},
          {"envelope", value_or_null(drift.envelope)},
          {"drifted", said.kind == DriftVerdictKind::drifted},
          {"verdict", to_string(said.kind)},
          {"scope", to_string(said.scope)},
          {"message", describe_drift(rule, drift.feature, said)},
          {"since", to_rfc3339(drift.since)},
          {"updated_at", to_rfc3339(drift.updated_at)},
          {"edges", drift.edges},
          {"reference", drift.reference},
          {"own", drift.own},
          {"last_year", drift.last_year},
          {"present", drift.present}};
}

json to_json(const BrokenContract& broken) {
  return {{"device_id", broken.device}, {"model", broken.model},
          {"version", broken.version},  {"breaches", json_or_null(broken.breaches_json)},
          {"message", broken.message},  {"since", to_rfc3339(broken.since)}};
}

json to_json(const FleetDrift& drift) {
  return {{"model", drift.model},
          {"version", drift.version},
          {"feature", drift.feature},
          {"share", drift.share},
          {"devices", drift.devices},
          {"since", time_or_null(drift.since)},
          {"called_at", time_or_null(drift.called_at)},
          {"message", describe_fleet_drift(drift)}};
}

json to_json(const DriftedDevice& drifted) {
  return {{"device_id", drifted.device},
          {"model", drifted.model},
          {"version", drifted.version},
          {"feature", drifted.feature},
          {"verdict", to_string(drifted.kind)},
          {"scope", to_string(drifted.scope)},
          {"psi", drifted.psi},
          {"since", to_rfc3339(drifted.since)}};
}

template <class T, class... Rest>
json list_of(const std::vector<T>& items, const Rest&... rest) {
  auto list = json::array();
  for (const auto& item : items) list.push_back(to_json(item, rest...));
  return list;
}

Task<Result<Response>> get_device_drift(DriftService& service, Request& request) {
  ARGOSY_CO_TRY(const auto drift, co_await service.of_device(std::string(request.param("id"))));
  co_return Response::json(
      json{{"items", list_of(drift.features, service.rule())}, {"contracts", list_of(drift.contracts)}}.dump());
}

Task<Result<Response>> get_fleet_drift(DriftService& service, Request&) {
  ARGOSY_CO_TRY(const auto drift, co_await service.of_fleet());
  co_return Response::json(
      json{{"fleet", list_of(drift.fleet)}, {"items", list_of(drift.devices)}, {"contracts", list_of(drift.contracts)}}
          .dump());
}

}  // namespace

void add_drift_routes(Router& router, DriftService& drift) {
  router.add({Method::get, "/api/v1/devices/{id}/drift", Permission::read_fleet,
              [&drift](Request& request) { return get_device_drift(drift, request); }});
  router.add({Method::get, "/api/v1/drift", Permission::read_fleet,
              [&drift](Request& request) { return get_fleet_drift(drift, request); }});
}

}  // namespace argosy::server
