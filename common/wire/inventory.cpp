#include "common/wire/inventory.hpp"

#include <algorithm>

namespace argosy::wire {

namespace {

template <class Words>
bool all_within(const Words& words, std::size_t most, std::size_t most_bytes) {
  return words.size() <= most &&
         std::all_of(words.begin(), words.end(), [&](const std::string& word) { return word.size() <= most_bytes; });
}

template <std::size_t N>
bool is_among(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool versions_within(const std::map<std::string, std::string>& versions) {
  return versions.size() <= 2 * version_names.size() &&
         std::all_of(versions.begin(), versions.end(), [](const auto& version) {
           return version.first.size() <= most_version_bytes && version.second.size() <= most_version_bytes;
         });
}

}  // namespace

nlohmann::json json_of(const OnnxReach& reach) {
  return {{"opset", reach.opset}, {"ir", reach.ir}};
}

void read_reach(JsonReader& fields, OnnxReach& reach) {
  fields.required("opset", reach.opset, 1, most_opset).required("ir", reach.ir, 1, most_opset);
}

bool is_version_name(std::string_view name) {
  return is_among(version_names, name);
}

bool is_cpu_feature(std::string_view name) {
  return is_among(cpu_feature_names, name);
}

void put(nlohmann::json& capabilities, const Inventory& inventory) {
  if (!inventory.board.empty()) capabilities["board"] = inventory.board;
  if (!inventory.compatible.empty()) capabilities["compatible"] = inventory.compatible;
  if (!inventory.cpu.empty()) capabilities["cpu"] = inventory.cpu;
  if (!inventory.cpu_features.empty()) capabilities["cpu_features"] = inventory.cpu_features;
  if (inventory.cores) capabilities["cores"] = *inventory.cores;
  if (!inventory.parts.empty()) capabilities["parts"] = inventory.parts;
  if (!inventory.versions.empty()) capabilities["versions"] = inventory.versions;
  if (inventory.onnx) capabilities["onnx"] = json_of(*inventory.onnx);
}

void read_inventory(JsonReader& capabilities, Inventory& inventory) {
  capabilities.optional_text("board", most_board_bytes, inventory.board)
      .optional("compatible", inventory.compatible)
      .optional_text("cpu", most_board_bytes, inventory.cpu)
      .optional("cpu_features", inventory.cpu_features)
      .optional("cores", inventory.cores, 1, most_cores)
      .optional("parts", inventory.parts)
      .optional("versions", inventory.versions)
      .optional_object("onnx", [&](JsonReader& onnx) { read_reach(onnx, inventory.onnx.emplace()); })
      .check("compatible", all_within(inventory.compatible, most_compatible, most_part_bytes),
             "must hold at most 8 words of at most 96 bytes")
      .check("cpu_features", all_within(inventory.cpu_features, 2 * cpu_feature_names.size(), most_part_bytes),
             "must hold at most 40 words of at most 96 bytes")
      .check("parts", all_within(inventory.parts, most_parts, most_part_bytes),
             "must hold at most 16 texts of at most 96 bytes")
      .check("versions", versions_within(inventory.versions), "must hold at most 24 versions of at most 64 bytes");
}

}  // namespace argosy::wire
