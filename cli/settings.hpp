// Who we are to which server: flags over environment (ARGOSY_SERVER, ARGOSY_TOKEN) over the credentials file that
// `argosy login` writes to $XDG_CONFIG_HOME/argosy/credentials.json (mode 0600).
#pragma once

#include <filesystem>
#include <string>

#include "common/base/error.hpp"
#include "net/url.hpp"

namespace argosy::cli {

struct Settings {
  net::ServerUrl server;
  std::string token;
  std::string ca_file;
};

struct SettingFlags {  // empty: not given
  std::string server;
  std::string token;
  std::string ca_file;
};

std::filesystem::path credentials_path();
Result<Settings> load_settings(const SettingFlags& flags);
Result<void> save_credentials(const Settings& settings);
Result<void> forget_credentials();

}  // namespace argosy::cli
