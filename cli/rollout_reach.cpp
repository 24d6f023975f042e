#include "cli/rollout_reach.hpp"

#include <cmath>
#include <cstdio>

#include "cli/exit_code.hpp"
#include "common/json/json_look.hpp"

namespace argosy::cli {

using nlohmann::json;

namespace {

bool is_true(const json& document, const char* key) {
  const json& value = member(document, key);
  return value.is_boolean() && value.get<bool>();
}

std::string yes_or_no(const json& document, const char* key) {
  return is_true(document, key) ? "yes" : "no";
}

// Harm is + in every metric: a factor, or a difference.
std::string visible_text(const json& guard) {
  const auto visible = number_in(guard, "visible");
  if (!visible) return "-";
  char text[32];
  if (text_in(guard, "scale") == "ratio")
    std::snprintf(text, sizeof text, "x%.3f", std::exp(*visible));
  else
    std::snprintf(text, sizeof text, "%+.4f", *visible);
  return text;
}

std::string bytes_text(const json& item, const char* key) {
  const auto bytes = number_in(item, key);
  return bytes ? human_bytes(*bytes) : "-";
}

void print_preview(const json& preview) {
  std::printf("%s@%s would go to %s devices, of which %s are away now. Nothing was made.\n",
              cell(preview, "/model").c_str(), cell(preview, "/version").c_str(), cell(preview, "/devices").c_str(),
              cell(preview, "/away").c_str());
  print_section("Waves", preview_waves_table(preview), "none");
  const json& reach = member(preview, "reach");
  print_section("What the first wave's canary can find out", reach_table(reach),
                "nothing: there are no guards, or no devices");
  print_section("Variants", variants_table(preview), "none");
  print_section("Downloads", downloads_table(preview), "none");
  print_section("Left out", left_out_table(preview), "nobody");
}

}  // namespace

Table reach_table(const json& reach) {
  Table table{{"METRIC", "MODE", "MEASURABLE", "CAN ROLL BACK", "CAN PASS", "NEEDS", "SEES IN A DAY", "MESSAGE"}, {}};
  for (const json& guard : list_in(reach, "guards"))
    table.rows.push_back({cell(guard, "/metric"), cell(guard, "/mode"), yes_or_no(guard, "measurable"),
                          yes_or_no(guard, "can_fail"), yes_or_no(guard, "can_pass"), cell(guard, "/needed"),
                          visible_text(guard), cell(guard, "/message")});
  return table;
}

std::vector<std::string> reach_warnings(const json& reach) {
  std::vector<std::string> warnings;
  for (const json& guard : list_in(reach, "guards")) {
    const bool comes_to_a_verdict =
        is_true(guard, "measurable") && is_true(guard, "can_fail") && is_true(guard, "can_pass");
    if (!comes_to_a_verdict && text_in(guard, "mode") != "advisory") warnings.push_back(cell(guard, "/message"));
  }
  return warnings;
}

void print_reach_warnings(const Context& context, const json& reach) {
  for (const auto& warning : reach_warnings(reach)) print_note(context.output, "Warning: " + warning);
}

Table preview_waves_table(const json& preview) {
  Table table{{"WAVE", "SHARE", "DEVICES", "BY CLASS"}, {}};
  int number = 1;
  for (const json& wave : list_in(preview, "waves"))
    table.rows.push_back(
        {std::to_string(number++), cell(wave, "/share"), cell(wave, "/planned"), counts_text(member(wave, "classes"))});
  return table;
}

// A line for each variant, and one for each reason why it does not suit.
Table variants_table(const json& preview) {
  Table table{{"VARIANT", "SUITS", "TAKEN BY", "NOT", "WHY NOT"}, {}};
  for (const json& variant : list_in(preview, "variants")) {
    Row row{cell(variant, "/name"), cell(variant, "/suits"), cell(variant, "/takes"), "-", "-"};
    for (const json& one : list_in(variant, "unsuited")) {
      row[3] = cell(one, "/devices");
      row[4] = cell(one, "/message");
      table.rows.push_back(row);
      row = Row{"", "", "", "-", "-"};
    }
    if (list_in(variant, "unsuited").empty()) table.rows.push_back(row);
  }
  return table;
}

Table downloads_table(const json& preview) {
  const json& download = member(preview, "download");
  Table table{{"WAY", "DEVICES", "BYTES"}, {}};
  table.rows.push_back(
      {"patch", cell(download, "/by_patch/devices"), bytes_text(member(download, "by_patch"), "bytes")});
  table.rows.push_back(
      {"whole file", cell(download, "/whole/devices"), bytes_text(member(download, "whole"), "bytes")});
  table.rows.push_back({"of these, a patch may be made", cell(download, "/patches_to_make"), "-"});
  table.rows.push_back({"has the file", cell(download, "/in_other_slot"), "-"});
  table.rows.push_back({"together", "-", bytes_text(download, "bytes")});
  table.rows.push_back({"whole files would be", "-", bytes_text(download, "full_bytes")});
  return table;
}

Table left_out_table(const json& preview) {
  Table table{{"REASON", "DEVICES", "MESSAGE"}, {}};
  for (const json& one : list_in(preview, "left_out"))
    table.rows.push_back({cell(one, "/reason"), cell(one, "/devices"), cell(one, "/message")});
  return table;
}

Result<int> preview_rollout(const Context& context, const ApiClient& api, const json& document) {
  ARGOSY_TRY(const json preview, api.post("/rollouts/preview", document));
  if (context.output.json)
    print_json(preview);
  else
    print_preview(preview);
  print_warnings(context, preview);
  print_reach_warnings(context, member(preview, "reach"));
  const std::string refused = text_in(preview, "refused");
  if (refused.empty()) return exit_ok;
  std::fprintf(stderr, "argosy: it would be refused: %s\n", refused.c_str());
  return exit_failed;
}

}  // namespace argosy::cli
