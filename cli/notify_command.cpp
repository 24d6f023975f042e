#include "cli/notify_command.hpp"

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <sstream>
#include <thread>

#include "cli/exit_code.hpp"
#include "cli/listing.hpp"
#include "common/base/file.hpp"
#include "common/json/json_look.hpp"

namespace argosy::cli {

using nlohmann::json;

namespace {

constexpr std::uint64_t most_secret_file_bytes = 4096;
constexpr auto wait_for_test = std::chrono::seconds(30);
constexpr auto ask_again_after = std::chrono::milliseconds(300);

struct RouteFlags {
  std::string route;  // a number or a name
  std::string name, severity, filter, model;
  std::vector<std::string> kinds, group_by;
  std::optional<std::int64_t> rollout, group_wait_s;
  bool enable = false, disable = false;
  std::string target, url, secret_file;
  std::string host, tls, user, from;
  std::vector<std::string> to;
  std::optional<std::int64_t> port;
  std::int64_t overlap_hours = 24;
};

struct DeliveryFlags {
  std::string route, state, alert;
  std::int64_t id = 0;
  std::size_t limit = 50;
};

bool is_route_number(const std::string& text) {
  return !text.empty() && text.size() < 19 && text.find_first_not_of("0123456789") == std::string::npos;
}

// The route of that number or name, as the server has it.
Result<json> find_route(const ApiClient& api, const std::string& wanted) {
  if (is_route_number(wanted)) return api.get("/routes/" + wanted);
  ARGOSY_TRY(const json routes, api.get("/routes"));
  for (const json& route : list_in(routes, "items"))
    if (text_in(route, "name") == wanted) return route;
  return make_error(Errc::not_found, "there is no route '" + wanted + "'; argosy route list shows all of them");
}

std::string path_of(const json& route) {
  return "/routes/" + cell(route, "/id");
}

// Where it goes, in one cell.
std::string place_of(const json& route) {
  const json& target = member(route, "target");
  const std::string kind = text_in(target, "kind");
  if (kind != "email") return kind + " " + text_in(target, target.contains("host") ? "host" : "url");
  std::string to;
  for (const json& address : list_in(target, "to")) to += (to.empty() ? "" : ",") + cell(address, "");
  return "email " + to;
}

std::string list_of(const json& route, const char* key) {
  std::string text;
  for (const json& item : list_in(route, key)) text += (text.empty() ? "" : " ") + cell(item, "");
  return text;
}

std::string health_of(const json& route) {
  if (!route.value("enabled", true)) return "off";
  return text_in(route, "last_error", "well");
}

Result<int> list_routes(const Context& context) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json routes, api.get("/routes"));
  return print_rows(
      context.output, list_in(routes, "items"), {"ID", "ROUTE", "KINDS", "FROM", "TO", "WAITING", "STATE"},
      [](const json& route) {
        return Row{cell(route, "/id"), cell(route, "/name"),    list_of(route, "kinds"), cell(route, "/least_severity"),
                   place_of(route),    cell(route, "/waiting"), health_of(route)};
      });
}

void print_route(const json& route) {
  const std::vector<Row> rows{{"name", cell(route, "/name")},
                              {"to", place_of(route)},
                              {"state", health_of(route)},
                              {"kinds", list_of(route, "kinds")},
                              {"severity at least", cell(route, "/least_severity")},
                              {"filter", cell(route, "/filter")},
                              {"model", cell(route, "/model")},
                              {"rollout", cell(route, "/rollout_id")},
                              {"grouped by", list_of(route, "group_by")},
                              {"group wait", cell(route, "/group_wait_s") + " s"},
                              {"waiting", cell(route, "/waiting")},
                              {"rests until", cell(route, "/rests_until")},
                              {"version", cell(route, "/version")},
                              {"made by", cell(route, "/created_by")}};
  print_table({"ROUTE " + cell(route, "/id"), ""}, rows);
}

int show(const Context& context, const json& route) {
  if (context.output.json) {
    print_json(route);
  } else {
    print_route(route);
  }
  return exit_ok;
}

// The secret alone on stdout, for a pipe.
int show_secret(const Context& context, const json& made) {
  if (context.output.json) {
    print_json(made);
    return exit_ok;
  }
  print_note(context.output, "Route " + cell(made, "/id") + ", " + cell(made, "/name"));
  if (!made.contains("secret")) return exit_ok;
  print_note(context.output, "This secret is shown once; the receiver checks signatures with it:");
  std::puts(cell(made, "/secret").c_str());
  return exit_ok;
}

