#include "cli/reference_file.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/file.hpp"
#include "common/base/id.hpp"
#include "common/json/json_text.hpp"
#include "common/stats/reference.hpp"
#include "common/tensors/tensor_map.hpp"

namespace argosy::cli {

using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t max_json_bytes = 1 << 20;
constexpr std::size_t max_sample_bytes = 256 << 20;
constexpr std::size_t most_features = 64;

struct FeatureColumn {
  std::string name;
  std::vector<double> values;
};
using Columns = std::vector<FeatureColumn>;

Error unreadable(const fs::path& file, const std::string& message) {
  return make_error(Errc::invalid_argument, file.string() + ": " + message);
}

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '"'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> cells_of(std::string_view line) {
  std::vector<std::string_view> cells;
  for (std::size_t start = 0; start <= line.size();) {
    const auto end = std::min(line.find(',', start), line.size());
    cells.push_back(trimmed(line.substr(start, end - start)));
    start = end + 1;
  }
  return cells;
}

// Nothing stands for a value that was not there.
std::optional<double> value_of(std::string_view cell) {
  std::string lower(cell);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (lower.empty() || lower == "nan" || lower == "na" || lower == "null")
    return std::numeric_limits<double>::quiet_NaN();
  double value = 0;
  const auto* from = lower.data() + (lower.front() == '+' ? 1 : 0);
  const auto [end, error] = std::from_chars(from, lower.data() + lower.size(), value);
  if (error != std::errc{} || end != lower.data() + lower.size()) return std::nullopt;
  return value;
}

Result<Columns> columns_of_csv(const fs::path& file, std::string_view text) {
  Columns columns;
  std::size_t number = 0;
  for (std::size_t start = 0; start < text.size();) {
    const auto end = std::min(text.find('\n', start), text.size());
    const auto line = text.substr(start, end - start);
    start = end + 1;
    ++number;
    if (trimmed(line).empty()) continue;
    const auto cells = cells_of(line);
    if (columns.empty()) {
      for (const auto cell : cells) columns.push_back({std::string(cell), {}});
      const auto numeric =
          std::find_if(cells.begin(), cells.end(), [](auto cell) { return value_of(cell).has_value(); });
      if (numeric != cells.end())
        return unreadable(file, "the first line must name the features, but has \"" + std::string(*numeric) + "\"");
      continue;
    }
    const auto in_line = "line " + std::to_string(number);
    if (cells.size() != columns.size())
      return unreadable(file, in_line + " has " + std::to_string(cells.size()) + " values for " +
                                  std::to_string(columns.size()) + " features");
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const auto value = value_of(cells[i]);
      if (!value)
        return unreadable(file, in_line + " has \"" + std::string(cells[i]) + "\" for \"" + columns[i].name +
                                    "\": give a number, or nothing where there was no value");
      columns[i].values.push_back(*value);
    }
  }
  return columns;
}

template <class T>
double element_at(ByteView bytes, std::size_t index) {
  T value{};
  std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof value);
  return static_cast<double>(value);
}

using ElementReader = double (*)(ByteView, std::size_t);

ElementReader reader_of(ElementType type) {
  switch (type) {
    case ElementType::f64:
      return element_at<double>;
    case ElementType::f32:
      return element_at<float>;
    case ElementType::i64:
      return element_at<std::int64_t>;
    case ElementType::u64:
      return element_at<std::uint64_t>;
    case ElementType::i32:
      return element_at<std::int32_t>;
    case ElementType::u32:
      return element_at<std::uint32_t>;
    case ElementType::i16:
      return element_at<std::int16_t>;
    case ElementType::u16:
      return element_at<std::uint16_t>;
    case ElementType::i8:
      return element_at<std::int8_t>;
    case ElementType::u8:
    case ElementType::boolean:
      return element_at<std::uint8_t>;
    default:
      return nullptr;
  }
}

// Column by column: NumPy says so in the header, right before the numbers.
bool is_by_columns(std::string_view text, const TensorExtent& array) {
  constexpr std::size_t most_header = 4096;
  const auto end = static_cast<std::size_t>(array.offset);
  const auto header = text.substr(end - std::min(end, most_header), std::min(end, most_header));
  const auto found = header.rfind("'fortran_order': ");
  return found != std::string_view::npos && header.substr(found + 17, 4) == "True";
}

