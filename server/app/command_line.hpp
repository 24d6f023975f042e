// What argosyd was asked for on its command line. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/base/error.hpp"

namespace argosy::server {

struct CommandLine {
  enum class Action : std::uint8_t {
    serve,
    help,
    version,
    check_config,
    config_reference,
    init_pki,
    admin_link,
    verify_audit
  };
  Action action = Action::serve;
  std::string config_file;
  std::string pki_dir;             // of --init-pki
  std::vector<std::string> hosts;  // of --init-pki: names and IP addresses
  std::string noted_head;          // of --verify-audit: "SEAL:HASH", or empty
  std::vector<std::pair<std::string, std::string>> settings;
};

// Errc::invalid_argument names the argument that is not understood.
Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments);
std::string usage();

}  // namespace argosy::server
