#include <chrono>
#include <memory>
#include <thread>

#include "cli/command.hpp"
#include "cli/exit_code.hpp"
#include "cli/listing.hpp"
#include "common/json/json_look.hpp"

namespace argosy::cli {

using nlohmann::json;

namespace {

struct ListFlags {
  std::string filter;
  std::size_t limit = 1000;
};

std::string serving_cell(const json& device) {
  std::string models;
  for (const json& model : list_in(device, "models"))
    models += (models.empty() ? "" : " ") + cell(model, "/model") + "@" + cell(model, "/version");
  return models.empty() ? "-" : models;
}

Result<int> list_devices(const Context& context, const ListFlags& flags) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json items, api.list("/devices", flags.filter, flags.limit));
  return print_rows(context.output, items, {"DEVICE", "CLASS", "PRESENCE", "SERVING", "LAST SEEN", "ALERTS"},
                    [](const json& device) {
                      return Row{cell(device, "/id"),  cell(device, "/hardware_class"), cell(device, "/presence"),
                                 serving_cell(device), cell(device, "/last_seen_at"),   cell(device, "/open_alerts")};
                    });
}

// What it sent and the server does not take.
void print_quarantine(const json& items) {
  std::vector<Row> rows;
  for (const json& row : items) {
    if (!row.contains("ended_at") || !row["ended_at"].is_null()) continue;
    rows.push_back(
        {cell(row, "/kind"), cell(row, "/count"), cell(row, "/first_at"), cell(row, "/last_at"), cell(row, "/reason")});
  }
  if (rows.empty()) return;
  std::puts("\nNot taken of what it sends:");
  print_table({"KIND", "MESSAGES", "SINCE", "LAST", "REASON"}, rows);
}

void print_assignments(const json& assignments) {
  if (assignments.empty()) return;
  std::vector<Row> rows;
  for (const json& one : assignments)
    rows.push_back({cell(one, "/model"), cell(one, "/told_version"), cell(one, "/rollout"), cell(one, "/why")});
  std::puts("");
  print_table({"MODEL", "IS TO RUN", "ROLLOUT", "WHY"}, rows);
}

// What the device found out about itself.
std::vector<Row> inventory_rows(const json& capabilities) {
  std::vector<Row> rows;
  for (const char* name : {"board", "cpu", "cores", "memory_mb"})
    if (const std::string value = cell(capabilities, "/" + std::string(name)); value != "-")
      rows.push_back({name, value});
  std::string features;
  for (const json& feature : list_in(capabilities, "cpu_features"))
    features += (features.empty() ? "" : " ") + cell(feature, "");
  if (!features.empty()) rows.push_back({"cpu_features", features});
  for (const json& part : list_in(capabilities, "parts")) rows.push_back({"part", cell(part, "")});
  const json versions = member(capabilities, "versions");
  if (versions.is_object())
    for (const auto& [name, version] : versions.items()) rows.push_back({name, cell(version, "")});
  if (const json onnx = member(capabilities, "onnx"); onnx.is_object())
    rows.push_back({"reads ONNX up to", "opset " + cell(onnx, "/opset") + ", IR " + cell(onnx, "/ir")});
  return rows;
}

// Of the board what no other table shows: its inventory, runtimes at work, accelerators, power, and what the owner's
// command reads.
void print_board(const json& device) {
  std::vector<Row> rows = inventory_rows(member(device, "capabilities"));
  for (const json& runtime : list_in(member(device, "capabilities"), "runtime_versions"))
    rows.push_back({"runtime", cell(runtime, "")});
  const json health = member(device, "health");
  if (health.is_object())
    for (const auto& [name, value] : health.items())
      if (name.starts_with("gpu_") || name.starts_with("npu_") || name.starts_with("custom.") || name == "power_w" ||
          name == "cpu_power_w")
        rows.push_back({name, cell(value, "")});
  if (const std::string fault = cell(device, "/readings_fault"); fault != "-") rows.push_back({"no readings", fault});
  if (rows.empty()) return;
  std::puts("");
  print_table({"BOARD", "VALUE"}, rows);
}

std::string who_asks(const json& replacement) {
  const std::string board = cell(replacement, "/board");
  return (board == "-" ? "a board" : board) + " with key " + cell(replacement, "/key").substr(0, 12) + ", from " +
         cell(replacement, "/address") + " with claim " + cell(replacement, "/claim");
}

