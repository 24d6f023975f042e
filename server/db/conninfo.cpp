#include "server/db/conninfo.hpp"

#include <map>
#include <memory>

#include <libpq-fe.h>

namespace argosy::server {
namespace {

using Options = std::map<std::string, std::string>;

Result<Options> parse(const std::string& conninfo) {
  char* complaint = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(
      PQconninfoParse(conninfo.c_str(), &complaint), &PQconninfoFree);
  if (!parsed) {
    const std::string why = complaint ? complaint : "out of memory";
    PQfreemem(complaint);
    return make_error(Errc::invalid_argument, "the PostgreSQL connection string does not parse: " + why);
  }
  Options options;
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) options.emplace(option->keyword, option->val);
  }
  return options;
}

std::string quote(const std::string& value) {
  std::string quoted = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

std::string join(const Options& options) {
  std::string text;
  for (const auto& [key, value] : options) text += (text.empty() ? "" : " ") + key + "=" + quote(value);
  return text;
}

}  // namespace

Result<std::string> with_service_defaults(const std::string& conninfo) {
  ARGOSY_TRY(Options options, parse(conninfo));
  options.emplace("connect_timeout", "5");
  options.emplace("keepalives_idle", "10");
  options.emplace("keepalives_interval", "3");
  options.emplace("keepalives_count", "3");
  options.emplace("tcp_user_timeout", "15000");
  options.emplace("application_name", "argosyd");
  return join(options);
}

Result<std::string> with_database(const std::string& conninfo, const std::string& database) {
  ARGOSY_TRY(Options options, parse(conninfo));
  options["dbname"] = database;
  return join(options);
}

std::string describe_connection(const std::string& conninfo) {
  auto options = parse(conninfo);
  if (!options) return "(a connection string that does not parse)";
  std::string text;
  for (const char* key : {"host", "port", "dbname", "user"}) {
    const auto found = options->find(key);
    if (found != options->end()) text += (text.empty() ? "" : " ") + std::string(key) + "=" + found->second;
  }
  return text.empty() ? "(libpq's defaults)" : text;
}

}  // namespace argosy::server
