#include <cstdio>
#include <memory>

#include "cli/command.hpp"
#include "cli/exit_code.hpp"
#include "common/json/json_look.hpp"

namespace argosy::cli {

using nlohmann::json;

namespace {

std::string figure(const json& item, const char* key) {
  const auto value = number_in(item, key);
  if (!value) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", *value);
  return text;
}

void print_contracts(const json& contracts, bool with_device) {
  for (const json& broken : contracts)
    std::printf("%s%s %s: %s\n", with_device ? (cell(broken, "/device_id") + "  ").c_str() : "",
                cell(broken, "/model").c_str(), cell(broken, "/version").c_str(), cell(broken, "/message").c_str());
}

Result<int> show_drift(const Context& context, const std::string& device) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json drift, api.get("/devices/" + net::percent_encode(device) + "/drift"));
  if (context.output.json) {
    print_json(drift);
    return exit_ok;
  }
  const json contracts = list_in(drift, "contracts");
  if (contracts.empty()) std::printf("Input contract: kept, or none\n");
  print_contracts(contracts, false);
  std::vector<Row> rows;
  for (const json& feature : list_in(drift, "items"))
    rows.push_back({cell(feature, "/model"), cell(feature, "/version"), cell(feature, "/feature"),
                    cell(feature, "/verdict"), cell(feature, "/scope"), cell(feature, "/against"),
                    figure(feature, "psi"), figure(feature, "threshold"), figure(feature, "z"),
                    figure(feature, "z_needed"), cell(feature, "/since")});
  print_table({"MODEL", "VERSION", "FEATURE", "VERDICT", "SCOPE", "AGAINST", "PSI", "LIMIT", "Z", "NEEDED", "SINCE"},
              rows);
  return exit_ok;
}

Result<int> list_drift(const Context& context) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json drift, api.get("/drift"));
  if (context.output.json) {
    print_json(drift);
    return exit_ok;
  }
  for (const json& season : list_in(drift, "fleet")) std::printf("Fleet: %s\n", cell(season, "/message").c_str());
  print_contracts(list_in(drift, "contracts"), true);
  std::vector<Row> rows;
  for (const json& device : list_in(drift, "items"))
    rows.push_back({cell(device, "/device_id"), cell(device, "/model"), cell(device, "/version"),
                    cell(device, "/feature"), cell(device, "/verdict"), cell(device, "/scope"), figure(device, "psi"),
                    cell(device, "/since")});
  print_table({"DEVICE", "MODEL", "VERSION", "FEATURE", "VERDICT", "SCOPE", "PSI", "SINCE"}, rows);
  return exit_ok;
}

}  // namespace

void add_drift_commands(CLI::App& root, Context& context) {
  auto* drift = root.add_subcommand("drift", "Inputs and outputs of models: what moved, where, and whose fault it is")
                    ->require_subcommand(1);
  auto device = std::make_shared<std::string>();
  auto* show =
      drift->add_subcommand("show", "Each feature of a device, with what decided, and how its contract is kept");
  show->add_option("device", *device, "Id of the device")->required();
  show->callback([&context, device] { context.chosen = [&context, device] { return show_drift(context, *device); }; });
  auto* list = drift->add_subcommand("list", "Seasons of the fleet, broken input contracts, and devices that moved");
  list->callback([&context] { context.chosen = [&context] { return list_drift(context); }; });
}

}  // namespace argosy::cli
