// Withdrawing and recalling a release, as the API reads and shows it (docs/protocol.md). Pure.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "common/base/error.hpp"
#include "server/rollouts/core/recall.hpp"

namespace argosy::server {

// {"reason": "..."}; Errc::invalid_argument, unknown_key.
Result<std::string> parse_withdrawal_reason(std::string_view text);
nlohmann::json withdrawn_to_json(const Recalled& withdrawn);
// The same, and what could not be helped.
nlohmann::json recalled_to_json(const Recalled& recalled);

}  // namespace argosy::server