Result<int> show_route(const Context& context, const RouteFlags& flags) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json route, find_route(api, flags.route));
  return show(context, route);
}

template <class T>
void set_if(json& body, const char* key, const T& value) {
  if constexpr (requires { value.has_value(); }) {
    if (value) body[key] = *value;
  } else if (!value.empty()) {
    body[key] = value;
  }
}

// What is a secret comes from a file, so that it stands neither in the list of processes nor in a shell's history.
Result<std::string> secret_in(const std::string& file) {
  if (file.empty()) return std::string();
  ARGOSY_TRY(std::string text, read_file(file, most_secret_file_bytes));
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

Result<json> target_of(const RouteFlags& flags) {
  ARGOSY_TRY(const std::string secret, secret_in(flags.secret_file));
  json target{{"kind", flags.target}};
  if (flags.target == "email") {
    set_if(target, "host", flags.host);
    set_if(target, "port", flags.port);
    set_if(target, "tls", flags.tls);
    set_if(target, "user", flags.user);
    set_if(target, "from", flags.from);
    set_if(target, "to", flags.to);
    set_if(target, "password", secret);
    return target;
  }
  const bool address_is_secret = flags.target == "slack" || flags.target == "teams";
  set_if(target, "url", address_is_secret && flags.url.empty() ? secret : flags.url);
  if (flags.target == "pagerduty") set_if(target, "routing_key", secret);
  return target;
}

Result<json> body_of(const RouteFlags& flags) {
  json body = json::object();
  set_if(body, "name", flags.name);
  set_if(body, "kinds", flags.kinds);
  set_if(body, "least_severity", flags.severity);
  set_if(body, "filter", flags.filter);
  set_if(body, "model", flags.model);
  set_if(body, "rollout_id", flags.rollout);
  set_if(body, "group_by", flags.group_by);
  set_if(body, "group_wait_s", flags.group_wait_s);
  if (flags.enable) body["enabled"] = true;
  if (flags.disable) body["enabled"] = false;
  if (!flags.target.empty()) {
    ARGOSY_TRY(body["target"], target_of(flags));
  }
  return body;
}

Result<int> create_route(const Context& context, const RouteFlags& flags) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json body, body_of(flags));
  ARGOSY_TRY(const json made, api.post("/routes", body));
  return show_secret(context, made);
}

Result<int> update_route(const Context& context, const RouteFlags& flags) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json route, find_route(api, flags.route));
  ARGOSY_TRY(const json body, body_of(flags));
  ARGOSY_TRY(const json changed, api.patch(path_of(route), body));
  return show(context, changed);
}

Result<int> preview_route(const Context& context, const RouteFlags& flags) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json route, find_route(api, flags.route));
  ARGOSY_TRY(const json body, body_of(flags));
  ARGOSY_TRY(const json preview, api.post(path_of(route) + "/preview", body));
  if (context.output.json) {
    print_json(preview);
    return exit_ok;
  }
  std::printf("Of %sthe last 7 days it would have told %s events in %s messages\n",
              preview.value("is_cut", false) ? "the newest events of " : "", cell(preview, "/events").c_str(),
              cell(preview, "/messages").c_str());
  std::vector<Row> rows;
  for (const json& event : list_in(preview, "newest"))
    rows.push_back({cell(event, "/at"), cell(event, "/kind"), cell(event, "/severity"), cell(event, "/message")});
  print_table({"NEWEST", "KIND", "SEVERITY", "MESSAGE"}, rows);
  return exit_ok;
}

Result<int> delete_route(const Context& context, const RouteFlags& flags) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json route, find_route(api, flags.route));
  if (!context.assume_yes)
    return make_error(Errc::invalid_argument, "this deletes the route " + cell(route, "/name") +
                                                  " and the log of its " + "deliveries; say so with --yes");
  ARGOSY_CHECK(api.remove(path_of(route)));
  if (context.output.json) print_json(route);
  print_note(context.output, "Deleted " + cell(route, "/name"));
  return exit_ok;
}

Result<int> rotate_secret(const Context& context, const RouteFlags& flags) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json route, find_route(api, flags.route));
  ARGOSY_TRY(const json made, api.post(path_of(route) + "/rotate", json{{"overlap_hours", flags.overlap_hours}}));
  return show_secret(context, made);
}

