#include "agent/update/model_folder.hpp"

#include <algorithm>
#include <cerrno>

#include "agent/update/calibration_text.hpp"
#include "common/base/disk.hpp"
#include "common/base/file.hpp"
#include "common/base/id.hpp"
#include "common/wire/document.hpp"

namespace argosy::agent {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t max_release_bytes = 64 << 10;
constexpr std::uint64_t max_wish_bytes = 1 << 20;

Result<SlotContent> decode_release(std::string_view text) {
  ARGOSY_TRY(JsonReader fields, wire::read_document(text, max_release_bytes, "release.json"));
  SlotContent content;
  fields.required("version", content.version);
  fields.required("digest", content.digest);
  fields.required("format", content.format);
  fields.required("size", content.size);
  fields.required("proven", content.proven);
  fields.check("format", is_name(content.format), "is not a file format's name");
  fields.objects("parts", wire::max_parts, content.parts, [](JsonReader& item, wire::Part& part) {
    item.required("name", part.name);
    item.required("digest", part.blob.digest);
    item.required("size", part.blob.size);
  });
  for (const wire::Part& part : content.parts)
    fields.check("parts", wire::is_part_name(part.name, content.format), wire::part_name_rule);
  ARGOSY_CHECK(wire::finish(fields, "release.json"));
  return content;
}

std::string encode_release(const SlotContent& content) {
  nlohmann::json json = {{"version", content.version},
                         {"digest", content.digest},
                         {"format", content.format},
                         {"size", content.size},
                         {"proven", content.proven}};
  for (const wire::Part& part : content.parts)
    json["parts"].push_back({{"name", part.name}, {"digest", part.blob.digest}, {"size", part.blob.size}});
  return write_json(json);
}

bool is_there(const fs::path& folder, const std::vector<wire::Part>& files) {
  return std::all_of(files.begin(), files.end(), [&](const wire::Part& file) {
    std::error_code failed;
    const auto size = fs::file_size(folder / file.name, failed);
    return !failed && size == file.blob.size;
  });
}

}  // namespace

fs::path ModelFolder::model_file(SlotName name, std::string_view format) const {
  return slot(name) / ("model." + std::string(format));
}

fs::path ModelFolder::file_of(SlotName name, const SlotContent& content, std::string_view digest) const {
  for (const wire::Part& file : files_of(content))
    if (file.blob.digest == digest) return slot(name) / file.name;
  return {};
}

fs::path ModelFolder::release_file(SlotName name) const {
  return slot(name) / "release.json";
}

Result<void> ModelFolder::create() const {
  for (const SlotName name : {SlotName::a, SlotName::b}) {
    ARGOSY_CHECK(create_folders(slot(name)));
  }
  return {};
}

Result<std::optional<SlotName>> ModelFolder::serving() const {
  std::error_code failed;
  const fs::path target = fs::read_symlink(current(), failed);
  const bool is_no_link = failed == std::errc::no_such_file_or_directory || failed == std::errc::invalid_argument;
  if (failed && !is_no_link) return errno_error("cannot read " + current().string(), failed.value());
  return parse_slot(target.filename().string());
}

Result<Slots> ModelFolder::read() const {
  Slots slots;
  for (const SlotName name : {SlotName::a, SlotName::b}) {
    const auto text = read_file(release_file(name), max_release_bytes);
    if (!text && text.error().code == Errc::io) return text.error();
    if (!text) continue;
    auto content = decode_release(*text);
    if (!content) continue;
    if (is_there(slot(name), files_of(*content))) slots.at(name) = std::move(*content);
  }
  ARGOSY_TRY(slots.serving, serving());
  return slots;
}

Result<void> ModelFolder::refuse_serving(SlotName name) const {
  ARGOSY_TRY(const auto served, serving());
  if (served != name) return {};
  return make_error(Errc::conflict, "slot " + std::string(to_string(name)) + " of " + folder_.string() +
                                        " serves and is never written to");
}

Result<void> ModelFolder::open_for_writing(SlotName name) const {
  ARGOSY_CHECK(refuse_serving(name));
  ARGOSY_CHECK(create());
  ARGOSY_CHECK(remove_tree(release_file(name)));
  return sync_path(slot(name));
}

Result<void> ModelFolder::clear(SlotName name) const {
  ARGOSY_CHECK(open_for_writing(name));
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(slot(name), failed)) {
    ARGOSY_CHECK(remove_tree(entry.path()));
  }
  return {};
}

Result<void> ModelFolder::seal(SlotName name, const SlotContent& content) const {
  ARGOSY_CHECK(refuse_serving(name));
  const std::vector<wire::Part> files = files_of(content);
  const auto is_its = [&](const std::string& file) {
    return std::any_of(files.begin(), files.end(), [&](const wire::Part& own) { return own.name == file; });
  };
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(slot(name), failed))
    if (!is_its(entry.path().filename().string())) static_cast<void>(remove_tree(entry.path()));
  return write_file_atomically(release_file(name), encode_release(content));
}

Result<void> ModelFolder::mark_proven(SlotName name) const {
  ARGOSY_TRY(const std::string text, read_file(release_file(name), max_release_bytes));
  ARGOSY_TRY(SlotContent content, decode_release(text));
  if (content.proven) return {};
  content.proven = true;
  return write_file_atomically(release_file(name), encode_release(content));
}

fs::path ModelFolder::calibration_file(SlotName name) const {
  return slot(name) / "calibration.json";
}

Result<void> ModelFolder::keep_calibration(SlotName name, const CalibrationCounts& counts) const {
  return write_file_atomically(calibration_file(name), write_json({{"calibration", calibration_to_json(counts)}}));
}

std::optional<CalibrationCounts> ModelFolder::calibration(SlotName name) const {
  const auto text = read_file(calibration_file(name), max_release_bytes);
  if (!text) return std::nullopt;
  auto fields = wire::read_document(*text, max_release_bytes, "calibration.json");
  if (!fields) return std::nullopt;
  std::optional<CalibrationCounts> counts;
  read_calibration(*fields, counts);
  return wire::finish(*fields, "calibration.json") ? counts : std::nullopt;
}

fs::path ModelFolder::wish_file(SlotName name) const {
  return slot(name) / "wish.json";
}

Result<void> ModelFolder::keep_wish(SlotName name, const wire::DesiredModel& wish) const {
  wire::DesiredModel kept = wish;
  kept.patches.clear();
  for (wire::PartOffer& part : kept.parts) part.patches.clear();
  kept.signature.reset();
  const std::string text = wire::encode(kept);
  if (const auto known = read_file(wish_file(name), max_wish_bytes); known && *known == text) return {};
  return write_file_atomically(wish_file(name), text);
}

std::optional<wire::DesiredModel> ModelFolder::wish(SlotName name) const {
  const auto text = read_file(wish_file(name), max_wish_bytes);
  if (!text) return std::nullopt;
  auto wish = wire::decode_desired_model(*text);
  return wish ? std::optional(std::move(*wish)) : std::nullopt;
}

Result<void> ModelFolder::offer_candidate(SlotName name, const SlotContent& content) const {
  const std::string path = std::string(to_string(name)) + "/" + model_file(name, content.format).filename().string();
  return write_file_atomically(candidate(), content.version + " " + path + "\n");
}

Result<void> ModelFolder::withdraw_candidate() const {
  ARGOSY_CHECK(remove_tree(candidate().string() + ".tmp"));  // of a write that failed
  return remove_tree(candidate());
}

}  // namespace argosy::agent
