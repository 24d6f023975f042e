#include "server/rollouts/core/variant_plan.hpp"

#include <variant>

namespace argosy::server {

Telling tell(const std::vector<Variant>& variants, const std::string& version, const DeviceFacts& facts) {
  Telling telling;
  const auto choice = choose_variant(variants, facts.capabilities, facts.hardware_class);
  if (const auto* reasons = std::get_if<std::vector<std::string>>(&choice)) {
    for (const auto& reason : *reasons) telling.refusal += (telling.refusal.empty() ? "" : "; ") + reason;
    if (telling.refusal.empty()) telling.refusal = "the release has no files";
    return telling;
  }
  telling.variant = std::get<std::size_t>(choice);
  const auto& wanted = variants[*telling.variant].digest;
  if (facts.digest == wanted) {
    telling.already_installed = facts.version == version && !facts.updating;
    return telling;
  }
  if (facts.previous_digest == wanted) return telling;  // it has the file: no patch is smaller than nothing
  for (const auto& base : {facts.digest, facts.previous_digest}) {
    if (!base.empty()) telling.patch_bases.push_back(base);
  }
  return telling;
}

}  // namespace argosy::server
