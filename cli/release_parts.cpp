#include "cli/release_parts.hpp"

#include <algorithm>

#include "common/base/mapped_file.hpp"
#include "common/tensors/tensor_map.hpp"
#include "common/wire/desired.hpp"

namespace argosy::cli {

namespace fs = std::filesystem;

namespace {

Error of_model(const fs::path& model, const std::string& text) {
  return make_error(Errc::invalid_argument, model.string() + " " + text);
}

const PartFile* named(const std::vector<PartFile>& parts, const std::string& name) {
  const auto found = std::find_if(parts.begin(), parts.end(), [&](const PartFile& part) { return part.name == name; });
  return found == parts.end() ? nullptr : &*found;
}

Result<void> add_external(const fs::path& model, std::string_view format, const std::string& location,
                          std::vector<PartFile>& parts) {
  if (!wire::is_part_name(location, format))
    return of_model(model, "keeps weights in \"" + location +
                               "\", which cannot lie beside it on devices: put them into the model's file with "
                               "`argosy release pack " +
                               model.string() + " -o FILE`");
  const fs::path file = model.parent_path() / location;
  std::error_code failed;
  if (!fs::is_regular_file(file, failed))
    return make_error(Errc::not_found, model.string() + " keeps weights in " + location + ", and there is no " +
                                           file.string() + ": copy it there, beside the model");
  const PartFile* given = named(parts, location);
  if (given == nullptr) parts.push_back({location, file});
  if (given == nullptr || fs::equivalent(given->file, file, failed)) return {};
  return of_model(model, "keeps weights in " + file.string() + ", and " + given->file.string() +
                             " is to lie in its place: leave that out, or copy it there");
}

// A file that was cut short would only be found out on the devices.
Result<void> check_lengths(const fs::path& model, const TensorMap& map, const std::vector<PartFile>& parts) {
  for (const ExternalTensor& tensor : map.external) {
    const PartFile* part = named(parts, tensor.location);
    std::error_code failed;
    const std::uint64_t size = part == nullptr ? 0 : fs::file_size(part->file, failed);
    if (part == nullptr || failed || size - std::min(size, tensor.extent.offset) >= tensor.extent.size) continue;
    return of_model(model, "keeps the tensor '" + tensor.extent.name + "' in " + part->file.string() +
                               ", which ends before it: the two are not of one export");
  }
  return {};
}

Result<void> add_external_data(const fs::path& model, std::string_view format, std::vector<PartFile>& parts) {
  const auto mapped = MappedFile::open(model);
  if (!mapped) return mapped.error();
  const TensorMap map = find_tensors(mapped->bytes());
  for (const std::string& location : map.files) ARGOSY_CHECK(add_external(model, format, location, parts));
  return check_lengths(model, map, parts);
}

}  // namespace

Result<NamedPart> parse_part(const std::string& text) {
  NamedPart named;
  std::string rest = text;
  const auto equals = rest.find('=');
  if (equals == std::string::npos) {
    named.part = {fs::path(rest).filename().string(), rest};
  } else {
    const auto colon = rest.find(':');
    const std::size_t start = colon < equals ? colon + 1 : 0;
    if (start > 0) named.variant = rest.substr(0, colon);
    named.part = {rest.substr(start, equals - start), rest.substr(equals + 1)};
  }
  if (named.part.name.empty() || named.part.file.empty())
    return make_error(Errc::invalid_argument, "--part is \"" + text + "\"; write [VARIANT:][NAME=]FILE, for example " +
                                                  "labels.txt or fp32:labels.txt=out/labels.txt");
  return named;
}

Result<std::vector<PartFile>> parts_beside(const fs::path& model, std::string_view format,
                                           std::vector<PartFile> given) {
  std::vector<PartFile> parts = std::move(given);
  if (format == "onnx") ARGOSY_CHECK(add_external_data(model, format, parts));
  std::vector<std::string_view> names;
  for (const PartFile& part : parts) {
    if (!wire::is_part_name(part.name, format))
      return of_model(model, "cannot have a file named \"" + part.name + "\" beside it: the name " +
                                 std::string(wire::part_name_rule));
    names.push_back(part.name);
  }
  if (!wire::part_names_differ(names))
    return of_model(model, "has two files of one name beside it; to some disks upper and lower case are the same");
  if (parts.size() > wire::max_parts)
    return of_model(model, "has " + std::to_string(parts.size()) + " files beside it; at most " +
                               std::to_string(wire::max_parts) + " can be");
  std::sort(parts.begin(), parts.end(), [](const PartFile& a, const PartFile& b) { return a.name < b.name; });
  return parts;
}

}  // namespace argosy::cli
