#include "common/compact/compact_model.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "common/compact/int8_rows.hpp"
#include "common/compact/onnx_scales.hpp"
#include "common/compact/step_choice.hpp"

namespace argosy {

namespace {

ByteView content_of(ByteView file, const TensorExtent& tensor) {
  return file.subspan(static_cast<std::size_t>(tensor.offset), static_cast<std::size_t>(tensor.size));
}

std::optional<Element> stepped_kind(ElementType type) {
  if (type == ElementType::f32) return Element::f32;
  if (type == ElementType::f16) return Element::f16;
  if (type == ElementType::bf16) return Element::bf16;
  return std::nullopt;
}

bool is_worth_it(const TensorExtent& tensor) {
  return tensor.shape.size() >= 2 && count_of(tensor.shape).value_or(0) >= fewest_compact_numbers;
}

std::map<std::string_view, const TensorExtent*> by_name(const TensorMap& map) {
  std::map<std::string_view, const TensorExtent*> named;
  for (const TensorExtent& tensor : map.tensors) named.emplace(tensor.name, &tensor);
  return named;
}

// Weights whose inputs are alike: a kernel's, which see neighbours, else a row's.
std::size_t group_of(const TensorExtent& tensor) {
  const Dimensions shape = tensor.shape;
  const std::uint64_t kernel = count_of(shape.subspan(2)).value_or(1);
  return static_cast<std::size_t>(kernel > 1 ? kernel : count_of(shape.subspan(1)).value_or(1));
}

void note(CompactTensor& tensor, RowOutcome outcome) {
  ++(outcome == RowOutcome::stepped     ? tensor.stepped_rows
     : outcome == RowOutcome::unchanged ? tensor.unchanged_rows
                                        : tensor.exact_rows);
}

template <Element kind>
void add_errors(CompactTensor& tensor, ByteView old, ByteView exact, ByteView compact) {
  using Word = typename ElementTraits<kind>::Word;
  const auto at = [](ByteView bytes, std::size_t i) {
    Word word = 0;
    std::memcpy(&word, bytes.data() + i * sizeof(Word), sizeof(Word));
    return double{tensor::to_float<kind>(word)};
  };
  for (std::size_t i = 0; i * sizeof(Word) < exact.size(); ++i)
    add_error(tensor, at(old, i), at(exact, i), at(compact, i));
}

CompactTensor compact_floats(Element kind, const TensorExtent& extent, ByteView old, ByteView exact, int bits,
                             std::span<std::uint8_t> compact) {
  const std::uint64_t count = *count_of(extent.shape);
  CompactTensor tensor{.name = extent.name, .type = extent.type, .numbers = count};
  const std::uint64_t row = tensor::numbers_a_step(count / static_cast<std::uint64_t>(extent.shape.front()));
  const Coarseness coarseness{bits, group_of(extent)};
  const auto row_bytes = static_cast<std::size_t>(row) * width_of(kind);
  for (std::size_t from = 0; from < exact.size(); from += row_bytes) {
    const std::size_t bytes = std::min(row_bytes, exact.size() - from);
    const auto made = compact.subspan(from, bytes);
    const RowOutcome outcome =
        compact_row(kind, old.subspan(from, bytes), exact.subspan(from, bytes), coarseness, made);
    note(tensor, outcome);
    if (outcome != RowOutcome::stepped) continue;
    tensor::with_stepped(
        kind, [&]<Element k>() { add_errors<k>(tensor, old.subspan(from, bytes), exact.subspan(from, bytes), made); });
  }
  return tensor;
}

double root_of_ratio(double part, double whole) {
  return whole > 0 ? std::sqrt(part / whole) : 0;
}

}  // namespace

double CompactModel::relative_error() const {
  double error = 0, size = 0;
  for (const CompactTensor& each : tensors) {
    error += each.error;
    size += each.size;
  }
  return root_of_ratio(error, size);
}

double CompactModel::error_of_change() const {
  double error = 0, change = 0;
  for (const CompactTensor& each : tensors) {
    error += each.error;
    change += each.change;
  }
  return root_of_ratio(error, change);
}

double CompactModel::largest_error() const {
  double largest = 0;
  for (const CompactTensor& each : tensors) largest = std::max(largest, each.largest_error);
  return largest;
}

Result<CompactModel> make_compact(ByteView base, ByteView exact, int bits, const CompactProgress& progress) {
  if (bits < least_bits || bits > most_bits)
    return make_error(Errc::invalid_argument, std::to_string(bits) + " bits: use 2 to 8");
  const TensorMap old_map = find_tensors(base), new_map = find_tensors(exact);
  const auto old_tensors = by_name(old_map);
  const auto int8_tensors = find_int8_tensors(base, exact);
  CompactModel model{.file = Bytes(exact.begin(), exact.end()), .format = new_map.format, .tensors = {}};
  for (const TensorExtent& extent : new_map.tensors) {
    if (progress && !progress(extent.offset, exact.size()))
      return make_error(Errc::cancelled, "making the compact model was cancelled");
    const auto partner = old_tensors.find(extent.name);
    if (partner == old_tensors.end() || partner->second->type != extent.type ||
        partner->second->shape != extent.shape || !is_worth_it(extent))
      continue;
    const ByteView old = content_of(base, *partner->second), now = content_of(exact, extent);
    const auto made = std::span(model.file).subspan(static_cast<std::size_t>(extent.offset), now.size());
    if (const auto kind = stepped_kind(extent.type)) {
      model.tensors.push_back(compact_floats(*kind, extent, old, now, bits, made));
    } else if (const auto found = int8_tensors.find(extent.name); found != int8_tensors.end()) {
      model.tensors.push_back(compact_int8(extent, found->second, old, now, bits, model.file));
    }
  }
  if (model.tensors.empty())
    return make_error(Errc::incompatible,
                      "no tensor of the new model has a partner of the same name, type and shape in the base, and at "
                      "least " +
                          std::to_string(fewest_compact_numbers) + " numbers: publish it as it is");
  return model;
}

}  // namespace argosy
