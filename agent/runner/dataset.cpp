#include "agent/runner/dataset.hpp"

#include <algorithm>
#include <cstring>

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

Result<void> check(const NpyArray& x, const NpyArray& y) {
  if (x.shape.empty() || x.shape[0] == 0 || x.data.empty()) return corrupt("array 'x' has no samples: " + x.describe());
  if (x.shape[0] > max_samples)
    return corrupt("array 'x' has " + std::to_string(x.shape[0]) + " samples: at most " + std::to_string(max_samples));
  if (y.type == NpyType::float32 || y.type == NpyType::float64)
    return corrupt("array 'y' holds " + std::string(name(y.type)) + ": labels are integers");
  if (y.shape.size() != 1 || y.shape[0] != x.shape[0])
    return corrupt("array 'y' is " + y.describe() + " where 'x' has " + std::to_string(x.shape[0]) + " samples");
  return {};
}

}  // namespace

Result<Dataset> Dataset::open(const std::filesystem::path& path) {
  ARGOSY_TRY(MappedFile file, MappedFile::open(path, max_file_bytes));
  auto entries = parse_npz(file.bytes());
  if (!entries) return std::move(entries).error().within(path.string());
  const NpyArray* x = find(*entries, "x");
  const NpyArray* y = find(*entries, "y");
  if (!x || !y) return corrupt(path.string() + ": array '" + (x ? "y" : "x") + "' is missing: x and y are needed");
  if (auto checked = check(*x, *y); !checked) return std::move(checked).error().within(path.string());
  return Dataset(std::move(file), *x, *y);
}

void Dataset::sample(std::size_t index, std::span<float> out) const {
  const std::size_t count = values_per_sample();
  if (x_.type == NpyType::float32) {
    std::memcpy(out.data(), x_.data.data() + index * count * sizeof(float), count * sizeof(float));
    return;
  }
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<float>(x_.at(index * count + i));
}

}  // namespace argosy::agent
