#include <algorithm>
#include <charconv>
#include <chrono>
#include <memory>

#include "cli/command.hpp"
#include "cli/exit_code.hpp"
#include "cli/listing.hpp"
#include "common/base/instant.hpp"
#include "common/json/json_look.hpp"

namespace argosy::cli {

using nlohmann::json;

namespace {

struct AlertListFlags {
  std::string state;
  std::string device;
  std::string rule;
  std::string group;
  std::string held;
};

struct SilenceFlags {
  std::string filter;
  std::string rule;
  std::string model;
  std::string severity;
  std::string lasts = "2h";
  std::string from;
  std::string comment;
  std::string id;  // of the one to change
};

struct WeeklyFlags {
  SilenceFlags silence;
  std::vector<std::string> days;
  std::string begin;
  std::string end;
  std::string zone = "UTC";
};

std::string subject_cell(const json& alert) {
  for (const char* path : {"/device_id", "/site", "/rollout"}) {
    const auto text = cell(alert, path);
    if (text != "-") return text;
  }
  return "-";
}

// Why nobody is told of it, or what else there is to say.
std::string mark_cell(const json& alert) {
  std::string marks;
  const auto add = [&marks](const std::string& mark) { marks += (marks.empty() ? "" : ", ") + mark; };
  if (cell(alert, "/inhibited_by") != "-") add("under " + cell(alert, "/inhibited_by"));
  if (cell(alert, "/silenced_by") != "-") add("silence " + cell(alert, "/silenced_by"));
  if (alert.value("flapping", false)) add("flapping");
  if (cell(alert, "/acknowledged_by") != "-") add("acknowledged");
  return marks.empty() ? "-" : marks;
}

Result<int> list_alerts(const Context& context, const AlertListFlags& flags) {
  ARGOSY_TRY(const ApiClient api, context.api());
  const auto path = with_query("/alerts", {{"state", flags.state},
                                           {"device", flags.device},
                                           {"rule", flags.rule},
                                           {"group", flags.group},
                                           {"held", flags.held}});
  ARGOSY_TRY(const json items, api.list(path, "", 1000));
  return print_rows(context.output, items, {"ID", "STATE", "RULE", "ABOUT", "MARKS", "FIRED", "RESOLVED", "MESSAGE"},
                    [](const json& alert) {
                      return Row{cell(alert, "/id"),          cell(alert, "/state"),  cell(alert, "/rule"),
                                 subject_cell(alert),         mark_cell(alert),       cell(alert, "/fired_at"),
                                 cell(alert, "/resolved_at"), cell(alert, "/message")};
                    });
}

Result<int> list_groups(const Context& context, const std::string& by) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json groups, api.get(with_query("/alerts/groups", {{"by", by}})));
  return print_items(context.output, list_in(groups, "items"),
                     {{"GROUP", "/key"},
                      {"SEVERITY", "/severity"},
                      {"FIRING", "/firing"},
                      {"PENDING", "/pending"},
                      {"INHIBITED", "/inhibited"},
                      {"SILENCED", "/silenced"},
                      {"ACKNOWLEDGED", "/acknowledged"}});
}

const std::vector<Column> telling_columns{{"DELIVERY", "/id"},     {"MADE", "/created_at"}, {"ROUTE", "/route"},
                                          {"STATE", "/state"},     {"TELLS", "/kinds"},     {"ENDED", "/ended_at"},
                                          {"ERROR", "/last_error"}};
const std::vector<Column> moment_columns{{"AT", "/at"},         {"ALERT", "/alert"},   {"RULE", "/rule"},
                                         {"ABOUT", "/subject"}, {"CHANGE", "/change"}, {"BY", "/actor"},
                                         {"WHY", "/reason"}};

const std::vector<Column> reaction_columns{
    {"REACTED", "/created_at"}, {"DOES", "/do"}, {"STATE", "/state"}, {"OUTCOME", "/outcome"}, {"SINCE", "/follow_up"}};

