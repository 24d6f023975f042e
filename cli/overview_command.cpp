// argosy overview: how the fleet is, on one screen.
#include "cli/command.hpp"
#include "cli/exit_code.hpp"
#include "common/json/json_look.hpp"

namespace argosy::cli {

using nlohmann::json;

namespace {

void print_active_rollouts(const json& overview) {
  std::vector<Row> rows;
  for (const json& one : list_in(overview, "rollouts"))
    rows.push_back({cell(one, "/id"), cell(one, "/name"), cell(one, "/model") + "@" + cell(one, "/version"),
                    cell(one, "/state"), cell(one, "/wave") + " of " + cell(one, "/waves"), cell(one, "/reason")});
  if (rows.empty()) return;
  std::puts("");
  print_table({"ROLLOUT", "NAME", "RELEASE", "STATE", "WAVE", "REASON"}, rows);
}

void print_served_versions(const json& overview) {
  std::vector<Row> rows;
  for (const json& model : list_in(overview, "models"))
    for (const json& one : list_in(model, "versions"))
      rows.push_back({cell(model, "/model"), cell(one, "/version"), cell(one, "/devices")});
  if (rows.empty()) return;
  std::puts("");
  print_table({"MODEL", "SERVING", "DEVICES"}, rows);
}

void print_firing_alerts(const json& overview) {
  std::vector<Row> rows;
  for (const json& one : list_in(member(overview, "alerts"), "items"))
    rows.push_back(
        {cell(one, "/id"), cell(one, "/severity"), cell(one, "/rule"), cell(one, "/device_id"), cell(one, "/message")});
  if (rows.empty()) return;
  std::printf("\n%s alerts fire:\n", cell(overview, "/alerts/firing").c_str());
  print_table({"ALERT", "SEVERITY", "RULE", "DEVICE", "MESSAGE"}, rows);
}

Result<int> show_overview(const Context& context) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json overview, api.get("/overview"));
  if (context.output.json) {
    print_json(overview);
    return exit_ok;
  }
  const auto devices = [&overview](const char* presence) {
    return cell(overview, std::string("/presence/") + presence);
  };
  std::printf("%s\n%s devices: %s online, %s late, %s offline, %s never seen\n", cell(overview, "/verdict").c_str(),
              devices("total").c_str(), devices("online").c_str(), devices("late").c_str(), devices("offline").c_str(),
              devices("never_seen").c_str());
  print_firing_alerts(overview);
  print_active_rollouts(overview);
  print_served_versions(overview);
  if (const json missing = member(overview, "unavailable"); missing.is_object())
    for (const auto& [panel, why] : missing.items())
      print_note(context.output, panel + " cannot be read now: " + cell(why, ""));
  return exit_ok;
}

}  // namespace

void add_overview_command(CLI::App& root, Context& context) {
  root.add_subcommand("overview", "How the fleet is: devices, alerts, rollouts, and what is served")
      ->callback([&context] { context.chosen = [&context] { return show_overview(context); }; });
}

}  // namespace argosy::cli
