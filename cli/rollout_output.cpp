#include "cli/rollout_output.hpp"

#include <cmath>
#include <cstdio>

#include "common/json/json_look.hpp"

namespace argosy::cli {

using nlohmann::json;

namespace {

// A change as the server tells it, + for harm: of ratios the factor.
std::string change_text(const json& guard, const char* field) {
  const json& change = member(guard, field);
  if (!change.is_number()) return "-";
  char text[32];
  if (text_in(guard, "scale") == "ratio")
    std::snprintf(text, sizeof text, "x%.3f", std::exp(change.get<double>()));
  else
    std::snprintf(text, sizeof text, "%+.4f", change.get<double>());
  return text;
}

// Of the successes, those that probation said little about.
std::string too_few_text(const json& wave) {
  const auto devices = number_in(wave, "probation_too_few").value_or(0);
  if (devices == 0) return "";
  return " (" + cell(wave, "/probation_too_few") + " of these on too few observations)";
}

}  // namespace

std::string rollout_path(const std::string& id) {
  return "/rollouts/" + net::percent_encode(id);
}

std::string counts_text(const json& counts) {
  std::string text;
  for (const auto& [name, count] : counts.items()) {
    if (count.is_number() && count.get<double>() > 0) text += (text.empty() ? "" : ", ") + name + " " + count.dump();
  }
  return text.empty() ? "nothing yet" : text;
}

std::string planning_text(const json& rollout) {
  const json& planning = member(rollout, "planning");
  if (!planning.is_object()) return "";
  const std::string what = "its devices are being planned";
  if (!number_in(planning, "total")) return what;
  return what + ": " + cell(planning, "/done") + " of " + cell(planning, "/total");
}

std::string standing_word(const json& rollout) {
  if (!text_in(rollout, "stands_since").empty()) return "yes";
  return member(rollout, "standing") == json(true) ? "once completed" : "-";
}

std::string standing_text(const json& rollout) {
  if (const auto since = text_in(rollout, "stands_since"); !since.empty())
    return "It stands since " + since + ": devices that come later get the release. " + cell(rollout, "/newcomers") +
           " joined.";
  if (member(rollout, "standing") == json(true)) return "It stands once it has completed.";
  return "";
}

void print_rollout(const Context& context, const json& rollout) {
  if (context.output.json) {
    print_json(rollout);
    return;
  }
  std::printf("Rollout %s: %s@%s %s%s%s\n", cell(rollout, "/id").c_str(), cell(rollout, "/model").c_str(),
              cell(rollout, "/version").c_str(), cell(rollout, "/state").c_str(),
              text_in(rollout, "reason").empty() ? "" : ": ", text_in(rollout, "reason").c_str());
  if (const auto planning = planning_text(rollout); !planning.empty()) std::printf("%s\n", planning.c_str());
  if (const auto standing = standing_text(rollout); !standing.empty()) std::printf("%s\n", standing.c_str());
  if (const auto canary = text_in(member(rollout, "reach"), "summary"); !canary.empty())
    std::printf("Reach: %s\n", canary.c_str());
  std::vector<Row> rows;
  int number = 1;
  for (const json& wave : list_in(rollout, "waves"))
    rows.push_back({std::to_string(number++), cell(wave, "/share"), cell(wave, "/planned"), cell(wave, "/opened_at"),
                    cell(wave, "/passed_at"), counts_text(member(wave, "counts")) + too_few_text(wave)});
  print_table({"WAVE", "SHARE", "DEVICES", "OPENED", "PASSED", "STATES"}, rows);
}

void print_warnings(const Context& context, const json& rollout) {
  for (const json& note : list_in(rollout, "notes"))
    if (note.is_string()) print_note(context.output, "Note: " + note.get_ref<const std::string&>());
  for (const json& warning : list_in(rollout, "warnings"))
    if (warning.is_string()) print_note(context.output, "Warning: " + warning.get_ref<const std::string&>());
}

void print_section(const char* title, const Table& table, const char* empty) {
  std::printf("\n%s:%s%s\n", title, table.rows.empty() ? " " : "", table.rows.empty() ? empty : "");
  if (!table.rows.empty()) print_table(table.header, table.rows);
}

Table guards_table(const json& guards) {
  Table table{
      {"METRIC", "VERDICT", "HARM", "FROM", "TO", "ROLLS BACK", "PASSES", "CANARIES", "CONTROLS", "LOOK", "MESSAGE"},
      {}};
  for (const json& guard : guards)
    table.rows.push_back(
        {cell(guard, "/metric"), cell(guard, "/verdict"), change_text(guard, "estimate"), change_text(guard, "lower"),
         change_text(guard, "upper"), change_text(guard, "rollback_margin"), change_text(guard, "promotion_margin"),
         cell(guard, "/canaries"), cell(guard, "/controls"), cell(guard, "/look"), cell(guard, "/message")});
  return table;
}

Table validation_table(const json& validation) {
  const auto threshold = number_in(validation, "threshold");
  const bool higher_is_better = cell(validation, "/higher_is_better") != "false";
  const auto side = [&](double from, double to) -> std::string {
    if (!threshold) return "-";
    if (from < *threshold && *threshold < to) return "the threshold lies here";
    const bool holds = higher_is_better ? from >= *threshold : to <= *threshold;
    return holds ? "holds" : "misses";
  };
  Table table{{"FROM", "TO", "DEVICES", "THRESHOLD"}, {}};
  for (const json& bin : list_in(validation, "histogram")) {
    const auto from = number_in(bin, "from"), to = number_in(bin, "to");
    if (!from || !to || number_in(bin, "devices").value_or(0) == 0) continue;
    char low[32], high[32];
    std::snprintf(low, sizeof low, "%.4g", *from);
    std::snprintf(high, sizeof high, "%.4g", *to);
    table.rows.push_back({low, high, cell(bin, "/devices"), side(*from, *to)});
  }
  return table;
}

std::string validation_text(const json& validation) {
  if (number_in(validation, "measured").value_or(0) == 0) return "";
  std::string text = text_in(validation, "metric") + " of " + cell(validation, "/measured") + " devices";
  if (!number_in(validation, "threshold")) return text;
  const bool higher_is_better = cell(validation, "/higher_is_better") != "false";
  return text + (higher_is_better ? ", at least " : ", at most ") + cell(validation, "/threshold") +
         " is asked for: " + cell(validation, "/missed") + " of them miss it";
}

Table decisions_table(const json& decisions) {
  Table table{{"AT", "ACTOR", "RULE", "DECISION", "MESSAGE"}, {}};
  for (const json& d : decisions)
    table.rows.push_back(
        {cell(d, "/at"), cell(d, "/actor"), cell(d, "/rule"), cell(d, "/decision"), cell(d, "/message")});
  return table;
}

}  // namespace argosy::cli
