#include "common/signing/release_statement.hpp"

#include "common/base/id.hpp"
#include "common/wire/document.hpp"

namespace argosy::signing {

namespace {

wire::Json to_json(const std::vector<ReleasePart>& parts) {
  wire::Json list = wire::Json::array();
  for (const ReleasePart& part : parts) list.push_back({{"name", part.name}, {"file", part.file}, {"size", part.size}});
  return list;
}

wire::Json to_json(const ReleaseFile& file) {
  wire::Json json = {{"name", file.name}, {"format", file.format}, {"size", file.size}};
  if (file.selector != wire::Selector{}) json["selector"] = parse_json(wire::encode(file.selector)).value();
  if (!file.parts.empty()) json["parts"] = to_json(file.parts);
  return json;
}

void read_part_entry(JsonReader& fields, ReleasePart& part) {
  fields.required("name", part.name);
  fields.required("file", part.file);
  fields.required("size", part.size);
}

void read_parts(JsonReader& fields, ReleaseFile& file) {
  fields.objects("parts", wire::max_parts, file.parts, read_part_entry);
  std::vector<std::string_view> names;
  for (const ReleasePart& part : file.parts) {
    fields.check("parts", wire::is_part_name(part.name, file.format), wire::part_name_rule);
    names.push_back(part.name);
  }
  fields.check("parts", wire::part_names_differ(names),
               "must have different names, whatever the case of their letters");
}

void read_file_entry(JsonReader& fields, ReleaseFile& file) {
  fields.required("name", file.name);
  fields.required("format", file.format);
  fields.required("size", file.size);
  fields.optional_object("selector", [&](JsonReader& inner) { wire::read_selector(inner, file.selector); });
  fields.check("format", is_name(file.format), wire::name_rule);
  read_parts(fields, file);
}

void read_fields(JsonReader& fields, ReleaseStatement& statement) {
  int version = 0;
  fields.required("v", version);
  fields.required("model", statement.model);
  fields.required("version", statement.version);
  fields.required("sequence", statement.sequence);
  fields.objects("files", max_statement_files, statement.files, read_file_entry);
  fields.optional_object("validation",
                         [&](JsonReader& spec) { wire::read_validation_spec(spec, statement.validation.emplace()); });
  fields.optional("expires_at", statement.expires_at);
  fields.optional("allow_downgrade_from", statement.allow_downgrade_from);
  fields.check("model", is_name(statement.model), wire::name_rule);
  fields.check("version", is_version(statement.version), wire::version_rule);
  fields.check("files", !statement.files.empty(), "must name the release's files");
}

}  // namespace

std::string encode(const ReleaseStatement& statement) {
  wire::Json files = wire::Json::array();
  for (const ReleaseFile& file : statement.files) files.push_back(to_json(file));
  wire::Json json = {{"v", 1},
                     {"model", statement.model},
                     {"version", statement.version},
                     {"sequence", statement.sequence},
                     {"files", std::move(files)}};
  if (statement.validation) json["validation"] = wire::json_of(*statement.validation);
  if (statement.expires_at) json["expires_at"] = to_rfc3339(*statement.expires_at);
  if (statement.allow_downgrade_from) json["allow_downgrade_from"] = *statement.allow_downgrade_from;
  return write_json(json) + "\n";
}

Result<ReleaseStatement> decode_statement(std::string_view json) {
  auto fields = wire::read_document(json, wire::max_statement_bytes, statement_name);
  if (!fields) return make_error(Errc::signature_malformed, fields.error().message);
  ReleaseStatement statement;
  read_fields(*fields, statement);
  const auto read = wire::finish(*fields, statement_name);
  if (!read) return make_error(Errc::signature_malformed, read.error().message);
  return statement;
}

}  // namespace argosy::signing
