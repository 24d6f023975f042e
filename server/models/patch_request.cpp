#include "server/models/patch_request.hpp"

#include "common/base/id.hpp"
#include "common/json/json_reader.hpp"

namespace argosy::server {

namespace {

void read_pair(JsonReader& fields, VersionPair& pair) {
  constexpr std::string_view version_rule = "must match [A-Za-z0-9_.+-]{1,64} and not begin with a dot";
  fields.required("from_version", pair.from_version)
      .required("to_version", pair.to_version)
      .optional("variant", pair.variant)
      .check("from_version", is_version(pair.from_version), version_rule)
      .check("to_version", is_version(pair.to_version), version_rule)
      .check("to_version", pair.from_version != pair.to_version, "must be another version than from_version")
      .check("variant", pair.variant.empty() || is_name(pair.variant), "must match [A-Za-z0-9_-]{1,64}");
}

}  // namespace

Result<PatchRequest> parse_patch_request(std::string_view json) {
  ARGOSY_TRY(JsonReader body, JsonReader::parse(json));
  PatchRequest request;
  body.objects("pairs", max_pairs_asked, [&](JsonReader& item) { read_pair(item, request.pairs.emplace_back()); })
      .optional("days", request.days, 1, 90)
      .check("pairs", !request.pairs.empty(), "must hold at least one pair {\"from_version\", \"to_version\"}");
  ARGOSY_CHECK(body.finish());
  return request;
}

}  // namespace argosy::server
