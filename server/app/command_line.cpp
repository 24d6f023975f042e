#include "server/app/command_line.hpp"

#include <map>

#include "server/app/config.hpp"

namespace argosy::server {
namespace {

using Action = CommandLine::Action;

const std::map<std::string, Action> plain_actions{{"--help", Action::help},
                                                  {"-h", Action::help},
                                                  {"--version", Action::version},
                                                  {"--check-config", Action::check_config},
                                                  {"--config-reference", Action::config_reference},
                                                  {"--admin-link", Action::admin_link},
                                                  {"--verify-audit", Action::verify_audit}};

void apply(CommandLine& line, const std::string& name, const std::string& value) {
  if (name == "config") {
    line.config_file = value;
  } else if (name == "init-pki") {
    line.action = Action::init_pki;
    line.pki_dir = value;
  } else if (name == "verify-audit") {
    line.action = Action::verify_audit;
    line.noted_head = value;
  } else if (name == "host") {
    line.hosts.push_back(value);
  } else {
    line.settings.emplace_back(name, value);
  }
}

}  // namespace

Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments) {
  CommandLine line;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    const auto action = plain_actions.find(argument);
    if (action != plain_actions.end()) {
      line.action = action->second;
      continue;
    }
    if (!argument.starts_with("--")) {
      return make_error(Errc::invalid_argument, "'" + argument + "' is not an option; see argosyd --help");
    }
    const std::size_t equals = argument.find('=');
    if (equals != std::string::npos) {
      apply(line, argument.substr(2, equals - 2), argument.substr(equals + 1));
    } else if (i + 1 < arguments.size()) {
      apply(line, argument.substr(2), arguments[++i]);
    } else {
      return make_error(Errc::invalid_argument, "'" + argument + "' needs a value; see argosyd --help");
    }
  }
  if (line.action == Action::init_pki && line.hosts.empty()) {
    return make_error(
        Errc::invalid_argument,
        "--init-pki needs --host NAME_OR_IP: how agents reach the server and the broker; repeat it for more");
  }
  return line;
}

std::string usage() {
  return "argosyd - the Argosy server\n\n"
         "Usage: argosyd [--config FILE] [--KEY=VALUE]...\n"
         "       argosyd --check-config [--config FILE] [--KEY=VALUE]...   says what is wrong, or nothing\n"
         "       argosyd --init-pki DIR --host NAME_OR_IP [--host ...]     makes the fleet's certificates; keeps what "
         "exists\n"
         "       argosyd --admin-link [--config FILE] [--KEY=VALUE]...     prints a one-time link for an admin\n"
         "       argosyd --verify-audit[=SEAL:HASH] [--config FILE] ...    walks the audit log's chain; names what "
         "does not fit, with exit status 1\n"
         "       argosyd --config-reference | --help | --version\n\n"
         "A key is looked for in FILE (TOML), then in the environment (http.operator.port is\n"
         "ARGOSY_HTTP_OPERATOR_PORT), then here; the last one wins. Keys and their defaults:\n\n" +
         config_help() + "\nExit status: 0 done, 1 failed, 2 wrong usage or configuration.\n";
}

}  // namespace argosy::server