// What is not as it should be with the device itself, and what its own configuration suggests.
void print_conditions(const json& device) {
  std::vector<Row> rows;
  for (const json& one : list_in(device, "conditions")) rows.push_back({cell(one, "/kind"), cell(one, "/message")});
  if (!rows.empty()) {
    std::puts("");
    print_table({"CONDITION", "WHAT IT SAYS"}, rows);
  }
  if (const json asking = member(device, "replacement"); asking.is_object())
    std::printf("\nIts place is asked for since %s by %s (%s): argosy device replace %s, or that with --turn-down\n",
                cell(asking, "/asked_at").c_str(), who_asks(asking).c_str(), cell(asking, "/state").c_str(),
                cell(device, "/id").c_str());
  rows.clear();
  const json suggested = member(device, "suggested");
  if (suggested.contains("hardware_class")) rows.push_back({"hardware_class", cell(suggested, "/hardware_class")});
  if (suggested.contains("because")) rows.push_back({"because", cell(suggested, "/because")});
  const json labels = member(suggested, "labels");
  if (labels.is_object())
    for (const auto& [key, value] : labels.items())
      rows.push_back({"label " + key, value.is_null() ? "(none)" : cell(value, "")});
  if (rows.empty()) return;
  std::puts("\nIts configuration, or its board, suggests (argosy device accept-suggested, or turn-down-suggested):");
  print_table({"FIELD", "SUGGESTED"}, rows);
}

Result<int> show_device(const Context& context, const std::string& id) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(json device, api.get("/devices/" + net::percent_encode(id)));
  const auto quarantine = api.get("/devices/" + net::percent_encode(id) + "/quarantine");
  if (!quarantine && quarantine.error().code != Errc::not_found) return quarantine.error();  // an older server has none
  device["quarantine"] = quarantine ? quarantine->value("items", json::array()) : json::array();
  const auto assignments = api.get("/devices/" + net::percent_encode(id) + "/assignments");
  if (!assignments && assignments.error().code != Errc::not_found) return assignments.error();
  device["assignments"] = assignments ? assignments->value("items", json::array()) : json::array();
  if (context.output.json) {
    print_json(device);
    return exit_ok;
  }
  std::printf("%s  %s, %s since %s (%s)\n", id.c_str(), cell(device, "/hardware_class").c_str(),
              cell(device, "/presence").c_str(), cell(device, "/presence_since").c_str(),
              cell(device, "/presence_reason").c_str());
  std::vector<Row> rows;
  for (const json& model : list_in(device, "models"))
    rows.push_back({cell(model, "/model"), cell(model, "/version"), cell(model, "/previous_version"),
                    cell(model, "/update_state"), cell(model, "/update/message")});
  print_table({"MODEL", "SERVING", "PREVIOUS", "UPDATE", "MESSAGE"}, rows);
  print_conditions(device);
  print_board(device);
  print_assignments(device["assignments"]);
  print_quarantine(device["quarantine"]);
  return exit_ok;
}

std::string percent_cell(const json& item, const std::string& path) {
  const json::json_pointer pointer(path);
  if (!item.contains(pointer) || !item[pointer].is_number()) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.2f %%", 100 * item[pointer].get<double>());
  return text;
}

struct TimeFlags {
  std::string from;
  std::string to;

  // Behind a path that may have `first` in its query.
  std::string query(std::string first = "") const {
    const auto add = [&first](const char* name, const std::string& value) {
      if (!value.empty()) first += (first.empty() ? "" : "&") + std::string(name) + "=" + net::percent_encode(value);
    };
    add("from", from);
    add("to", to);
    return first.empty() ? "" : "?" + first;
  }
};

void add_time_options(CLI::App& command, TimeFlags& flags) {
  command.add_option("--from", flags.from, "Begin, RFC 3339 or seconds since 1970; a day before the end without it");
  command.add_option("--to", flags.to, "End; now without it");
}

Result<int> show_presence(const Context& context, const std::string& id, const TimeFlags& flags) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json timeline, api.get("/devices/" + net::percent_encode(id) + "/presence" + flags.query()));
  if (context.output.json) {
    print_json(timeline);
    return exit_ok;
  }
  const bool is_intermittent = timeline.value("intermittent", false);
  std::printf("%s is %s%s. Available %s of the time from %s to %s\n", id.c_str(), cell(timeline, "/presence").c_str(),
              is_intermittent ? ", intermittent" : "", percent_cell(timeline, "/availability").c_str(),
              cell(timeline, "/from").c_str(), cell(timeline, "/to").c_str());
  std::vector<Row> rows;
  for (const json& span : list_in(timeline, "spans"))
    rows.push_back(
        {cell(span, "/from"), cell(span, "/to"), cell(span, "/state"), cell(span, "/changes"), cell(span, "/reason")});
  print_table({"FROM", "TO", "STATE", "CHANGES", "REASON"}, rows);
  return exit_ok;
}