Result<Columns> columns_of_array(const fs::path& file, std::string_view text, const TensorExtent& array) {
  const auto reader = reader_of(array.type);
  const auto name = array.name.empty() ? std::string("feature") : array.name;
  if (reader == nullptr) return unreadable(file, "\"" + name + "\" is of a type that is not read; save it as float64");
  const auto bytes =
      as_bytes(text).subspan(static_cast<std::size_t>(array.offset), static_cast<std::size_t>(array.size));
  Columns columns;
  if (array.shape.size() == 1) {
    columns.push_back({name, {}});
    for (std::size_t i = 0; i < static_cast<std::size_t>(array.shape[0]); ++i)
      columns.back().values.push_back(reader(bytes, i));
    return columns;
  }
  if (array.shape.size() != 2)
    return unreadable(file, "\"" + name + "\" has " + std::to_string(array.shape.size()) +
                                " dimensions: give one for a feature, or two, samples by features");
  const bool by_columns = is_by_columns(text, array);  // then the shape comes the other way round
  const auto samples = static_cast<std::size_t>(array.shape[by_columns ? 1 : 0]);
  const auto features = static_cast<std::size_t>(array.shape[by_columns ? 0 : 1]);
  if (features > most_features)
    return unreadable(file, "\"" + name + "\" has " + std::to_string(features) + " columns, and a release at most " +
                                std::to_string(most_features) + " features: give samples by features");
  for (std::size_t column = 0; column < features; ++column) {
    columns.push_back({name + "_" + std::to_string(column), {}});
    for (std::size_t i = 0; i < samples; ++i)
      columns.back().values.push_back(reader(bytes, by_columns ? column * samples + i : i * features + column));
  }
  return columns;
}

Result<Columns> columns_of_arrays(const fs::path& file, std::string_view text) {
  const auto map = find_tensors(as_bytes(text));
  if (!map.remark.empty()) return unreadable(file, map.remark + "; save it with numpy.savez, which does not compress");
  Columns columns;
  for (const auto& array : map.tensors) {
    ARGOSY_TRY(auto more, columns_of_array(file, text, array));
    for (auto& column : more) {
      if (column.name.ends_with(".npy")) column.name.resize(column.name.size() - 4);
      columns.push_back(std::move(column));
    }
  }
  return columns;
}

Result<json> reference_of_columns(const fs::path& file, const Columns& columns) {
  if (columns.empty()) return unreadable(file, "holds no feature; give a sample of the values that the model saw");
  if (columns.size() > most_features)
    return unreadable(file, "holds " + std::to_string(columns.size()) + " features, and a release has at most " +
                                std::to_string(most_features));
  auto features = json::array();
  for (const auto& [name, values] : columns) {
    if (!is_name(name))
      return unreadable(file, "\"" + name + "\" is no name for a feature: it must match [A-Za-z0-9_-]{1,64}");
    auto made = reference_of(values);
    if (!made) return unreadable(file, "\"" + name + "\" " + made.error().message);
    features.push_back({{"name", name}, {"edges", made->edges}, {"counts", made->counts}});
  }
  return json{{"features", std::move(features)}};
}

}  // namespace

Result<json> read_reference(const fs::path& file) {
  std::string extension = file.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  if (extension == ".json") {
    ARGOSY_TRY(const std::string text, read_file(file, max_json_bytes));
    auto document = parse_json(text, {.bytes = max_json_bytes});
    if (!document) return std::move(document).error().within(file.string());
    return document;
  }
  const bool is_array = extension == ".npz" || extension == ".npy";
  if (extension != ".csv" && !is_array)
    return unreadable(file, "is no .csv, .npz or .npy with a sample, nor .json with counts");
  ARGOSY_TRY(const std::string text, read_file(file, max_sample_bytes));
  ARGOSY_TRY(const Columns columns, is_array ? columns_of_arrays(file, text) : columns_of_csv(file, text));
  return reference_of_columns(file, columns);
}

}  // namespace argosy::cli
