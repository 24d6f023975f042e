// What every command is given, and how it is added to the tree. A command is a function from Context to Result<int>
// (the exit code); an error becomes its exit code in app.cpp.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/api_client.hpp"
#include "cli/output.hpp"
#include "cli/settings.hpp"

namespace argosy::cli {

struct Context {
  SettingFlags flags;
  OutputOptions output;
  bool assume_yes = false;
  bool dry_run = false;
  // Of a dry run: the change that the verb came to, and would have sent.
  std::shared_ptr<std::optional<PlannedChange>> planned = std::make_shared<std::optional<PlannedChange>>();
  std::function<Result<int>()> chosen;  // set by the parsed command

  Result<ApiClient> api() const {
    ARGOSY_TRY(Settings settings, load_settings(flags));
    return ApiClient(std::move(settings), dry_run ? planned : nullptr);
  }
};

// KEY=VALUE pairs as an object; Errc::invalid_argument for one that is none.
Result<nlohmann::json> labels_of(const std::vector<std::string>& pairs);

void add_login_commands(CLI::App& root, Context& context);   // login, logout, whoami
void add_access_commands(CLI::App& root, Context& context);  // user|token|claim list|create|...
void add_claim_to_devices(CLI::App& device, Context& context);
void add_journal_commands(CLI::App& root, Context& context);  // event list|follow, audit list|head|verify
void add_overview_command(CLI::App& root, Context& context);
void add_device_commands(CLI::App& root, Context& context);     // device list|show|presence|label|..., connectivity
void add_alert_commands(CLI::App& root, Context& context);      // alert list|show|ack|history|silence|maintenance|...
void add_release_commands(CLI::App& root, Context& context);    // release publish|list|show|compact|patches|...
void add_rollout_commands(CLI::App& root, Context& context);    // rollout create|list|show|watch|start|evidence|...
void add_rule_commands(CLI::App& root, Context& context);       // rule list|show|create|update|enable|preview|...
void add_telemetry_commands(CLI::App& root, Context& context);  // telemetry series|worst|accuracy|export
void add_drift_commands(CLI::App& root, Context& context);      // drift show|list
void add_label_commands(CLI::App& root, Context& context);      // labels add|list|status

}  // namespace argosy::cli
