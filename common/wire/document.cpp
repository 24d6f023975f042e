#include "common/wire/document.hpp"

namespace argosy::wire {

namespace {

constexpr int version_read = 1;

Result<void> check_version(JsonReader& fields, std::string_view what) {
  if (!fields.has("v")) return {};
  std::int64_t version = 0;
  fields.optional("v", version);
  ARGOSY_CHECK(finish(fields, what));
  if (version == version_read) return {};
  return make_error(Errc::incompatible, std::string(what) + " has protocol version " + std::to_string(version) +
                                            "; this program reads " + std::to_string(version_read));
}

}  // namespace

Error malformed(Error error, std::string_view what) {
  error.code = Errc::malformed_json;
  return std::move(error).within(what);
}

Result<JsonReader> read_document(std::string_view text, std::size_t limit_bytes, std::string_view what) {
  auto document = parse_json(text, {.bytes = limit_bytes});
  if (!document && document.error().code == Errc::too_large) return std::move(document).error().within(what);
  if (!document) return malformed(std::move(document).error(), what);
  if (!document->is_object()) return make_error(Errc::malformed_json, std::string(what) + " is not a JSON object");
  ARGOSY_TRY(JsonReader fields, JsonReader::of(std::move(*document), {}, UnknownKeys::pass));
  ARGOSY_CHECK(check_version(fields, what));
  return fields;
}

Result<void> finish(JsonReader& fields, std::string_view what) {
  auto finished = fields.finish();
  if (!finished) return malformed(std::move(finished).error(), what);
  return {};
}

}  // namespace argosy::wire
