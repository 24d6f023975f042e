#include "cli/app.hpp"

#include <memory>

#include "cli/command.hpp"
#include "cli/completion.hpp"
#include "cli/dry_run.hpp"
#include "cli/exit_code.hpp"
#include "cli/notify_command.hpp"
#include "cli/patch_command.hpp"
#include "cli/sign_command.hpp"

namespace argosy::cli {

namespace {

constexpr const char* footer =
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not logged in or not allowed, 4 not found, 5 conflict,\n"
    "            6 server not reachable, 7 a watched rollout ended without completing, 8 it is paused,\n"
    "            9 it has not ended within --timeout.\n"
    "Environment: ARGOSY_SERVER, ARGOSY_TOKEN, ARGOSY_CA_FILE, ARGOSY_KEY_PASSPHRASE, NO_COLOR.";

void add_common_options(CLI::App& root, Context& context) {
  root.add_option("--server", context.flags.server, "Address of the server, http://HOST:PORT");
  root.add_option("--token", context.flags.token, "API token; better in ARGOSY_TOKEN than on the command line");
  root.add_option("--ca-file", context.flags.ca_file, "PEM file of the authority that signed the server's certificate");
  root.add_flag("--json", context.output.json, "Print one JSON document on stdout");
  root.add_flag("-q,--quiet", context.output.quiet, "Print no notes and no progress");
  root.add_flag("-y,--yes", context.assume_yes, "Do not ask before doing what cannot be undone");
}

}  // namespace

int run(int argc, char** argv) {
  CLI::App root("Argosy: models on a fleet of devices", "argosy");
  root.set_version_flag("--version", "argosy " ARGOSY_VERSION);
  root.require_subcommand(1);
  root.fallthrough();
  root.footer(footer);
  Context context;
  add_common_options(root, context);
  add_login_commands(root, context);
  add_access_commands(root, context);
  add_overview_command(root, context);
  add_device_commands(root, context);
  add_alert_commands(root, context);
  add_release_commands(root, context);
  add_rollout_commands(root, context);
  add_rule_commands(root, context);
  add_telemetry_commands(root, context);
  add_journal_commands(root, context);
  add_drift_commands(root, context);
  add_label_commands(root, context);
  add_notify_commands(root, context);
  add_patch_commands(root, context);
  add_sign_commands(root, context);
  add_completion_command(root, context);
  offer_dry_run(root, context);
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return root.exit(error) == 0 ? exit_ok : exit_usage;
  }
  context.assume_yes |= context.dry_run;
  Result<int> outcome = context.chosen();
  if (*context.planned) outcome = tell_planned(context, **context.planned);
  if (outcome) return *outcome;
  print_error(context.output, outcome.error());
  return exit_code_of(outcome.error().code);
}

}  // namespace argosy::cli
