#include "server/rollouts/core/variant_plan.hpp"

#include <variant>

namespace argosy::server {

std::vector<HeldVersion> slots_of(const DeviceFacts& facts) {
  return {{facts.version, facts.digest}, {facts.previous_version, facts.previous_digest}};
}

Telling tell(const std::vector<Variant>& variants, const std::string& version, const DeviceFacts& facts,
             const PartsOf& parts_of) {
  Telling telling;
  const auto choice = choose_variant(variants, facts.capabilities, facts.hardware_class);
  if (const auto* reasons = std::get_if<std::vector<std::string>>(&choice)) {
    for (const auto& reason : *reasons) telling.refusal += (telling.refusal.empty() ? "" : "; ") + reason;
    if (telling.refusal.empty()) telling.refusal = "the release has no files";
    return telling;
  }
  telling.variant = std::get<std::size_t>(choice);
  const Variant& wanted = variants[*telling.variant];
  if (facts.digest == wanted.digest && facts.version == version) {
    telling.already_installed = !facts.updating;
    return telling;
  }
  telling.files = files_to_get(wanted, slots_of(facts), parts_of);
  return telling;
}

}  // namespace argosy::server
