// A rollout that was not made, as the API shows it (docs/protocol.md). Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "server/rollouts/rollout_preview.hpp"

namespace argosy::server {

nlohmann::json preview_to_json(const RolloutPreview& preview);

}  // namespace argosy::server
