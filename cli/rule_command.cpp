#include <memory>

#include "cli/command.hpp"
#include "cli/exit_code.hpp"
#include "cli/listing.hpp"
#include "common/base/file.hpp"
#include "common/json/json_look.hpp"
#include "common/json/json_text.hpp"

namespace argosy::cli {

using nlohmann::json;

namespace {

std::string rule_path(const std::string& name) {
  return "/rules/" + net::percent_encode(name);
}

std::string enabled_text(const json& rule) {
  return rule.value("enabled", false) ? "yes" : "no";
}

Result<int> list_rules(const Context& context, const std::string&) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json answer, api.get("/rules"));
  const json items = list_in(answer, "items");
  return print_rows(context.output, items, {"RULE", "ENABLED", "SEVERITY", "FIRING", "VERSION", "FIRES WHEN"},
                    [](const json& rule) {
                      return Row{cell(rule, "/name"),   enabled_text(rule),     cell(rule, "/severity"),
                                 cell(rule, "/firing"), cell(rule, "/version"), cell(rule, "/sentence")};
                    });
}

// "roll_back (at most 3 an hour)"; "-": it tells people, and does no more.
std::string reactions_text(const json& rule) {
  std::string text;
  for (const json& reaction : list_in(rule, "reactions"))
    text += (text.empty() ? "" : ", ") + cell(reaction, "/do") + " (at most " + cell(reaction, "/most_per_hour") +
            " an hour)";
  return text.empty() ? "-" : text;
}

void print_rule(const json& rule) {
  std::printf("%s  %s (version %s)\n", cell(rule, "/name").c_str(), cell(rule, "/title").c_str(),
              cell(rule, "/version").c_str());
  std::vector<Row> rows{
      {"fires when", cell(rule, "/sentence")}, {"enabled", enabled_text(rule)}, {"severity", cell(rule, "/severity")}};
  const auto add = [&](const char* label, const char* path) {
    if (const auto text = cell(rule, path); !text.empty() && text != "-") rows.push_back({label, text});
  };
  rows.push_back({"acts by itself", reactions_text(rule)});
  add("devices", "/filter");
  add("model", "/model");
  add("route", "/route");
  add("pending", "/pending");
  add("firing", "/firing");
  add("changed by", "/updated_by");
  add("changed at", "/updated_at");
  print_table({"RULE", ""}, rows);
}

Result<int> tell_rule(const Context& context, const json& rule) {
  if (context.output.json)
    print_json(rule);
  else
    print_rule(rule);
  return exit_ok;
}

Result<int> show_rule(const Context& context, const std::string& name) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json rule, api.get(rule_path(name)));
  return tell_rule(context, rule);
}

struct ReactionFlags {
  std::string rule;
  std::int64_t alert = 0;  // 0: to any
  std::size_t limit = 100;
};

Result<int> list_reactions(const Context& context, const ReactionFlags& flags) {
  ARGOSY_TRY(const ApiClient api, context.api());
  std::string path = "/reactions?limit=" + std::to_string(flags.limit);
  if (!flags.rule.empty()) path += "&rule=" + net::percent_encode(flags.rule);
  if (flags.alert > 0) path += "&alert=" + std::to_string(flags.alert);
  ARGOSY_TRY(const json answer, api.get(path));
  const json items = list_in(answer, "items");
  return print_rows(
      context.output, items, {"AT", "RULE", "ALERT", "DOES", "STATE", "OUTCOME", "SINCE"}, [](const json& reaction) {
        return Row{cell(reaction, "/created_at"), cell(reaction, "/rule") + " v" + cell(reaction, "/rule_version"),
                   cell(reaction, "/alert"),      cell(reaction, "/do"),
                   cell(reaction, "/state"),      cell(reaction, "/outcome"),
                   cell(reaction, "/follow_up")};
      });
}

Result<json> rule_in(const std::string& file) {
  ARGOSY_TRY(const std::string text, read_file(file));
  auto document = parse_json(text, {});
  if (!document) return std::move(document.error()).within(file);
  if (!document->is_object()) return make_error(Errc::invalid_argument, file + ": must be one JSON object, a rule");
  return document;
}

Result<int> create_rule(const Context& context, const std::string& file) {
  ARGOSY_TRY(const json document, rule_in(file));
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json rule, api.post("/rules", document));
  return tell_rule(context, rule);
}

// A document as `show --json` prints it may be sent back: the version in it is the one that was looked at.
Result<int> update_rule(const Context& context, const std::string& file) {
  ARGOSY_TRY(const json document, rule_in(file));
  const auto name = cell(document, "/name");
  ARGOSY_TRY(const ApiClient api, context.api());
  std::string version = cell(document, "/version");
  if (version == "-") {
    ARGOSY_TRY(const json present, api.get(rule_path(name)));
    version = cell(present, "/version");
  }
  ARGOSY_TRY(const json rule, api.patch_if_match(rule_path(name), version, document));
  return tell_rule(context, rule);
}

Result<int> set_enabled(const Context& context, const std::string& name, bool is_enabled) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json present, api.get(rule_path(name)));
  ARGOSY_TRY(const json rule,
             api.patch_if_match(rule_path(name), cell(present, "/version"), {{"name", name}, {"enabled", is_enabled}}));
  return tell_rule(context, rule);
}

Result<int> enable_rule(const Context& context, const std::string& name) {
  return set_enabled(context, name, true);
}

