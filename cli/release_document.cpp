#include "cli/release_document.hpp"

#include "cli/reference_file.hpp"
#include "common/base/file.hpp"
#include "common/json/json_look.hpp"
#include "common/json/json_reader.hpp"

namespace argosy::cli {

using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t max_document_bytes = 1 << 20;

// The forms of what this program replaces; the rest is for the server to judge.
Result<void> check_form(const json& document) {
  ARGOSY_TRY(JsonReader in, JsonReader::of(document, {}, UnknownKeys::pass));
  std::string text;
  in.required("model", text).required("version", text);
  in.objects("variants", default_list_limit, [](JsonReader& variant) {
    std::string file;
    variant.optional("file", file);
    variant.objects("parts", default_list_limit, [](JsonReader& part) {
      std::string name;
      part.optional("name", name).optional("file", name);
    });
  });
  in.optional_object("validation", [](JsonReader& validation) {
    std::string dataset;
    validation.optional("dataset", dataset);
  });
  const auto reference = document.find("reference");
  if (reference != document.end() && !reference->is_string()) in.optional_object("reference", [](JsonReader&) {});
  return in.finish();
}

// Replaces the path under `key` by the digest, under `into`; a null is no path.
Result<void> upload_at(json& object, const char* key, const char* into, const fs::path& folder, const Upload& upload) {
  const auto found = object.find(key);
  if (found == object.end()) return {};
  const json path = *found;
  object.erase(key);
  if (path.is_null()) return {};
  ARGOSY_TRY(object[into], upload(folder / path.get_ref<const std::string&>()));
  return {};
}

// Those without a file are there already, or for the server to judge.
Result<void> upload_variant(json& variant, const fs::path& folder, const Upload& upload) {
  json there = json::array();
  std::vector<PartFile> given;
  for (const json& part : list_in(variant, "parts")) {
    const std::string file = text_in(part, "file");
    if (file.empty()) {
      there.push_back(part);
      continue;
    }
    const std::string name = text_in(part, "name");
    given.push_back({name.empty() ? fs::path(file).filename().string() : name, folder / file});
  }
  const std::string file = text_in(variant, "file");
  if (!file.empty()) {
    ARGOSY_TRY(given, parts_beside(folder / file, text_in(variant, "format"), std::move(given)));
  }
  ARGOSY_CHECK(upload_at(variant, "file", "digest", folder, upload));
  ARGOSY_TRY(const json uploaded, upload_parts(given, upload));
  there.insert(there.end(), uploaded.begin(), uploaded.end());
  if (!there.empty()) variant["parts"] = std::move(there);
  return {};
}

Result<void> take_in_reference(json& document, const fs::path& folder) {
  const auto reference = document.find("reference");
  if (reference == document.end() || !reference->is_string()) return {};
  const fs::path file = folder / reference->get_ref<const std::string&>();
  ARGOSY_TRY(*reference, read_reference(file));
  return {};
}

}  // namespace

Result<json> upload_parts(const std::vector<PartFile>& parts, const Upload& upload) {
  json list = json::array();
  for (const PartFile& part : parts) {
    ARGOSY_TRY(std::string digest, upload(part.file));
    list.push_back({{"name", part.name}, {"digest", std::move(digest)}});
  }
  return {boost::system::in_place_value, std::move(list)};
}

Result<json> read_release_document(const fs::path& file, const Upload& upload) {
  ARGOSY_TRY(const std::string text, read_file(file, max_document_bytes));
  auto parsed = parse_json(text, {.bytes = max_document_bytes});
  if (!parsed) return std::move(parsed).error().within(file.string());
  if (!parsed->is_object())
    return make_error(Errc::malformed_json,
                      file.string() + " is not a JSON object; examples/digits/releases shows one");
  json document = std::move(*parsed);
  auto good = check_form(document);
  if (!good) return std::move(good).error().within(file.string());
  const fs::path folder = file.parent_path();
  if (const auto variants = document.find("variants"); variants != document.end() && variants->is_array())
    for (json& variant : *variants) ARGOSY_CHECK(upload_variant(variant, folder, upload));
  if (const auto validation = document.find("validation"); validation != document.end() && validation->is_object())
    ARGOSY_CHECK(upload_at(*validation, "dataset", "dataset", folder, upload));
  ARGOSY_CHECK(take_in_reference(document, folder));
  return {boost::system::in_place_value, std::move(document)};
}

}  // namespace argosy::cli
