#include "common/tensors/tensor_collector.hpp"

#include <algorithm>

namespace argosy {

namespace {

constexpr std::size_t max_location_bytes = 4096;

// Never through the middle of a UTF-8 character.
std::string cut_name(std::string_view name) {
  if (name.size() <= max_name_bytes) return std::string(name);
  std::size_t size = max_name_bytes;
  while (size > max_name_bytes - 4 && (static_cast<unsigned char>(name[size]) & 0xc0) == 0x80) --size;
  return std::string(name.substr(0, size));
}

std::string describe(const FoundTensor& tensor) {
  std::string text = "is " + std::string(name_of(tensor.type)) + " [";
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) text += (i ? ", " : "") + std::to_string(tensor.shape[i]);
  return text + "]";
}

}  // namespace

void push_dimension(Shape& shape, std::uint64_t dimension) {
  if (shape.size() <= max_rank) shape.push_back(static_cast<std::int64_t>(dimension));
}

void TensorCollector::add_file(std::string_view location) {
  if (map_.files.size() >= max_external_files)
    return remark("the file names more than " + std::to_string(max_external_files) + " other files");
  const std::string_view name = location.substr(0, max_location_bytes);
  if (std::find(map_.files.begin(), map_.files.end(), name) == map_.files.end()) map_.files.emplace_back(name);
}

void TensorCollector::remark(std::string text) {
  if (map_.remark.empty()) map_.remark = std::move(text);
}

void TensorCollector::remark(std::string_view name, std::string_view text) {
  if (map_.remark.empty()) map_.remark = "tensor '" + cut_name(name) + "' " + std::string(text);
}

bool TensorCollector::accepts(const FoundTensor& tensor, std::uint64_t size) {
  if (tensor.shape.size() > max_rank) {
    remark(tensor.name, "has more than " + std::to_string(max_rank) + " dimensions");
    return false;
  }
  const bool is_plain = tensor.type != ElementType::other;
  const auto needed = is_plain ? size_of(layout_of(tensor.type), tensor.shape) : count_of(tensor.shape);
  if (!needed || (is_plain && *needed != size)) {
    remark(tensor.name, describe(tensor) + ", which cannot be " + std::to_string(size) + " bytes");
    return false;
  }
  if (size < min_tensor_bytes) return false;
  if (extents_.size() + map_.external.size() >= max_tensors) {
    remark("the file has more than " + std::to_string(max_tensors) + " tensors; the others are left out");
    return false;
  }
  return true;
}

bool TensorCollector::is_free(std::uint64_t offset, std::uint64_t size) const {
  const auto next = extents_.lower_bound(offset);
  if (next != extents_.end() && next->first < offset + size) return false;
  if (next == extents_.begin()) return true;
  const TensorExtent& previous = std::prev(next)->second;
  return previous.offset + previous.size <= offset;
}

void TensorCollector::add(FoundTensor tensor, ByteView data) {
  if (!accepts(tensor, data.size())) return;
  const auto offset = static_cast<std::uint64_t>(data.data() - file_.data());
  if (!is_free(offset, data.size())) return remark(tensor.name, "lies over another at byte " + std::to_string(offset));
  extents_.emplace(offset,
                   TensorExtent{cut_name(tensor.name), tensor.type, std::move(tensor.shape), offset, data.size()});
}

void TensorCollector::add_external(FoundTensor tensor, std::uint64_t offset, std::uint64_t size,
                                   std::string_view location) {
  if (!accepts(tensor, size)) return;
  if (offset + size < offset) return remark(tensor.name, "ends behind any file");
  if (location.empty() || location.size() > max_location_bytes)
    return remark(tensor.name, "lies in another file, but its name has " + std::to_string(location.size()) + " bytes");
  map_.external.push_back(
      {{cut_name(tensor.name), tensor.type, std::move(tensor.shape), offset, size}, std::string(location)});
}

TensorMap TensorCollector::finish(ModelFormat format) && {
  map_.format = format;
  map_.tensors.reserve(extents_.size());
  for (auto& [offset, extent] : extents_) map_.tensors.push_back(std::move(extent));
  return std::move(map_);
}

}  // namespace argosy
