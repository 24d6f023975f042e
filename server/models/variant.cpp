#include "server/models/variant.hpp"

#include <optional>

namespace argosy::server {

std::optional<wire::OnnxReach> onnx_of(std::optional<std::uint32_t> opset, std::optional<std::uint32_t> ir) {
  if (!opset || !ir) return std::nullopt;
  return wire::OnnxReach{*opset, *ir};
}

std::string mismatch(const Variant& variant, const wire::Capabilities& capabilities,
                     const std::string& hardware_class) {
  std::string reason = wire::mismatch(variant.selector, capabilities, hardware_class);
  return reason.empty() ? wire::mismatch(variant.onnx, capabilities) : reason;
}

VariantChoice choose_variant(const std::vector<Variant>& variants, const wire::Capabilities& capabilities,
                             const std::string& hardware_class) {
  std::vector<std::string> reasons;
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < variants.size(); ++i) {
    const std::string reason = mismatch(variants[i], capabilities, hardware_class);
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
  auto capabilities = wire::decode_capabilities(json);
  return capabilities ? std::move(*capabilities) : wire::Capabilities{};
}

}  // namespace argosy::server
