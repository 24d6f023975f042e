#include "server/app/parts/rollout_parts.hpp"

#include <optional>
#include <string_view>
#include <utility>

#include "server/app/part_options.hpp"
#include "server/models/model_api.hpp"
#include "server/rollouts/assignment_api.hpp"
#include "server/rollouts/evidence/evidence_api.hpp"
#include "server/rollouts/recall_api.hpp"
#include "server/rollouts/rollout_api.hpp"
#include "server/rollouts/validation_api.hpp"

namespace argosy::server {

RolloutParts::RolloutParts(Platform& platform, DeviceParts& devices, ModelParts& models)
    : rollouts(platform.db, models.patches, rollout_options(platform.config)),
      evidence(platform.db, platform.worker, evidence_options(platform.config)),
      desired(platform.db),
      permits([this](DeviceId device) { return desired.get(std::move(device)); }),
      devices_(devices),
      models_(models) {
  devices.on_ended([this](const EndedCertificate& ended) {
    if (ended.clear_traces) permits.forget(ended.device);
  });
}

void RolloutParts::add_routes(Router& router) {
  add_rollout_routes(router, rollouts);
  add_recall_routes(router, rollouts);
  add_assignment_routes(router, rollouts);
  add_validation_routes(router, rollouts);
  add_evidence_routes(router, evidence);
  add_desired_routes(router, desired, [this](std::string_view device) {
    return devices_.standing ? devices_.standing->desired_rev(device) : std::optional<std::int64_t>();
  });
  add_device_blob_routes(router, models_.blobs, permits);  // a device may have what it is to run
}

void RolloutParts::add_figures(Metrics& metrics) {
  add_metrics(metrics, desired);
}

}  // namespace argosy::server
