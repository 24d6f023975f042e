#include "server/devices/diagnostics.hpp"

#include <nlohmann/json.hpp>

#include "common/json/json_text.hpp"

namespace argosy::server {

namespace {

constexpr Duration least_pause{5'000};
constexpr Duration base_pause{10'000};
constexpr Duration longest_pause{60'000};

}  // namespace

Duration before_asking_again(int tries, Rng& rng) {
  return least_pause + full_jitter(base_pause, longest_pause, tries, rng);
}

nlohmann::json diagnostics_to_json(const DeviceDiagnostics& diagnostics) {
  using nlohmann::json;
  json document{{"id", diagnostics.id},
                {"device_id", diagnostics.device},
                {"asked_at", to_rfc3339(diagnostics.asked_at)},
                {"asked_by", diagnostics.asked_by},
                {"reason", diagnostics.reason},
                {"state", diagnostics.state},
                {"answered_at", diagnostics.answered_at ? json(to_rfc3339(*diagnostics.answered_at)) : json()},
                {"bytes", diagnostics.bytes}};
  if (diagnostics.document) document["document"] = json_or_null(*diagnostics.document);
  return document;
}

}  // namespace argosy::server
