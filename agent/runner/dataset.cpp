#include "agent/runner/dataset.hpp"

#include <algorithm>
#include <cmath>
#include <system_error>

#include "common/base/text.hpp"

namespace argosy::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t max_file_bytes = 2ULL << 30;
constexpr std::int64_t max_samples = 1'000'000;
constexpr std::size_t max_files = 64;
constexpr std::size_t max_named = 8;     // in a message
constexpr std::size_t rows_a_look = 64;  // at the clock
constexpr std::string_view settings_array = "argosy";

// What people call the samples and the truths, the surest first; in lower case.
constexpr std::string_view sample_names[] = {"x",      "x_test", "x_val", "x_valid",  "x_validation", "inputs", "input",
                                             "images", "image",  "data",  "features", "samples",      "arr_0"};
constexpr std::string_view truth_names[] = {"y",     "y_test",  "y_val",  "y_valid", "y_validation", "y_true", "labels",
                                            "label", "targets", "target", "outputs", "expected",     "arr_1"};

Error corrupt_data(std::string message) {
  return make_error(Errc::corrupt, std::move(message));
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

bool is_npy(ByteView bytes) {
  return as_text(bytes).starts_with("\x93NUMPY");
}

std::string quoted(const NpzEntry& entry) {
  return "array '" + shortened(entry.name) + "'";
}

Result<NpyArray> parse_file(ByteView bytes, const fs::path& path) {
  auto array = parse_npy(bytes);
  if (!array) return std::move(array).error().within(path.string());
  return array;
}

}  // namespace

Result<Dataset> Dataset::open(const fs::path& path) {
  Dataset data;
  std::error_code failed;
  if (fs::is_directory(path, failed)) {
    ARGOSY_CHECK(data.take_folder(path));
  } else {
    ARGOSY_CHECK(data.take(path));
  }
  const auto understand = [&]() -> Result<void> {
    ARGOSY_CHECK(data.take_settings());
    ARGOSY_CHECK(data.find_roles());
    return data.check();
  };
  if (auto understood = understand(); !understood) return std::move(understood).error().within(path.string());
  return data;
}

Result<void> Dataset::take(const fs::path& path) {
  ARGOSY_TRY(MappedFile file, MappedFile::open(path, max_file_bytes));
  if (is_npy(file.bytes())) {
    ARGOSY_TRY(NpyArray x, parse_file(file.bytes(), path));
    arrays_.push_back({"x", std::move(x)});
  } else {
    auto entries = parse_npz(file.bytes());
    if (!entries) return std::move(entries).error().within(path.string());
    arrays_ = std::move(*entries);
  }
  sources_.push_back({std::move(file), path});
  return {};
}

Result<void> Dataset::take_folder(const fs::path& folder) {
  std::vector<fs::path> paths;
  std::error_code failed;
  for (const auto& each : fs::directory_iterator(folder, failed))
    if (each.path().extension() == ".npy") paths.push_back(each.path());
  std::sort(paths.begin(), paths.end());
  if (paths.size() > max_files)
    return corrupt_data(folder.string() + " holds more than " + std::to_string(max_files) + " arrays");
  if (paths.empty()) return make_error(Errc::not_found, folder.string() + " has no x.npy");
  for (const fs::path& path : paths) {
    ARGOSY_TRY(MappedFile file, MappedFile::open(path, max_file_bytes));
    ARGOSY_TRY(NpyArray array, parse_file(file.bytes(), path));
    arrays_.push_back({path.stem().string(), std::move(array)});
    sources_.push_back({std::move(file), path});
  }
  const fs::path settings = folder / settings_member;
  if (!fs::exists(settings, failed)) return {};
  ARGOSY_TRY(MappedFile file, MappedFile::open(settings, max_file_bytes));
  arrays_.push_back({std::string(settings_member),
                     {.type = NpyType::bytes, .shape = {}, .data = file.bytes(), .width = file.bytes().size()}});
  sources_.push_back({std::move(file), settings});
  return {};
}

Result<void> Dataset::take_settings() {
  for (const std::string_view name : {settings_member, settings_array}) {
    const std::size_t index = find(name);
    if (index == none || !is_text(arrays_[index].array.type) || arrays_[index].array.count() != 1) continue;
    ARGOSY_TRY(settings_, parse_dataset_settings(arrays_[index].array.text_at(0)));
    arrays_.erase(arrays_.begin() + static_cast<std::ptrdiff_t>(index));
    return {};
  }
  return {};
}

