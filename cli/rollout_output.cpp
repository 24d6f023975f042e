#include "cli/rollout_output.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <map>

#include "common/json/json_look.hpp"

namespace argosy::cli {

using nlohmann::json;

namespace {

std::string value_text(const json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>();
  if (value.is_number_float()) {
    char text[32];
    std::snprintf(text, sizeof text, "%.4g", value.get<double>());
    return text;
  }
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (!value.is_array()) return value.dump();
  std::string text;
  for (const json& each : value) text += (text.empty() ? "" : ", ") + value_text(each);
  return text;
}

// Field -> text, without what holds no value.
std::map<std::string, std::string> fields_of(const json& item) {
  std::map<std::string, std::string> fields;
  for (const auto& [name, value] : item.items()) {
    if (value.is_object()) {
      for (const auto& [inner, text] : fields_of(value)) fields[name + "." + inner] = text;
    } else if (!value.is_null() && !value_text(value).empty()) {
      fields[name] = value_text(value);
    }
  }
  return fields;
}

std::string heading_of(std::string name) {
  for (char& c : name) c = c == '_' || c == '.' ? ' ' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

std::string group_of(const std::string& field) {
  return field.substr(0, field.find('.'));
}

// Behind all others: the place of those that are in neither list, between the two.
std::size_t place_of(const std::string& field, const std::vector<std::string_view>& order,
                     const std::vector<std::string_view>& last) {
  const std::string group = group_of(field);
  const auto first = std::find(order.begin(), order.end(), group);
  if (first != order.end()) return static_cast<std::size_t>(first - order.begin());
  const auto end = std::find(last.begin(), last.end(), group);
  if (end == last.end()) return order.size();
  return order.size() + 1 + static_cast<std::size_t>(end - last.begin());
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

void print_rollout(const Context& context, const json& rollout) {
  if (context.output.json) {
    print_json(rollout);
    return;
  }
  std::printf("Rollout %s: %s@%s %s%s%s\n", cell(rollout, "/id").c_str(), cell(rollout, "/model").c_str(),
              cell(rollout, "/version").c_str(), cell(rollout, "/state").c_str(),
              text_in(rollout, "reason").empty() ? "" : ": ", text_in(rollout, "reason").c_str());
  std::vector<Row> rows;
  int number = 1;
  for (const json& wave : list_in(rollout, "waves"))
    rows.push_back({std::to_string(number++), cell(wave, "/share"), cell(wave, "/planned"), cell(wave, "/opened_at"),
                    cell(wave, "/passed_at"), counts_text(member(wave, "counts"))});
  print_table({"WAVE", "SHARE", "DEVICES", "OPENED", "PASSED", "STATES"}, rows);
}

void print_warnings(const Context& context, const json& rollout) {
  for (const json& warning : list_in(rollout, "warnings"))
    if (warning.is_string()) print_note(context.output, "Warning: " + warning.get_ref<const std::string&>());
}

Table table_of(const json& items, const std::vector<std::string_view>& order,
               const std::vector<std::string_view>& last) {
  std::vector<std::map<std::string, std::string>> all;
  std::vector<std::string> columns;
  for (const json& item : items) {
    all.push_back(fields_of(item));
    for (const auto& [field, text] : all.back())
      if (std::find(columns.begin(), columns.end(), field) == columns.end()) columns.push_back(field);
  }
  std::sort(columns.begin(), columns.end(), [&](const std::string& a, const std::string& b) {
    return std::pair(place_of(a, order, last), a) < std::pair(place_of(b, order, last), b);
  });
  Table table;
  for (const std::string& column : columns) table.header.push_back(heading_of(column));
  for (const auto& fields : all) {
    Row& row = table.rows.emplace_back();
    for (const std::string& column : columns) {
      const auto found = fields.find(column);
      row.push_back(found == fields.end() ? "-" : found->second);
    }
  }
  return table;
}

Table guards_table(const json& guards) {
  return table_of(guards,
                  {"metric", "verdict", "estimate", "interval_low", "interval_high", "limit", "margins", "n_canary",
                   "n_control", "devices", "canary_samples", "baseline_samples", "reach", "driven_by", "needs_more"},
                  {"message"});
}

Table decisions_table(const json& decisions) {
  Table table{{"AT", "ACTOR", "RULE", "DECISION", "MESSAGE"}, {}};
  for (const json& d : decisions)
    table.rows.push_back(
        {cell(d, "/at"), cell(d, "/actor"), cell(d, "/rule"), cell(d, "/decision"), cell(d, "/message")});
  return table;
}

}  // namespace argosy::cli
