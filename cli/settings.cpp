#include "cli/settings.hpp"

#include <cstdlib>

#include <nlohmann/json.hpp>

#include "common/base/file.hpp"
#include "common/json/json_reader.hpp"

namespace argosy::cli {

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::string first_of(const std::string& a, const std::string& b, const std::string& c) {
  return !a.empty() ? a : !b.empty() ? b : c;
}

struct Stored {
  std::string server, token, ca_file;
};

Result<Stored> decode_credentials(std::string_view text) {
  ARGOSY_TRY(JsonReader in, JsonReader::parse(text, {}, UnknownKeys::pass));
  Stored stored;
  in.optional("server", stored.server).optional("token", stored.token).optional("ca_file", stored.ca_file);
  ARGOSY_CHECK(in.finish());
  return stored;
}

Result<Stored> read_credentials() {
  const auto text = read_file(credentials_path(), 64 << 10);
  if (!text && text.error().code == Errc::not_found) return Stored{};
  if (!text) return text.error();
  auto stored = decode_credentials(*text);
  if (!stored)
    return make_error(Errc::malformed_json, credentials_path().string() + " is damaged (" + stored.error().message +
                                                "); run `argosy login` again");
  return stored;
}

}  // namespace

std::filesystem::path credentials_path() {
  const std::string base = environment("XDG_CONFIG_HOME");
  const std::filesystem::path folder =
      base.empty() ? std::filesystem::path(environment("HOME")) / ".config" : std::filesystem::path(base);
  return folder / "argosy" / "credentials.json";
}

Result<Settings> load_settings(const SettingFlags& flags) {
  ARGOSY_TRY(const Stored stored, read_credentials());
  const std::string server = first_of(flags.server, environment("ARGOSY_SERVER"), stored.server);
  if (server.empty())
    return make_error(Errc::unauthenticated, "no server is set; run `argosy login --server URL` or pass --server");
  ARGOSY_TRY(net::ServerUrl url, net::parse_server_url(server));
  return Settings{std::move(url), first_of(flags.token, environment("ARGOSY_TOKEN"), stored.token),
                  first_of(flags.ca_file, environment("ARGOSY_CA_FILE"), stored.ca_file)};
}

Result<void> save_credentials(const Settings& settings) {
  std::error_code error;
  std::filesystem::create_directories(credentials_path().parent_path(), error);
  if (error) return make_error(Errc::io, "cannot create " + credentials_path().parent_path().string());
  const nlohmann::json document{
      {"server", settings.server.to_string()}, {"token", settings.token}, {"ca_file", settings.ca_file}};
  return write_file_atomically(credentials_path(), document.dump(2) + "\n", 0600);
}

Result<void> forget_credentials() {
  std::error_code error;
  std::filesystem::remove(credentials_path(), error);
  if (error) return make_error(Errc::io, "cannot remove " + credentials_path().string());
  return {};
}

}  // namespace argosy::cli
