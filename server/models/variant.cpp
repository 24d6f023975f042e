#include "server/models/variant.hpp"

#include <optional>

#include <nlohmann/json.hpp>

namespace argosy::server {

VariantChoice choose_variant(const std::vector<Variant>& variants, const wire::Capabilities& capabilities,
                             const std::string& hardware_class) {
  std::vector<std::string> reasons;
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < variants.size(); ++i) {
    const std::string reason = mismatch(variants[i].selector, capabilities, hardware_class);
    if (!reason.empty()) {
      reasons.push_back(variants[i].name + ": " + reason);
    } else if (!best || variants[i].priority > variants[*best].priority) {
      best = i;
    }
  }
  if (best) return *best;
  return reasons;
}

wire::Capabilities capabilities_of(std::string_view json) {
  const auto document = nlohmann::json::parse(json, nullptr, false);
  wire::Capabilities capabilities;
  if (!document.is_object()) return capabilities;
  using Words = std::vector<std::string>;
  capabilities.architecture = document.value("architecture", std::string());
  capabilities.accelerators = document.value("accelerators", Words{});
  capabilities.runtimes = document.value("runtimes", Words{});
  capabilities.precisions = document.value("precisions", Words{});
  capabilities.memory_mb = document.value("memory_mb", std::uint64_t{0});
  return capabilities;
}

}  // namespace argosy::server
