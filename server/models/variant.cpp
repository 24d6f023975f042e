#include "server/models/variant.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

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

namespace {

std::string unsuited(const Variant& variant, const wire::Capabilities& capabilities,
                     const std::string& hardware_class) {
  std::string reason = mismatch(variant, capabilities, hardware_class);
  if (!reason.empty() || variant.parts.empty() || capabilities.takes_parts) return reason;
  return "is of several files, and the device's agent takes one alone; update the agent";
}

// Adds the file unless it is in a slot. `lying`: the files there that are, or were, of its name.
void add_unless_held(std::vector<FileToGet>& files, const wire::BlobRef& blob, const std::vector<std::string>& lying) {
  FileToGet file{blob, {}};
  for (const std::string& digest : lying) {
    if (digest == blob.digest) return;
    const bool is_new = std::find(file.bases.begin(), file.bases.end(), digest) == file.bases.end();
    if (!digest.empty() && is_new) file.bases.push_back(digest);
  }
  files.push_back(std::move(file));
}

}  // namespace

VariantChoice choose_variant(const std::vector<Variant>& variants, const wire::Capabilities& capabilities,
                             const std::string& hardware_class) {
  std::vector<std::string> reasons;
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < variants.size(); ++i) {
    const std::string reason = unsuited(variants[i], capabilities, hardware_class);
    if (!reason.empty()) {
      reasons.push_back(variants[i].name + ": " + reason);
    } else if (!best || variants[i].priority > variants[*best].priority) {
      best = i;
    }
  }
  if (best) return *best;
  return reasons;
}

std::uint64_t size_of(const Variant& variant) {
  std::uint64_t size = variant.size;
  for (const wire::Part& part : variant.parts) size += part.blob.size;
  return size;
}

PartsOf remembered(PartsOf parts_of) {
  using Known = std::map<std::pair<std::string, std::string>, std::vector<wire::Part>>;
  return [parts_of = std::move(parts_of), known = std::make_shared<Known>()](const HeldVersion& held) {
    const auto key = std::pair(held.version, held.digest);
    const auto found = known->find(key);
    return found != known->end() ? found->second : known->emplace(key, parts_of(held)).first->second;
  };
}

std::vector<FileToGet> files_to_get(const Variant& variant, const std::vector<HeldVersion>& slots,
                                    const PartsOf& parts_of) {
  std::vector<std::string> models;
  std::vector<wire::Part> held;
  for (const HeldVersion& slot : slots) {
    models.push_back(slot.digest);
    if (variant.parts.empty() || slot.digest.empty()) continue;
    const auto parts = parts_of(slot);
    held.insert(held.end(), parts.begin(), parts.end());
  }
  std::vector<FileToGet> files;
  add_unless_held(files, {variant.digest, variant.size}, models);
  for (const wire::Part& part : variant.parts) {
    std::vector<std::string> lying;
    for (const wire::Part& other : held)
      if (other.name == part.name || other.blob.digest == part.blob.digest) lying.push_back(other.blob.digest);
    add_unless_held(files, part.blob, lying);
  }
  return files;
}

wire::Capabilities capabilities_of(std::string_view json) {
  auto capabilities = wire::decode_capabilities(json);
  return capabilities ? std::move(*capabilities) : wire::Capabilities{};
}

}  // namespace argosy::server