Result<void> Dataset::find_roles() {
  if (settings_.truth.empty()) {
    y_ = find_any(truth_names);
  } else {
    y_ = find(settings_.truth);
    if (y_ == none)
      return corrupt_data("array '" + shortened(settings_.truth) +
                          "' is missing, which its argosy.json names as the truth");
  }
  for (const auto& [input, name] : settings_.inputs)
    if (find(name) == none)
      return corrupt_data("array '" + shortened(name) + "' is missing, which its argosy.json names for input '" +
                          shortened(input) + "'");
  if (settings_.inputs.size() == 1) {
    x_ = find(settings_.inputs.begin()->second);
  } else if (settings_.inputs.empty()) {
    x_ = find_any(sample_names);
  }
  return {};
}

Result<void> Dataset::check() {
  const NpzEntry* first = samples();
  for (const NpzEntry& each : arrays_) {
    if (first != nullptr) break;
    if (!is_truth(each) && !each.array.shape.empty()) first = &each;
  }
  if (first == nullptr) return corrupt_data("array 'x' is missing: the samples");
  const NpyArray& x = first->array;
  if (x.shape.empty() || x.shape[0] == 0 || x.data.empty())
    return corrupt_data(quoted(*first) + " has no samples: " + x.describe());
  if (x.shape[0] > max_samples)
    return corrupt_data(quoted(*first) + " has " + std::to_string(x.shape[0]) + " samples: at most " +
                        std::to_string(max_samples));
  size_ = static_cast<std::size_t>(x.shape[0]);
  const NpzEntry* y = truths();
  if (y == nullptr) return {};
  if (y->array.shape.empty() || y->array.shape[0] != x.shape[0])
    return corrupt_data(quoted(*y) + " is " + y->array.describe() + " where '" + shortened(first->name) + "' has " +
                        std::to_string(x.shape[0]) + " samples");
  if (y->array.data.empty()) return corrupt_data(quoted(*y) + " has no values: " + y->array.describe());
  return {};
}

const NpyArray* Dataset::array(std::string_view name) const {
  const std::size_t index = find(name);
  return index == none ? nullptr : &arrays_[index].array;
}

std::size_t Dataset::find(std::string_view name) const {
  const auto entry =
      std::find_if(arrays_.begin(), arrays_.end(), [&](const NpzEntry& each) { return each.name == name; });
  return entry == arrays_.end() ? none : static_cast<std::size_t>(entry - arrays_.begin());
}

std::size_t Dataset::find_any(std::span<const std::string_view> names) const {
  for (const std::string_view name : names) {
    if (const std::size_t exact = find(name); exact != none) return exact;
    const auto entry = std::find_if(arrays_.begin(), arrays_.end(),
                                    [&](const NpzEntry& each) { return lower_case(each.name) == name; });
    if (entry != arrays_.end()) return static_cast<std::size_t>(entry - arrays_.begin());
  }
  return none;
}

std::optional<PlaceOnDisk> Dataset::place_of(const NpzEntry& array) const {
  if (array.array.owned) return std::nullopt;
  for (const Source& source : sources_) {
    const ByteView bytes = source.file.bytes();
    const std::uint8_t* at = array.array.data.data();
    if (std::less_equal<>()(bytes.data(), at) && std::less<>()(at, bytes.data() + bytes.size()))
      return PlaceOnDisk{source.path, static_cast<std::size_t>(at - bytes.data())};
  }
  return std::nullopt;
}

std::string Dataset::describe() const {
  if (const NpzEntry* x = samples()) return shortened(x->name) + " " + x->array.describe();
  std::string all;
  std::size_t named = 0;
  for (const NpzEntry& each : arrays_) {
    if (++named > max_named) return all + ", ...";
    all += (all.empty() ? "" : ", ") + shortened(each.name) + " " + each.array.describe();
  }
  return all;
}

std::string Dataset::describe_truths() const {
  return quoted(*truths()) + " " + truths()->array.describe();
}

std::vector<std::string> Dataset::notes(const Deadline& deadline) const {
  std::vector<std::string> said;
  for (const NpzEntry& each : arrays_) {
    if (is_truth(each) || !is_floating(each.array.type) || each.array.rows() != size_) continue;
    std::size_t rows = 0, row = 0;
    const std::size_t values = each.array.values_per_row();
    for (; row < size_ && !(row % rows_a_look == 0 && deadline.is_past()); ++row)
      for (std::size_t i = 0; i < values; ++i) {
        if (!std::isnan(each.array.at(row * values + i))) continue;
        ++rows;
        break;
      }
    if (rows > 0)
      said.push_back(quoted(each) + " holds NaN in " + std::to_string(rows) + " of " + std::to_string(row) +
                     " samples: unless the model was made for missing values, take them out, or fill them with "
                     "np.nan_to_num");
  }
  return said;
}

}  // namespace argosy::agent
