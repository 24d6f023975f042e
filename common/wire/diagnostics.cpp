#include "common/wire/diagnostics.hpp"

#include <algorithm>

#include "common/base/id.hpp"
#include "common/base/text.hpp"
#include "common/json/json_text.hpp"
#include "common/wire/desired.hpp"
#include "common/wire/document.hpp"

namespace argosy::wire {

namespace {

constexpr std::size_t ask_limit = 1024;
constexpr std::string_view ask_name = "the question";
constexpr std::string_view diagnostics_name = "the diagnostics";

Json json_of_lines(const std::vector<LogLine>& log, std::size_t newest) {
  Json lines = Json::array();
  for (auto line = log.end() - static_cast<std::ptrdiff_t>(std::min(newest, log.size())); line != log.end(); ++line)
    lines.push_back({{"at", to_rfc3339(line->at)}, {"text", shortened(line->text, most_log_line_bytes)}});
  return lines;
}

}  // namespace

std::string encode(const DiagnosticsAsk& ask) {
  return write_json({{"v", protocol_version}, {"diagnostics", ask.id}});
}

Result<DiagnosticsAsk> decode_diagnostics_ask(std::string_view json) {
  ARGOSY_TRY(JsonReader fields, read_document(json, ask_limit, ask_name));
  DiagnosticsAsk ask;
  fields.required("diagnostics", ask.id, 1, INT64_MAX);
  ARGOSY_CHECK(finish(fields, ask_name));
  return ask;
}

std::string encode(const Diagnostics& diagnostics) {
  Json journals = Json::array();
  for (const auto& journal : diagnostics.journals) journals.push_back(json_or_null(journal));
  Json document{{"v", protocol_version},
                {"id", diagnostics.id},
                {"device", diagnostics.state.device},
                {"started_at", to_rfc3339(diagnostics.started_at)},
                {"state", json_or_null(encode(diagnostics.state))},
                {"outbox", {{"records", diagnostics.outbox_records}, {"bytes", diagnostics.outbox_bytes}}},
                {"journals", std::move(journals)}};
  for (std::size_t lines = most_log_lines; lines > 0; lines /= 2) {
    document["log"] = json_of_lines(diagnostics.log, lines);
    auto text = write_json(document);
    if (text.size() <= max_diagnostics_bytes) return text;
  }
  document["log"] = Json::array();
  document["journals"] = Json::array();
  document["left_out"] = "what was too long: log and journals";
  return write_json(document);
}

Result<DiagnosticsHead> decode_diagnostics_head(std::string_view json) {
  ARGOSY_TRY(JsonReader fields, read_document(json, max_diagnostics_bytes, diagnostics_name));
  DiagnosticsHead head;
  fields.required("id", head.id, 1, INT64_MAX).required("device", head.device);
  fields.check("device", is_name(head.device), name_rule);
  ARGOSY_CHECK(finish(fields, diagnostics_name));
  return head;
}

}  // namespace argosy::wire
