#include "agent/runner/dataset.hpp"

#include <algorithm>
#include <cstring>
#include <system_error>

namespace argosy::agent {
namespace {

constexpr std::uint64_t max_file_bytes = 2ULL << 30;
constexpr std::int64_t max_samples = 1'000'000;

Error corrupt(std::string message) {
  return make_error(Errc::corrupt, std::move(message));
}

const NpyArray* find(const std::vector<NpzEntry>& entries, std::string_view name) {
  const auto entry = std::find_if(entries.begin(), entries.end(), [&](const NpzEntry& e) { return e.name == name; });
  return entry == entries.end() ? nullptr : &entry->array;
}

bool is_npy(ByteView bytes) {
  return as_text(bytes).starts_with("\x93NUMPY");
}

bool is_floating(const NpyArray& array) {
  return array.type == NpyType::float32 || array.type == NpyType::float64;
}

Result<void> check_samples(const NpyArray& x) {
  if (x.shape.empty() || x.shape[0] == 0 || x.data.empty()) return corrupt("array 'x' has no samples: " + x.describe());
  if (x.shape[0] > max_samples)
    return corrupt("array 'x' has " + std::to_string(x.shape[0]) + " samples: at most " + std::to_string(max_samples));
  return {};
}

Result<void> check_truths(const NpyArray& x, const NpyArray& y) {
  if (y.shape.empty() || y.shape[0] != x.shape[0])
    return corrupt("array 'y' is " + y.describe() + " where 'x' has " + std::to_string(x.shape[0]) + " samples");
  if (!is_floating(y) && y.shape.size() != 1)
    return corrupt("array 'y' is " + y.describe() +
                   ": labels are one integer a sample, and golden outputs are float32 or float64");
  if (y.data.empty()) return corrupt("array 'y' has no values: " + y.describe());
  return {};
}

Result<NpyArray> parse_file(const MappedFile& file, const std::filesystem::path& path) {
  auto array = parse_npy(file.bytes());
  if (!array) return std::move(array).error().within(path.string());
  return array;
}

}  // namespace

Result<Dataset> Dataset::open(const std::filesystem::path& path) {
  Dataset data;
  std::error_code failed;
  if (std::filesystem::is_directory(path, failed)) {
    ARGOSY_CHECK(data.take_folder(path));
  } else {
    ARGOSY_TRY(MappedFile file, MappedFile::open(path, max_file_bytes));
    ARGOSY_CHECK(data.take(std::move(file), path));
  }
  if (auto checked = check_samples(data.x_); !checked) return std::move(checked).error().within(path.string());
  if (!data.has_y_) return data;
  if (auto checked = check_truths(data.x_, data.y_); !checked) return std::move(checked).error().within(path.string());
  return data;
}

Result<void> Dataset::take(MappedFile file, const std::filesystem::path& path) {
  if (is_npy(file.bytes())) {
    ARGOSY_TRY(NpyArray x, parse_file(file, path));
    take_samples(std::move(x), path, file.bytes());
  } else {
    auto entries = parse_npz(file.bytes());
    if (!entries) return std::move(entries).error().within(path.string());
    const NpyArray* x = find(*entries, "x");
    if (!x) return corrupt(path.string() + ": array 'x' is missing: the samples");
    take_samples(*x, path, file.bytes());
    const NpyArray* y = find(*entries, "y");
    has_y_ = y != nullptr;
    if (y) y_ = *y;
  }
  files_.push_back(std::move(file));
  return {};
}

Result<void> Dataset::take_folder(const std::filesystem::path& folder) {
  const std::filesystem::path samples = folder / "x.npy", truths = folder / "y.npy";
  ARGOSY_TRY(MappedFile x, MappedFile::open(samples, max_file_bytes));
  ARGOSY_TRY(NpyArray values, parse_file(x, samples));
  take_samples(std::move(values), samples, x.bytes());
  files_.push_back(std::move(x));
  std::error_code failed;
  if (!std::filesystem::exists(truths, failed)) return {};
  ARGOSY_TRY(MappedFile y, MappedFile::open(truths, max_file_bytes));
  ARGOSY_TRY(y_, parse_file(y, truths));
  has_y_ = true;
  files_.push_back(std::move(y));
  return {};
}

void Dataset::take_samples(NpyArray x, const std::filesystem::path& path, ByteView file) {
  on_disk_ = {path, static_cast<std::size_t>(x.data.data() - file.data())};
  x_ = std::move(x);
}

Dataset::Truths Dataset::truths() const {
  if (!has_y_) return Truths::none;
  return is_floating(y_) ? Truths::outputs : Truths::labels;
}

void Dataset::copy_row(const NpyArray& array, std::size_t index, std::span<float> out) {
  const std::size_t count = out.size();
  if (array.type == NpyType::float32) {
    std::memcpy(out.data(), array.data.data() + index * count * sizeof(float), count * sizeof(float));
    return;
  }
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<float>(array.at(index * count + i));
}

}  // namespace argosy::agent