// The answer of the delivery's last attempt, as one line.
std::string said(const json& delivery) {
  const json& log = list_in(delivery, "log");
  if (log.empty()) return "nobody has tried yet";
  const std::string error = text_in(log.front(), "error");
  return error.empty() ? "answered " + cell(log.front(), "/status") : error;
}

Result<int> send_test(const Context& context, const RouteFlags& flags) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json route, find_route(api, flags.route));
  ARGOSY_TRY(const json sent, api.post(path_of(route) + "/test", json::object()));
  const std::string path = "/deliveries/" + cell(sent, "/id");
  const auto end = std::chrono::steady_clock::now() + wait_for_test;
  ARGOSY_TRY(json delivery, api.get(path));
  while (text_in(delivery, "state") == "waiting" && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(ask_again_after);
    ARGOSY_TRY(delivery, api.get(path));
  }
  const bool has_arrived = text_in(delivery, "state") == "delivered";
  if (!has_arrived) return make_error(Errc::unavailable, "the test did not arrive: " + said(delivery));
  if (context.output.json) print_json(delivery);
  print_note(context.output, "It arrived: " + said(delivery));
  return exit_ok;
}

const std::vector<Column> delivery_columns = {
    {"ID", "/id"},       {"MADE", "/created_at"},   {"ROUTE", "/route"},
    {"STATE", "/state"}, {"ATTEMPTS", "/attempts"}, {"EVENTS", "/event_count"},
    {"TITLE", "/title"}};

Result<int> list_deliveries(const Context& context, const DeliveryFlags& flags) {
  std::string route = flags.route;
  if (!route.empty() && !is_route_number(route)) {
    ARGOSY_TRY(const ApiClient api, context.api());
    ARGOSY_TRY(const json found, find_route(api, route));
    route = cell(found, "/id");
  }
  return print_list(context,
                    with_query("/deliveries", {{"route", route}, {"state", flags.state}, {"alert", flags.alert}}),
                    delivery_columns, flags.limit);
}

// The alert that it is about; argosy alert show has the rest.
std::string about_alert(const json& event) {
  const json& alert = member(member(event, "details"), "alert");
  return alert.is_number_integer() ? " of alert " + alert.dump() : "";
}

Result<int> show_delivery(const Context& context, const DeliveryFlags& flags) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json delivery, api.get("/deliveries/" + std::to_string(flags.id)));
  if (context.output.json) {
    print_json(delivery);
    return exit_ok;
  }
  std::printf("%s to %s, %s: %s\nkey %s\n", cell(delivery, "/id").c_str(), cell(delivery, "/route").c_str(),
              cell(delivery, "/state").c_str(), cell(delivery, "/title").c_str(), cell(delivery, "/key").c_str());
  for (const json& event : list_in(delivery, "events"))
    std::printf("%s %s%s: %s\n", cell(event, "/at").c_str(), cell(event, "/kind").c_str(), about_alert(event).c_str(),
                cell(event, "/message").c_str());
  std::vector<Row> rows;
  for (const json& one : list_in(delivery, "log"))
    rows.push_back(
        {cell(one, "/at"), cell(one, "/took_ms"), cell(one, "/status"), cell(one, "/answer"), cell(one, "/error")});
  print_table({"ATTEMPT", "MS", "STATUS", "ANSWER", "ERROR"}, rows);
  return exit_ok;
}

Result<int> redeliver(const Context& context, const DeliveryFlags& flags) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json sent, api.post("/deliveries/" + std::to_string(flags.id) + "/redeliver", json::object()));
  if (context.output.json) print_json(sent);
  print_note(context.output, "Delivery " + cell(sent, "/id") + " is sent again, with the key that it had");
  return exit_ok;
}

