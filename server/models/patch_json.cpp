#include "server/models/patch_json.hpp"

#include <nlohmann/json.hpp>

#include "common/json/json_text.hpp"
#include "server/models/patch_choice.hpp"

namespace argosy::server {

namespace {

nlohmann::json word_or_null(const std::string& text) {
  return text.empty() ? nlohmann::json(nullptr) : nlohmann::json(text);
}

}  // namespace

nlohmann::json patch_to_json(const PatchMatrixRow& row) {
  using Json = nlohmann::json;
  const PatchRow& patch = row.patch;
  const bool ready = patch.state == PatchState::ready && patch.size;
  const PatchTaker usual;
  return {{"from_version", row.from_version},
          {"to_version", row.to_version},
          {"variant", row.variant},
          {"part", word_or_null(row.part)},
          {"from_digest", patch.from_digest},
          {"to_digest", patch.to_digest},
          {"state", to_string(patch.state)},
          {"codec", word_or_null(patch.codec)},
          {"size", patch.size ? Json(*patch.size) : Json(nullptr)},
          {"full_size", row.full_size},
          {"ratio", patch.size && row.full_size > 0
                        ? Json(static_cast<double>(*patch.size) / static_cast<double>(row.full_size))
                        : Json(nullptr)},
          {"patch_seconds",
           ready ? Json(seconds_for_patch(patch.codec, *patch.size, row.full_size, usual)) : Json(nullptr)},
          {"full_seconds", seconds_for_whole(row.full_size, usual)},
          {"encode_ms", patch.encode_ms ? Json(*patch.encode_ms) : Json(nullptr)},
          {"trials", json_or_null(trials_to_json(patch.trials))},
          {"demand", patch.demand},
          {"attempts", patch.attempts},
          {"will_retry", patch.will_retry},
          {"asked_by", word_or_null(patch.asked_by)},
          {"reason", word_or_null(patch.reason)}};
}

}  // namespace argosy::server