// What its rule did by itself; nothing for who may not read that, and of most rules.
void print_reactions(const Context& context, const ApiClient& api, const std::string& id) {
  const auto reactions = api.get("/reactions?limit=20&alert=" + net::percent_encode(id));
  if (!reactions || list_in(*reactions, "items").empty()) return;
  print_items(context.output, list_in(*reactions, "items"), reaction_columns);
}

// To whom it was told; nothing for who may not read that.
void print_telling(const Context& context, const ApiClient& api, const std::string& id) {
  const auto told = api.get("/alerts/" + net::percent_encode(id) + "/deliveries");
  if (!told) return;
  const json& untold = member(*told, "untold");
  if (untold.is_object()) print_note(context.output, "Told to nobody. " + cell(untold, "/message"));
  if (!list_in(*told, "items").empty()) print_items(context.output, list_in(*told, "items"), telling_columns);
}

Result<int> show_alert(const Context& context, const std::string& id) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json alert, api.get("/alerts/" + net::percent_encode(id)));
  if (context.output.json) {
    print_json(alert);
    return exit_ok;
  }
  print_table(
      {"ID", "STATE", "SEVERITY", "RULE", "ABOUT", "GROUP", "VALUE", "THRESHOLD", "MARKS"},
      {{cell(alert, "/id"), cell(alert, "/state"), cell(alert, "/severity"), cell(alert, "/rule"), subject_cell(alert),
        cell(alert, "/group"), cell(alert, "/value"), cell(alert, "/threshold"), mark_cell(alert)}});
  print_table({"MESSAGE"}, {{cell(alert, "/message")}});
  if (cell(alert, "/stands_for") != "0")
    print_note(context.output, "It stands for " + cell(alert, "/stands_for") + " other alerts");
  print_items(context.output, list_in(alert, "history"), moment_columns);
  print_reactions(context, api, id);
  print_telling(context, api, id);
  return exit_ok;
}

Result<int> show_history(const Context& context, const std::string& id, const AlertListFlags& flags) {
  const auto path = with_query("/alerts/history", {{"alert", id}, {"device", flags.device}, {"rule", flags.rule}});
  return print_list(context, path, moment_columns, 500);
}

Result<int> acknowledge_alert(const Context& context, const std::string& id, const std::string& comment) {
  ARGOSY_TRY(const ApiClient api, context.api());
  const json body = comment.empty() ? json::object() : json{{"comment", comment}};
  ARGOSY_TRY(const json alert, api.post("/alerts/" + net::percent_encode(id) + "/acknowledge", body));
  if (context.output.json) print_json(alert);
  print_note(context.output, "Acknowledged alert " + id);
  return exit_ok;
}

Result<int> take_acknowledgement_back(const Context& context, const std::string& id) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json alert, api.remove("/alerts/" + net::percent_encode(id) + "/acknowledge"));
  if (context.output.json) print_json(alert);
  print_note(context.output, "Alert " + id + " is not acknowledged any more");
  return exit_ok;
}

// "90m", "2h" or "3d".
Result<std::chrono::seconds> duration_of(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const bool is_sane = error == std::errc() && number > 0 && number <= 100'000;
  if (is_sane && unit == "m") return std::chrono::minutes{number};
  if (is_sane && unit == "h") return std::chrono::hours{number};
  if (is_sane && unit == "d") return std::chrono::hours{24 * number};
  return make_error(Errc::invalid_argument, "\"" + text + "\" is no duration; write 90m, 2h or 3d");
}

Result<json> body_of(const SilenceFlags& flags) {
  ARGOSY_TRY(const auto lasts, duration_of(flags.lasts));
  auto begin = std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  json body{{"filter", flags.filter},
            {"rule", flags.rule},
            {"model", flags.model},
            {"severity", flags.severity},
            {"comment", flags.comment}};
  if (!flags.from.empty()) {
    ARGOSY_TRY(begin, parse_rfc3339(flags.from));
    body["starts_at"] = flags.from;
  }
  body["ends_at"] = to_rfc3339(begin + std::chrono::duration_cast<Duration>(lasts));
  return body;
}