void add_settings(CLI::App& command, RouteFlags& flags) {
  command.add_option("--kind", flags.kinds,
                     "Events that it tells: alert.firing, or alert.* for all that begin so; repeat it");
  command.add_option("--severity", flags.severity, "Least severity: info, warning or critical");
  command.add_option("--filter", flags.filter, "Of these devices alone: labels.site = \"berlin\"");
  command.add_option("--model", flags.model, "Of this model alone");
  command.add_option("--rollout", flags.rollout, "Of this rollout alone");
  command.add_option("--group-by", flags.group_by,
                     "What goes together: rule, site, device, model, rollout, group; repeat it");
  command.add_option("--group-wait", flags.group_wait_s, "Seconds in which events are gathered; 0: each is a message");
  command.add_option("--to-kind", flags.target, "webhook, email, slack, teams, pagerduty or alertmanager");
  command.add_option("--url", flags.url, "Address of the receiver; that of Slack and Teams better by --secret-file");
  command.add_option("--secret-file", flags.secret_file,
                     "File with the password (email), the key (pagerduty), or the address (slack, teams)");
  command.add_option("--mail-host", flags.host, "Mail server");
  command.add_option("--mail-port", flags.port, "Its port; 587 without it");
  command.add_option("--mail-tls", flags.tls, "starttls, implicit or none");
  command.add_option("--mail-user", flags.user, "Who signs in there");
  command.add_option("--mail-from", flags.from, "Sender");
  command.add_option("--mail-to", flags.to, "Recipient; repeat it");
}

// A verb of `parent` that calls `act` with the flags.
template <class Flags>
CLI::App* add_verb(CLI::App& parent, const char* name, const char* help, Context& context,
                   const std::shared_ptr<Flags>& flags, Result<int> (*act)(const Context&, const Flags&)) {
  CLI::App* const verb = parent.add_subcommand(name, help);
  verb->callback([&context, flags, act] { context.chosen = [&context, flags, act] { return act(context, *flags); }; });
  return verb;
}

CLI::App* with_route(CLI::App* verb, RouteFlags& flags) {
  verb->add_option("route", flags.route, "Number or name")->required();
  return verb;
}

}  // namespace

void add_notify_commands(CLI::App& root, Context& context) {
  auto* route = root.add_subcommand("route", "Who is told of what")->require_subcommand(1);
  auto flags = std::make_shared<RouteFlags>();
  CLI::App* const list = route->add_subcommand("list", "All routes");
  list->callback([&context] { context.chosen = [&context] { return list_routes(context); }; });
  with_route(add_verb(*route, "show", "One route", context, flags, show_route), *flags);
  CLI::App* const create =
      add_verb(*route, "create", "Make a route; a webhook's secret is shown once", context, flags, create_route);
  create->add_option("name", flags->name, "Its name")->required();
  add_settings(*create, *flags);
  CLI::App* const update =
      with_route(add_verb(*route, "update", "Change a route", context, flags, update_route), *flags);
  update->add_option("--name", flags->name, "Another name");
  auto* enable = update->add_flag("--enable", flags->enable, "Tell again");
  update->add_flag("--disable", flags->disable, "Tell nothing for now")->excludes(enable);
  add_settings(*update, *flags);
  CLI::App* const preview =
      with_route(add_verb(*route, "preview", "What it would have told within 7 days, changed like this or as it is",
                          context, flags, preview_route),
                 *flags);
  add_settings(*preview, *flags);
  with_route(add_verb(*route, "delete", "Delete a route and the log of its deliveries", context, flags, delete_route),
             *flags);
  with_route(add_verb(*route, "test", "Send a test, and tell whether it arrived", context, flags, send_test), *flags);
  with_route(add_verb(*route, "rotate", "Make a webhook another secret, shown once", context, flags, rotate_secret),
             *flags)
      ->add_option("--overlap-hours", flags->overlap_hours, "How long the old one signs, too")
      ->capture_default_str();

  auto* delivery = root.add_subcommand("delivery", "What was told, and whether it arrived")->require_subcommand(1);
  auto of_delivery = std::make_shared<DeliveryFlags>();
  CLI::App* const deliveries = add_verb(*delivery, "list", "The newest first", context, of_delivery, list_deliveries);
  deliveries->add_option("--route", of_delivery->route, "Of this route alone: number or name");
  deliveries->add_option("--alert", of_delivery->alert, "About this alert alone: its number");
  deliveries->add_option("--state", of_delivery->state, "waiting, delivered or given_up");
  deliveries->add_option("--limit", of_delivery->limit, "At most so many")->capture_default_str();
  add_verb(*delivery, "show", "One delivery, with every attempt", context, of_delivery, show_delivery)
      ->add_option("id", of_delivery->id, "Its number")
      ->required();
  add_verb(*delivery, "redeliver", "Send it again, with the key that it had", context, of_delivery, redeliver)
      ->add_option("id", of_delivery->id, "Its number")
      ->required();
}

}  // namespace argosy::cli