struct ConnectivityFlags {
  TimeFlags time;
  std::size_t sites = 20;
};

Row site_row(const json& site, const std::string& name) {
  return {name,
          cell(site, "/devices"),
          cell(site, "/online"),
          cell(site, "/offline"),
          percent_cell(site, "/availability"),
          cell(site, "/alert")};
}

Result<int> show_connectivity(const Context& context, const ConnectivityFlags& flags) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json told, api.get("/connectivity" + flags.time.query("sites=" + std::to_string(flags.sites))));
  if (context.output.json) {
    print_json(told);
    return exit_ok;
  }
  std::printf("The fleet was available %s of the time from %s to %s\n",
              percent_cell(told, "/fleet/availability").c_str(), cell(told, "/from").c_str(),
              cell(told, "/to").c_str());
  std::vector<Row> rows;
  for (const json& site : list_in(told, "sites"))
    rows.push_back(site_row(site, cell(site, "/site") == "-" ? "(no site)" : cell(site, "/site")));
  if (told.contains("others") && told["others"].is_object())
    rows.push_back(site_row(told["others"], "(" + cell(told, "/others/sites") + " others)"));
  rows.push_back(site_row(told["fleet"], "(the fleet)"));
  print_table({"SITE", "DEVICES", "ONLINE", "OFFLINE", "AVAILABLE", "ALERT"}, rows);
  for (const json& device : list_in(told["intermittent"], "items"))
    std::printf("intermittent: %s (%s)\n", cell(device, "/id").c_str(), cell(device, "/presence").c_str());
  return exit_ok;
}

Result<int> show_integrity(const Context& context, const std::string& id) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json answer, api.get("/devices/" + net::percent_encode(id) + "/telemetry-integrity"));
  print_json(answer);
  return exit_ok;
}

Result<int> label_device(const Context& context, const std::string& id, const std::vector<std::string>& pairs) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json labels, labels_of(pairs));
  ARGOSY_TRY(const json device, api.patch("/devices/" + net::percent_encode(id), {{"labels", labels}}));
  if (context.output.json) print_json(device);
  print_note(context.output, "Labelled " + id);
  return exit_ok;
}

Result<int> settle_suggestion(const Context& context, const std::string& id, bool take) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json device, api.post("/devices/" + net::percent_encode(id) + "/suggested", {{"take", take}}));
  if (context.output.json) print_json(device);
  print_note(context.output, (take ? "Accepted what " : "Turned down what ") + id + " suggests");
  return exit_ok;
}

Result<int> revoke_device(const Context& context, const std::string& id) {
  if (!context.assume_yes)
    return make_error(Errc::invalid_argument, "revoking " + id + " locks it out; say --yes if you mean it");
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json answer, api.remove("/devices/" + net::percent_encode(id)));
  if (context.output.json) print_json(answer);
  print_note(context.output, "Revoked " + id);
  return exit_ok;
}

struct ReplaceFlags {
  std::string id;
  bool turn_down = false;
};

// Of a device that is there: whoever asks is another.
Result<void> check_meant(const Context& context, const ReplaceFlags& flags, const json& device) {
  const std::string presence = cell(device, "/presence");
  const bool is_there = presence == "online" || presence == "late";
  if (flags.turn_down || context.assume_yes || !is_there) return {};
  return make_error(Errc::invalid_argument, flags.id + " is " + presence +
                                                ", and would be locked out for good when the other board comes; say "
                                                "--yes if you mean it");
}

Result<int> replace_device(const Context& context, const ReplaceFlags& flags) {
  ARGOSY_TRY(const ApiClient api, context.api());
  const std::string path = "/devices/" + net::percent_encode(flags.id);
  ARGOSY_TRY(const json device, api.get(path));
  const json asking = member(device, "replacement");
  if (!asking.is_object())
    return make_error(Errc::conflict, "no board asks to take the place of " + flags.id + "; enrol it first");
  ARGOSY_CHECK(check_meant(context, flags, device));
  ARGOSY_TRY(const json after,
             api.post(path + "/replacement", {{"key", cell(asking, "/key")}, {"take", !flags.turn_down}}));
  if (context.output.json) print_json(after);
  print_note(context.output, flags.turn_down
                                 ? "Turned down " + who_asks(asking)
                                 : "Let in as " + flags.id + ": " + who_asks(asking) +
                                       "; it comes within some minutes, and the old board is locked out then");
  return exit_ok;
}