Result<int> put_silence(const Context& context, const std::string& id, const json& body, const char* what) {
  ARGOSY_TRY(const ApiClient api, context.api());
  Result<json> silence =
      id.empty() ? api.post("/silences", body) : api.put("/silences/" + net::percent_encode(id), body);
  if (!silence) return silence.error();
  if (context.output.json) print_json(*silence);
  print_note(context.output, std::string(what) + " " + cell(*silence, "/id") + " until " + cell(*silence, "/ends_at"));
  return exit_ok;
}

Result<int> make_silence(const Context& context, const SilenceFlags& flags) {
  ARGOSY_TRY(const json body, body_of(flags));
  return put_silence(context, flags.id, body, "Silence");
}

Result<int> make_maintenance(const Context& context, const WeeklyFlags& flags) {
  ARGOSY_TRY(json body, body_of(flags.silence));
  json weekly{{"from", flags.begin}, {"to", flags.end}, {"time_zone", flags.zone}};
  if (!flags.days.empty()) weekly["days"] = flags.days;
  body["weekly"] = std::move(weekly);
  return put_silence(context, flags.silence.id, body, "Maintenance window");
}

std::string matches_cell(const json& silence) {
  std::string text;
  for (const char* name : {"filter", "rule", "model", "severity"}) {
    const auto value = silence.value(name, "");
    if (!value.empty()) text += (text.empty() ? "" : ", ") + std::string(name) + " " + value;
  }
  return text.empty() ? "everything" : text;
}

std::string hours_cell(const json& silence) {
  if (cell(silence, "/weekly") == "-") return "-";
  std::string days;
  for (const json& day : list_in(silence["weekly"], "days"))
    if (day.is_string()) days += day.get<std::string>() + " ";
  return days + cell(silence, "/weekly/from") + "-" + cell(silence, "/weekly/to") + " " +
         cell(silence, "/weekly/time_zone");
}

Result<int> list_silences(const Context& context, bool ended) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json items, api.list(ended ? "/silences?state=ended" : "/silences", "", 500));
  return print_rows(context.output, items, {"ID", "NOW", "OF", "FROM", "UNTIL", "EVERY WEEK", "BY", "COMMENT"},
                    [](const json& silence) {
                      return Row{cell(silence, "/id"),      silence.value("in_effect", false) ? "yes" : "no",
                                 matches_cell(silence),     cell(silence, "/starts_at"),
                                 cell(silence, "/ends_at"), hours_cell(silence),
                                 cell(silence, "/author"),  cell(silence, "/comment")};
                    });
}

Result<int> end_silence(const Context& context, const std::string& id) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json silence, api.remove("/silences/" + net::percent_encode(id)));
  if (context.output.json) print_json(silence);
  print_note(context.output, "Ended silence " + id);
  return exit_ok;
}

void add_list_commands(CLI::App& alert, Context& context) {
  auto* list = alert.add_subcommand("list", "Alerts, newest first");
  auto flags = std::make_shared<AlertListFlags>();
  list->add_option("--state", flags->state, "open, pending, firing or resolved");
  list->add_option("--device", flags->device, "Of this device, and of its site");
  list->add_option("--rule", flags->rule, "Of this rule");
  list->add_option("--group", flags->group, "Of this group, for example site/berlin");
  list->add_option("--held", flags->held, "free, inhibited or silenced");
  list->callback([&context, flags] { context.chosen = [&context, flags] { return list_alerts(context, *flags); }; });

  auto* groups = alert.add_subcommand("groups", "Open alerts by the groups that are told together");
  auto by = std::make_shared<std::string>();
  groups->add_option("--by", *by, "told, or rule");
  groups->callback([&context, by] { context.chosen = [&context, by] { return list_groups(context, *by); }; });

  auto* show = alert.add_subcommand("show", "One alert with its history");
  auto shown = std::make_shared<std::string>();
  show->add_option("id", *shown, "Number of the alert")->required();
  show->callback([&context, shown] { context.chosen = [&context, shown] { return show_alert(context, *shown); }; });

  auto* history = alert.add_subcommand("history", "What became of alerts, newest first");
  auto of = std::make_shared<std::string>();
  auto asked = std::make_shared<AlertListFlags>();
  history->add_option("id", *of, "Number of one alert; of all without it");
  history->add_option("--device", asked->device, "Of this device");
  history->add_option("--rule", asked->rule, "Of this rule");
  history->callback(
      [&context, of, asked] { context.chosen = [&context, of, asked] { return show_history(context, *of, *asked); }; });
}

