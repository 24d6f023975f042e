// Which variant of a release suits a device, and which of its files the device has to get. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/wire/desired.hpp"
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
  std::vector<wire::Part> parts = {};        // by name
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

// Of its model and its parts.
std::uint64_t size_of(const Variant& variant);

struct HeldVersion {  // in a slot
  std::string version;
  std::string digest;  // of its model
};
// What lies beside the model of such a version.
using PartsOf = std::function<std::vector<wire::Part>(const HeldVersion&)>;
// The same, asked once for each.
PartsOf remembered(PartsOf parts_of);

struct FileToGet {
  wire::BlobRef blob;
  std::vector<std::string> bases;  // other files of the same name in the slots: patches from them would help
};
// Those that lie in none of the device's slots, the model first. Of versions that are not ours no part is known.
std::vector<FileToGet> files_to_get(const Variant& variant, const std::vector<HeldVersion>& slots,
                                    const PartsOf& parts_of);

// devices.capabilities; an empty object for a device that was never seen.
wire::Capabilities capabilities_of(std::string_view json);

}  // namespace argosy::server
