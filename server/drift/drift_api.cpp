#include "server/drift/drift_api.hpp"

#include <nlohmann/json.hpp>

#include "server/access/permission.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"
#include "server/http/router.hpp"

namespace argosy::server {

namespace {

nlohmann::json to_json(const FeatureDrift& drift, const DriftRule& rule) {
  const auto& distance = drift.measures.wasserstein_over_sd;
  const bool is_waiting = !drift.drifted && drift.measures.samples < rule.min_samples;
  return {{"model", drift.model},
          {"version", drift.version},
          {"feature", drift.feature},
          {"psi", drift.measures.psi},
          {"js", drift.measures.jensen_shannon},
          {"ks", drift.measures.kolmogorov_smirnov},
          {"w1_sd", distance ? nlohmann::json(*distance) : nlohmann::json(nullptr)},
          {"samples", drift.measures.samples},
          {"min_samples", rule.min_samples},
          {"threshold", rule.open_psi},
          {"drifted", drift.drifted},
          {"verdict", drift.drifted ? "drifted"
                      : is_waiting  ? "waiting"
                                    : "stable"},
          {"scope", to_string(drift.scope)},
          {"message", describe_drift(rule, drift.feature, drift.measures, drift.drifted, drift.scope)},
          {"since", to_rfc3339(drift.since)},
          {"updated_at", to_rfc3339(drift.updated_at)},
          {"edges", drift.edges},
          {"reference", drift.reference},
          {"present", drift.present}};
}

Task<Result<Response>> get_drift(DriftService& service, Request& request) {
  ARGOSY_CO_TRY(const auto drifts, co_await service.of_device(std::string(request.param("id"))));
  auto items = nlohmann::json::array();
  for (const auto& drift : drifts) items.push_back(to_json(drift, service.rule()));
  co_return Response::json(nlohmann::json{{"items", std::move(items)}}.dump());
}

}  // namespace

void add_drift_routes(Router& router, DriftService& drift) {
  router.add({Method::get, "/api/v1/devices/{id}/drift", Permission::read_fleet,
              [&drift](Request& request) { return get_drift(drift, request); }});
}

}  // namespace argosy::server