void add_acknowledge_commands(CLI::App& alert, Context& context) {
  auto* acknowledge = alert.add_subcommand("ack", "Acknowledge an alert: say that somebody is looking after it");
  auto id = std::make_shared<std::string>();
  auto comment = std::make_shared<std::string>();
  acknowledge->add_option("id", *id, "Number of the alert")->required();
  acknowledge->add_option("--comment", *comment, "What is being done");
  acknowledge->callback([&context, id, comment] {
    context.chosen = [&context, id, comment] { return acknowledge_alert(context, *id, *comment); };
  });

  auto* back = alert.add_subcommand("unack", "Take an acknowledgement back");
  auto of = std::make_shared<std::string>();
  back->add_option("id", *of, "Number of the alert")->required();
  back->callback(
      [&context, of] { context.chosen = [&context, of] { return take_acknowledgement_back(context, *of); }; });
}

void add_silence_options(CLI::App& command, SilenceFlags& flags) {
  command.add_option("--filter", flags.filter, "Of these devices, for example: labels.site = \"berlin\"");
  command.add_option("--rule", flags.rule, "Of this rule alone");
  command.add_option("--model", flags.model, "Of this model alone");
  command.add_option("--severity", flags.severity, "warning or critical alone");
  command.add_option("--for", flags.lasts, "How long: 90m, 2h or 3d")->capture_default_str();
  command.add_option("--from", flags.from, "Begin, RFC 3339; now without it");
  command.add_option("--comment", flags.comment, "Why")->required();
  command.add_option("--change", flags.id, "Number of the silence to change, instead of making one");
}

void add_silence_commands(CLI::App& alert, Context& context) {
  auto* silence = alert.add_subcommand("silence", "Tell nobody of some alerts for a time");
  auto flags = std::make_shared<SilenceFlags>();
  add_silence_options(*silence, *flags);
  silence->callback(
      [&context, flags] { context.chosen = [&context, flags] { return make_silence(context, *flags); }; });

  auto* maintenance = alert.add_subcommand("maintenance", "Tell nobody of some alerts in the same hours of every week");
  auto weekly = std::make_shared<WeeklyFlags>();
  weekly->silence.lasts = "365d";
  add_silence_options(*maintenance, weekly->silence);
  maintenance->add_option("--day", weekly->days, "mon to sun, may be repeated; every day without it");
  maintenance->add_option("--begin", weekly->begin, "Time of day, for example 22:00")->required();
  maintenance->add_option("--end", weekly->end, "Time of day; before --begin: of the next day")->required();
  maintenance->add_option("--time-zone", weekly->zone, "Whose clock, for example Europe/Berlin")->capture_default_str();
  maintenance->callback(
      [&context, weekly] { context.chosen = [&context, weekly] { return make_maintenance(context, *weekly); }; });

  auto* list = alert.add_subcommand("silences", "Silences and maintenance windows, newest first");
  auto ended = std::make_shared<bool>(false);
  list->add_flag("--ended", *ended, "Those that have ended");
  list->callback([&context, ended] { context.chosen = [&context, ended] { return list_silences(context, *ended); }; });

  auto* end = alert.add_subcommand("unsilence", "End a silence or a maintenance window early");
  auto id = std::make_shared<std::string>();
  end->add_option("id", *id, "Number of the silence")->required();
  end->callback([&context, id] { context.chosen = [&context, id] { return end_silence(context, *id); }; });
}

}  // namespace

void add_alert_commands(CLI::App& root, Context& context) {
  auto* alert = root.add_subcommand("alert", "Alerts of the fleet")->require_subcommand(1);
  add_list_commands(*alert, context);
  add_acknowledge_commands(*alert, context);
  add_silence_commands(*alert, context);
}

}  // namespace argosy::cli
