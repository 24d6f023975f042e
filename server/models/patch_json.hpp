// Patches as the API shows them (docs/protocol.md). Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "server/models/patch.hpp"

namespace argosy::server {

nlohmann::json patch_to_json(const PatchMatrixRow& row);

}  // namespace argosy::server
