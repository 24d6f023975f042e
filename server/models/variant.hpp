// Which variant of a release suits a device. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/wire/selector.hpp"

namespace argosy::server {

using wire::Selector;

struct Variant {
  std::string name;    // "fp32"
  std::string digest;  // of the model file
  std::uint64_t size = 0;
  std::string format;  // "onnx"
  Selector selector;
  int priority = 0;               // the highest that suits wins; the earlier in the list among equals
  std::string compact_json = {};  // how `argosy release compact` made it, as it was sent; empty: it is no compact one
  std::optional<wire::OnnxReach> onnx = {};  // what the model asks of its engine, as its file says
  friend bool operator==(const Variant&, const Variant&) = default;
};

// Of two columns that are null together.
std::optional<wire::OnnxReach> onnx_of(std::optional<std::uint32_t> opset, std::optional<std::uint32_t> ir);

// Why the device cannot run it, by what the publisher asks or by the model itself; empty when it suits.
std::string mismatch(const Variant& variant, const wire::Capabilities& capabilities, const std::string& hardware_class);

// The index of the variant, or why each one does not suit ("int8: needs the precision int8, the device offers fp32").
using VariantChoice = std::variant<std::size_t, std::vector<std::string>>;
VariantChoice choose_variant(const std::vector<Variant>& variants, const wire::Capabilities& capabilities,
                             const std::string& hardware_class);

// devices.capabilities; an empty object for a device that was never seen.
wire::Capabilities capabilities_of(std::string_view json);

}  // namespace argosy::server
