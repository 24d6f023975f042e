#include "agent/update/model_folder.hpp"

#include "common/base/file.hpp"
#include "common/base/id.hpp"
#include "common/wire/json_fields.hpp"

namespace argosy::agent {

namespace fs = std::filesystem;
using wire::Json;

namespace {

constexpr std::uint64_t max_release_bytes = 64 << 10;

Error file_error(std::string_view what, const fs::path& path, const std::error_code& code) {
  return errno_error(std::string(what) + " " + path.string(), code.value());
}

Result<SlotContent> decode_release(std::string_view text) {
  ARGOSY_TRY(const Json document, wire::parse_document(text, max_release_bytes, "release.json"));
  std::optional<Error> fault;
  SlotContent content;
  wire::Fields fields(document, "", fault);
  fields.required("version", content.version);
  fields.required("digest", content.digest);
  fields.required("format", content.format);
  fields.required("size", content.size);
  fields.required("proven", content.proven);
  fields.check(
      "format", [&] { return is_name(content.format); }, "is not a file format's name");
  if (fault) return std::move(*fault);
  return content;
}

std::string encode_release(const SlotContent& content) {
  return wire::dump({{"version", content.version},
                     {"digest", content.digest},
                     {"format", content.format},
                     {"size", content.size},
                     {"proven", content.proven}});
}

}  // namespace

fs::path ModelFolder::model_file(SlotName name, std::string_view format) const {
  return slot(name) / ("model." + std::string(format));
}

fs::path ModelFolder::release_file(SlotName name) const {
  return slot(name) / "release.json";
}

Result<void> ModelFolder::create() const {
  for (const SlotName name : {SlotName::a, SlotName::b}) {
    std::error_code failed;
    fs::create_directories(slot(name), failed);
    if (failed) return file_error("cannot create", slot(name), failed);
  }
  return {};
}

Result<Slots> ModelFolder::read() const {
  Slots slots;
  for (const SlotName name : {SlotName::a, SlotName::b}) {
    const auto text = read_file(release_file(name), max_release_bytes);
    if (!text) continue;
    auto content = decode_release(*text);
    if (!content) continue;
    std::error_code failed;
    const auto size = fs::file_size(model_file(name, content->format), failed);
    if (!failed && size == content->size) slots.at(name) = std::move(*content);
  }
  std::error_code failed;
  const fs::path target = fs::read_symlink(current(), failed);
  if (!failed) slots.serving = parse_slot(target.filename().string());
  return slots;
}

Result<void> ModelFolder::refuse_serving(SlotName name) const {
  std::error_code failed;
  const fs::path target = fs::read_symlink(current(), failed);
  if (failed || parse_slot(target.filename().string()) != name) return {};
  return make_error(Errc::conflict, "slot " + std::string(to_string(name)) + " of " + folder_.string() +
                                        " serves and is never written to");
}

Result<void> ModelFolder::open_for_writing(SlotName name) const {
  ARGOSY_CHECK(refuse_serving(name));
  ARGOSY_CHECK(create());
  std::error_code failed;
  fs::remove(release_file(name), failed);
  if (failed) return file_error("cannot remove", release_file(name), failed);
  return sync_path(slot(name));
}

Result<void> ModelFolder::clear(SlotName name) const {
  ARGOSY_CHECK(open_for_writing(name));
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(slot(name), failed)) {
    fs::remove_all(entry.path(), failed);
    if (failed) return file_error("cannot remove", entry.path(), failed);
  }
  return {};
}

Result<void> ModelFolder::seal(SlotName name, const SlotContent& content) const {
  ARGOSY_CHECK(refuse_serving(name));
  const fs::path keep = model_file(name, content.format);
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(slot(name), failed))
    if (entry.path() != keep) fs::remove_all(entry.path(), failed);
  return write_file_atomically(release_file(name), encode_release(content));
}

Result<void> ModelFolder::mark_proven(SlotName name) const {
  ARGOSY_TRY(const std::string text, read_file(release_file(name), max_release_bytes));
  ARGOSY_TRY(SlotContent content, decode_release(text));
  if (content.proven) return {};
  content.proven = true;
  return write_file_atomically(release_file(name), encode_release(content));
}

}  // namespace argosy::agent
