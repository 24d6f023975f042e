// Gathers what a format's parser finds and keeps the promises of TensorMap: one place checks sizes, overlaps and
// limits. Owned by find_tensors. Of two tensors in the same bytes the one that comes first in the file's structure
// stays.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/tensors/tensor_map.hpp"

namespace argosy {

using Shape = std::vector<std::int64_t>;

// Adds a dimension; behind the first that is too many nothing is kept, and the collector turns the tensor away.
void push_dimension(Shape& shape, std::uint64_t dimension);

struct FoundTensor {
  std::string_view name;
  ElementType type = ElementType::other;
  Shape shape;
};

class TensorCollector {
 public:
  explicit TensorCollector(ByteView file) : file_(file) {}

  // `data` is a part of the file.
  void add(FoundTensor tensor, ByteView data);
  void add_external(FoundTensor tensor, std::uint64_t offset, std::uint64_t size, std::string_view location);
  void add_file(std::string_view location);
  // Keeps the first.
  void remark(std::string text);
  // The same, of one tensor: "tensor 'conv1.weight' ends behind the file".
  void remark(std::string_view name, std::string_view text);

  TensorMap finish(ModelFormat format) &&;

 private:
  bool accepts(const FoundTensor& tensor, std::uint64_t size);
  bool is_free(std::uint64_t offset, std::uint64_t size) const;

  ByteView file_;
  std::map<std::uint64_t, TensorExtent> extents_;  // by offset
  TensorMap map_;
};

}  // namespace argosy
