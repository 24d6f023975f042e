// Models and releases as the API shows them (docs/protocol.md). Pure.
#pragma once

#include <optional>

#include <nlohmann/json_fwd.hpp>

#include "server/models/release.hpp"

namespace argosy::server {

nlohmann::json model_to_json(const Model& model);
// {"at", "by", "reason"}, or null.
nlohmann::json withdrawal_to_json(const std::optional<Withdrawal>& withdrawal);
nlohmann::json release_to_json(const Release& release);
// As a release, but for when it was published and where it runs; "updated_by" and "updated_at" say who mended it last.
nlohmann::json draft_to_json(const KeptDraft& draft);

struct ModelDraft {
  std::string name;
  std::optional<std::string> description;
};
// {"name": "digits", "description": "..."}
Result<ModelDraft> parse_model(std::string_view json);

}  // namespace argosy::server
