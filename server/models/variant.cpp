#include "server/models/variant.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace argosy::server {

namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text.empty() ? "none" : text;
}

// Why the device does not offer `wanted`; empty when it does, or when nothing is wanted.
std::string missing(std::string_view what, const std::optional<std::string>& wanted,
                    const std::vector<std::string>& offered) {
  if (!wanted || std::find(offered.begin(), offered.end(), *wanted) != offered.end()) return {};
  return "needs the " + std::string(what) + " " + *wanted + ", the device offers " + joined(offered);
}

std::vector<std::string> one(const std::string& value) {
  return value.empty() ? std::vector<std::string>{} : std::vector<std::string>{value};
}

std::string mismatch(const Selector& selector, const wire::Capabilities& capabilities,
                     const std::string& hardware_class) {
  const std::string reasons[] = {missing("architecture", selector.architecture, one(capabilities.architecture)),
                                 missing("accelerator", selector.accelerator, capabilities.accelerators),
                                 missing("runtime", selector.runtime, capabilities.runtimes),
                                 missing("precision", selector.precision, capabilities.precisions),
                                 missing("hardware class", selector.hardware_class, one(hardware_class))};
  for (const std::string& reason : reasons)
    if (!reason.empty()) return reason;
  if (selector.min_memory_mb && capabilities.memory_mb < *selector.min_memory_mb)
    return "needs " + std::to_string(*selector.min_memory_mb) + " MB of memory, the device has " +
           std::to_string(capabilities.memory_mb);
  return {};
}

}  // namespace

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