Result<int> list_replacements(const Context& context) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json answer, api.get("/replacements"));
  return print_items(context.output, list_in(answer, "items"),
                     {{"DEVICE", "/device_id"},
                      {"STATE", "/state"},
                      {"BOARD", "/board"},
                      {"FROM", "/address"},
                      {"CLAIM", "/claim"},
                      {"ASKS SINCE", "/asked_at"},
                      {"LAST", "/last_asked_at"}});
}

Result<int> show_inventory(const Context& context) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json answer, api.get("/inventory"));
  const json items = list_in(answer, "items");
  if (context.output.json) {
    print_json(items);
    return exit_ok;
  }
  std::vector<Row> rows;
  for (const json& field : items)
    for (const json& one : list_in(field, "values"))
      rows.push_back({cell(field, "/field"), cell(one, "/value"), cell(one, "/devices")});
  print_table({"FIELD", "VALUE", "DEVICES"}, rows);
  return exit_ok;
}

void add_replace_commands(CLI::App& device, Context& context) {
  auto flags = std::make_shared<ReplaceFlags>();
  auto* replace = device.add_subcommand(
      "replace", "Let in the board that asks to take the place of a device; the old one is locked out when it comes");
  replace->add_option("id", flags->id, "Name of the device")->required();
  replace->add_flag("--turn-down", flags->turn_down, "Do not let it in");
  replace->callback(
      [&context, flags] { context.chosen = [&context, flags] { return replace_device(context, *flags); }; });
  device
      .add_subcommand("inventory",
                      "What the fleet's boards are: board, accelerators and versions, with how many devices")
      ->callback([&context] { context.chosen = [&context] { return show_inventory(context); }; });
  device.add_subcommand("replacements", "Boards that ask to take the place of a device of the same name")
      ->callback([&context] { context.chosen = [&context] { return list_replacements(context); }; });
}

struct DiagnosticsFlags {
  std::string device;
  std::int64_t id = 0;  // of one that was asked for; 0: ask now
  std::string reason;
  bool list = false;
  int wait_s = 60;
};

Result<int> list_diagnostics(const Context& context, const std::string& path) {
  ARGOSY_TRY(const ApiClient api, context.api());
  ARGOSY_TRY(const json answer, api.get(path));
  return print_items(context.output, list_in(answer, "items"),
                     {{"ID", "/id"},
                      {"STATE", "/state"},
                      {"ASKED AT", "/asked_at"},
                      {"BY", "/asked_by"},
                      {"BYTES", "/bytes"},
                      {"REASON", "/reason"}});
}

// Until the device has answered, or the time is over.
Result<json> wait_for_diagnostics(const ApiClient& api, const std::string& path, int wait_s) {
  constexpr std::chrono::seconds pause{1};
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(wait_s);
  while (true) {
    ARGOSY_TRY(json found, api.get(path));
    if (cell(found, "/state") != "waiting") return found;
    if (std::chrono::steady_clock::now() >= until)
      return make_error(Errc::timeout, "the device has not answered within " + std::to_string(wait_s) +
                                           " s; it is asked for ten minutes: see --id " + cell(found, "/id"));
    std::this_thread::sleep_for(pause);
  }
}

Result<int> show_diagnostics(const Context& context, const DiagnosticsFlags& flags) {
  const std::string path = "/devices/" + net::percent_encode(flags.device) + "/diagnostics";
  if (flags.list) return list_diagnostics(context, path);
  ARGOSY_TRY(const ApiClient api, context.api());
  std::string id = std::to_string(flags.id);
  if (flags.id == 0) {
    ARGOSY_TRY(const json asked, api.post(path, {{"reason", flags.reason}}));
    id = cell(asked, "/id");
    print_note(context.output, "Asked " + flags.device + " for diagnostics " + id);
  }
  ARGOSY_TRY(const json found, wait_for_diagnostics(api, path + "/" + id, flags.wait_s));
  if (cell(found, "/state") != "answered")
    return make_error(Errc::timeout, "the device did not answer; ask again when it is back");
  print_json(context.output.json ? found : found["document"]);
  return exit_ok;
}