Result<int> disable_rule(const Context& context, const std::string& name) {
  return set_enabled(context, name, false);
}

Result<int> reset_rule(const Context& context, const std::string& name) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json present, api.get(rule_path(name)));
  ARGOSY_TRY(const json rule, api.post_if_match(rule_path(name) + "/reset", cell(present, "/version"), json::object()));
  return tell_rule(context, rule);
}

Result<int> delete_rule(const Context& context, const std::string& name) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json present, api.get(rule_path(name)));
  ARGOSY_CHECK(api.remove_if_match(rule_path(name), cell(present, "/version")));
  print_note(context.output, "Deleted rule " + name + "; its alerts end");
  return exit_ok;
}

Result<int> show_history(const Context& context, const std::string& name) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json answer, api.get(rule_path(name) + "/versions"));
  const json items = list_in(answer, "items");
  return print_rows(context.output, items, {"VERSION", "WHAT", "AT", "BY", "ENABLED", "SEVERITY", "CONDITION"},
                    [](const json& version) {
                      return Row{cell(version, "/version"),          cell(version, "/what"),
                                 cell(version, "/changed_at"),       cell(version, "/changed_by"),
                                 enabled_text(version["rule"]),      cell(version, "/rule/severity"),
                                 version["rule"]["condition"].dump()};
                    });
}

// The name of a rule that there is, or a file with one that is not saved.
Result<int> preview_rule(const Context& context, const std::string& what) {
  ARGOSY_TRY(const ApiClient api, context.api());
  const bool is_file = what.find('.') != std::string::npos || what.find('/') != std::string::npos;
  ARGOSY_TRY(const json rule, is_file ? rule_in(what) : api.get(rule_path(what)));
  ARGOSY_TRY(const json preview, api.post("/rules/preview", {{"rule", rule}}));
  if (context.output.json) {
    print_json(preview);
    return exit_ok;
  }
  std::printf("Would have fired %s times on %s devices from %s to %s\n", cell(preview, "/fired").c_str(),
              cell(preview, "/fired_devices").c_str(), cell(preview, "/from").c_str(), cell(preview, "/to").c_str());
  std::printf(preview.value("is_sample", false) ? "Looked at %s of the %s devices that match: a sample\n"
                                                : "Looked at %s of the %s devices that match\n",
              cell(preview, "/looked").c_str(), cell(preview, "/devices").c_str());
  std::vector<Row> rows;
  for (const json& pair : list_in(preview, "items"))
    rows.push_back({cell(pair, "/device_id"), cell(pair, "/model"), cell(pair, "/fired"), cell(pair, "/firing_s"),
                    cell(pair, "/episodes/0/from")});
  if (!rows.empty()) print_table({"DEVICE", "MODEL", "FIRED", "SECONDS", "SINCE"}, rows);
  return exit_ok;
}

}  // namespace

void add_rule_commands(CLI::App& root, Context& context) {
  auto* rule = root.add_subcommand("rule", "What alerts are raised for")->require_subcommand(1);
  const auto add = [&](const char* name, const char* description,
                       Result<int> (*run)(const Context&, const std::string&)) {
    auto* command = rule->add_subcommand(name, description);
    auto argument = std::make_shared<std::string>();
    command->callback(
        [&context, argument, run] { context.chosen = [&context, argument, run] { return run(context, *argument); }; });
    return std::pair{command, argument};
  };
  const auto add_named = [&](const char* name, const char* description,
                             Result<int> (*run)(const Context&, const std::string&)) {
    const auto [command, argument] = add(name, description, run);
    command->add_option("name", *argument, "Name of the rule")->required();
  };
  const auto add_filed = [&](const char* name, const char* description,
                             Result<int> (*run)(const Context&, const std::string&)) {
    const auto [command, argument] = add(name, description, run);
    command->add_option("-f,--file", *argument, "The rule as JSON")->required()->check(CLI::ExistingFile);
  };
  add("list", "All rules, with how many alerts of each fire", list_rules);
  add_named("show", "One rule; with --json as create and update take it", show_rule);
  add_filed("create", "Make a rule", create_rule);
  add_filed("update", "Change a rule: what the file leaves out stays as it is", update_rule);
  add_named("enable", "Let a rule raise alerts again", enable_rule);
  add_named("disable", "Let a rule raise no alerts; those that are open end", disable_rule);
  add_named("reset", "Make a shipped rule again what it was", reset_rule);
  add_named("delete", "Delete a rule that was not shipped", delete_rule);
  add_named("history", "The versions of a rule, newest first", show_history);
  auto* reactions = rule->add_subcommand("reactions", "What rules did by themselves for their alerts, newest first");
  auto flags = std::make_shared<ReactionFlags>();
  reactions->add_option("name", flags->rule, "Name of the rule; all of them without it");
  reactions->add_option("--alert", flags->alert, "To this alert alone");
  reactions->add_option("--limit", flags->limit, "At most this many")->capture_default_str()->check(CLI::Range(1, 500));
  reactions->callback(
      [&context, flags] { context.chosen = [&context, flags] { return list_reactions(context, *flags); }; });
  const auto [preview, what] =
      add("preview", "What a rule would have raised in the last seven days, and where", preview_rule);
  preview->add_option("rule", *what, "Name of a rule, or a file with one that is not saved")->required();
}

}  // namespace argosy::cli
