#include "common/signing/release_statement.hpp"

#include "common/base/id.hpp"
#include "common/wire/desired.hpp"
#include "common/wire/json_fields.hpp"

namespace argosy::signing {

using wire::Fields;

namespace {

void read_selector(Fields& fields, wire::Selector& selector) {
  const auto word = [&](const char* key, std::optional<std::string>& out) {
    fields.optional(key, out);
    fields.check(
        key, [&] { return !out || is_name(*out); }, "must match [A-Za-z0-9_-]{1,64}");
  };
  word("architecture", selector.architecture);
  word("accelerator", selector.accelerator);
  word("runtime", selector.runtime);
  word("precision", selector.precision);
  word("hardware_class", selector.hardware_class);
  fields.optional("min_memory_mb", selector.min_memory_mb);
}

wire::Json to_json(const ReleaseFile& file) {
  wire::Json json = {{"name", file.name}, {"format", file.format}, {"size", file.size}};
  if (file.selector != wire::Selector{}) json["selector"] = wire::Json::parse(wire::encode(file.selector));
  return json;
}

void read_file_entry(Fields& fields, ReleaseFile& file) {
  fields.required("name", file.name);
  fields.required("format", file.format);
  fields.required("size", file.size);
  fields.object("selector", [&](Fields& inner) { read_selector(inner, file.selector); });
  fields.check(
      "format", [&] { return is_name(file.format); }, "must match [A-Za-z0-9_-]{1,64}");
}

void read_fields(Fields& fields, ReleaseStatement& statement) {
  int version = 0;
  fields.required("v", version);
  fields.required("model", statement.model);
  fields.required("version", statement.version);
  fields.required("sequence", statement.sequence);
  fields.list("files", max_statement_files, statement.files, read_file_entry);
  fields.optional("expires_at", statement.expires_at);
  fields.optional("allow_downgrade_from", statement.allow_downgrade_from);
  fields.check(
      "model", [&] { return is_name(statement.model); }, "must match [A-Za-z0-9_-]{1,64}");
  fields.check(
      "version", [&] { return is_version(statement.version); }, "must match [A-Za-z0-9_.+-]{1,64}");
  fields.check(
      "files", [&] { return !statement.files.empty(); }, "must name the release's files");
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
  if (statement.expires_at) json["expires_at"] = to_rfc3339(*statement.expires_at);
  if (statement.allow_downgrade_from) json["allow_downgrade_from"] = *statement.allow_downgrade_from;
  return wire::dump(json) + "\n";
}

Result<ReleaseStatement> decode_statement(std::string_view json) {
  auto document = wire::parse_document(json, wire::max_statement_bytes, statement_name);
  if (!document) return make_error(Errc::signature_malformed, document.error().message);
  std::optional<Error> fault;
  ReleaseStatement statement;
  Fields fields(*document, "", fault);
  read_fields(fields, statement);
  if (fault) return make_error(Errc::signature_malformed, std::string(statement_name) + ": " + fault->message);
  return statement;
}

}  // namespace argosy::signing