void add_diagnostics_command(CLI::App& device, Context& context) {
  auto* diagnostics =
      device.add_subcommand("diagnostics", "Ask a device for its state, readings, log and updates, and print them");
  auto flags = std::make_shared<DiagnosticsFlags>();
  diagnostics->add_option("device", flags->device, "Name of the device")->required();
  diagnostics->add_option("--id", flags->id, "Those that were asked for under this number, in place of asking");
  diagnostics->add_option("--reason", flags->reason, "Why it is asked, for the audit log");
  diagnostics->add_flag("--list", flags->list, "What it was asked for: the newest five are kept");
  diagnostics->add_option("--wait", flags->wait_s, "Seconds to wait for its answer")
      ->capture_default_str()
      ->check(CLI::Range(0, 600));
  diagnostics->callback(
      [&context, flags] { context.chosen = [&context, flags] { return show_diagnostics(context, *flags); }; });
}

void add_connectivity_command(CLI::App& root, Context& context) {
  auto* connectivity = root.add_subcommand("connectivity", "How available devices are, by site, the worst first");
  auto flags = std::make_shared<ConnectivityFlags>();
  add_time_options(*connectivity, flags->time);
  connectivity->add_option("--sites", flags->sites, "Sites told one by one, at most 200")->capture_default_str();
  connectivity->callback(
      [&context, flags] { context.chosen = [&context, flags] { return show_connectivity(context, *flags); }; });
}

}  // namespace

void add_device_commands(CLI::App& root, Context& context) {
  auto* device = root.add_subcommand("device", "Devices of the fleet")->require_subcommand(1);

  auto* list = device->add_subcommand("list", "Devices, by name");
  auto flags = std::make_shared<ListFlags>();
  list->add_option("--filter", flags->filter, "For example: presence = \"offline\" AND labels.site = \"berlin\"");
  list->add_option("--limit", flags->limit, "At most this many")->capture_default_str();
  list->callback([&context, flags] { context.chosen = [&context, flags] { return list_devices(context, *flags); }; });

  auto id = std::make_shared<std::string>();
  auto* show = device->add_subcommand("show", "One device");
  show->add_option("id", *id, "Name of the device")->required();
  show->callback([&context, id] { context.chosen = [&context, id] { return show_device(context, *id); }; });

  auto* integrity =
      device->add_subcommand("integrity", "Whether the device's telemetry is whole: stored, lost, repeated, missing");
  integrity->add_option("id", *id, "Name of the device")->required();
  integrity->callback([&context, id] { context.chosen = [&context, id] { return show_integrity(context, *id); }; });

  auto* presence = device->add_subcommand("presence", "When the device was there, and why not");
  auto times = std::make_shared<TimeFlags>();
  presence->add_option("id", *id, "Name of the device")->required();
  add_time_options(*presence, *times);
  presence->callback([&context, id, times] {
    context.chosen = [&context, id, times] { return show_presence(context, *id, *times); };
  });

  auto labels = std::make_shared<std::vector<std::string>>();
  auto* label = device->add_subcommand("label", "Set the labels of a device");
  label->add_option("id", *id, "Name of the device")->required();
  label->add_option("labels", *labels, "KEY=VALUE ...")->required();
  label->callback([&context, id, labels] {
    context.chosen = [&context, id, labels] { return label_device(context, *id, *labels); };
  });

  for (const bool take : {true, false}) {
    auto* settle =
        device->add_subcommand(take ? "accept-suggested" : "turn-down-suggested",
                               take ? "Take the labels and the hardware class that its configuration suggests"
                                    : "Leave its labels and its hardware class as they are");
    settle->add_option("id", *id, "Name of the device")->required();
    settle->callback([&context, id, take] {
      context.chosen = [&context, id, take] { return settle_suggestion(context, *id, take); };
    });
  }

  auto* revoke = device->add_subcommand("revoke", "Lock a device out for good");
  revoke->add_option("id", *id, "Name of the device")->required();
  revoke->callback([&context, id] { context.chosen = [&context, id] { return revoke_device(context, *id); }; });

  add_replace_commands(*device, context);
  add_diagnostics_command(*device, context);
  add_claim_to_devices(*device, context);
  add_connectivity_command(root, context);
}

}  // namespace argosy::cli
