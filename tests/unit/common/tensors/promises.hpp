// What TensorMap promises of any file whatever, for tests and the fuzzer.
#pragma once

#include <string>

#include "common/tensors/tensor_map.hpp"

namespace argosy {

inline std::string broken_promise(const TensorExtent& extent) {
  if (extent.name.size() > max_name_bytes) return "a name of " + std::to_string(extent.name.size()) + " bytes";
  if (extent.shape.size() > max_rank) return extent.name + " has too many dimensions";
  if (extent.size < min_tensor_bytes) return extent.name + " is too small";
  if (extent.offset + extent.size < extent.offset) return extent.name + " overflows";
  if (!count_of(extent.shape)) return extent.name + " has an impossible shape";
  if (extent.type == ElementType::other) return {};
  return size_of(layout_of(extent.type), extent.shape) == extent.size ? "" : extent.name + " has another size";
}

// Empty: all promises are kept.
inline std::string broken_promise(const TensorMap& map, std::uint64_t file_bytes) {
  if (map.tensors.size() + map.external.size() > max_tensors) return "too many tensors";
  std::uint64_t end = 0;
  for (const TensorExtent& extent : map.tensors) {
    if (const auto broken = broken_promise(extent); !broken.empty()) return broken;
    if (extent.offset < end) return extent.name + " is out of order or overlaps";
    end = extent.offset + extent.size;
  }
  if (end > file_bytes) return "the last tensor ends behind the file";
  for (const ExternalTensor& tensor : map.external)
    if (const auto broken = broken_promise(tensor.extent); !broken.empty()) return broken;
  return {};
}

}  // namespace argosy
