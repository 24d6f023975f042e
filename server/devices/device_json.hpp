// Devices, claims and credentials as the API shows them (docs/protocol.md). Pure.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "server/devices/device.hpp"
#include "server/devices/enrolment.hpp"
#include "server/devices/inventory_counts.hpp"

namespace argosy::server {

nlohmann::json device_to_json(const Device& device);
nlohmann::json inventory_to_json(const std::vector<InventoryField>& fields);
nlohmann::json replacement_to_json(const Replacement& replacement);
nlohmann::json claim_to_json(const Claim& claim);
nlohmann::json new_claim_to_json(const NewClaim& claim);
nlohmann::json credentials_to_json(const Credentials& credentials);

// {"labels": {"site": "berlin", "old": null}}
Result<LabelPatch> parse_label_patch(std::string_view json);
// {"take": true}: whether what the device suggests is taken, or turned down.
Result<bool> parse_settlement(std::string_view json);
// {"max_uses": 1, "expires_in_s": 3600, "hardware_class": "...", "labels": {...}}
Result<ClaimOffer> parse_claim_offer(std::string_view json);
// {"csr": "PEM"}
Result<std::string> parse_renewal(std::string_view json);

}  // namespace argosy::server
