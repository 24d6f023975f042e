#include "server/app/config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>
#include <optional>
#include <sstream>

#include "common/base/file.hpp"
#include "server/app/config_keys.hpp"
#include "server/app/toml_file.hpp"
#include "server/devices/suggestion.hpp"
#include "server/http/client_address.hpp"
#include "server/notify/address_rules.hpp"

namespace argosy::server {
namespace {

constexpr std::string_view file_suffix = "_file";
constexpr std::array log_levels{"trace", "debug", "info", "warn", "error"};

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row[b.size()];
}

std::string nearest_key(std::string_view unknown) {
  const auto keys = config_keys();
  const auto nearest = std::min_element(keys.begin(), keys.end(), [&](const ConfigKey& a, const ConfigKey& b) {
    return edit_distance(unknown, a.name) < edit_distance(unknown, b.name);
  });
  return std::string(nearest->name);
}

Error unknown_key(std::string_view key, const std::string& source) {
  return make_error(Errc::unknown_key,
                    source + ": there is no key '" + std::string(key) + "'; did you mean '" + nearest_key(key) + "'?");
}

std::string plain(double value) {
  std::ostringstream text;
  text.precision(10);
  text << value;
  return text.str();
}

Error wrong_value(const ConfigKey& key, const std::string& value, const std::string& source, const std::string& rule) {
  const std::string shown = key.secret ? "" : " '" + value.substr(0, 64) + "'";
  return make_error(Errc::invalid_argument,
                    source + ": the value" + shown + " of '" + std::string(key.name) + "' " + rule);
}

template <class Number>
std::optional<Number> parse_number(const std::string& text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

template <class Number>
Result<void> set_number(Number& slot, const ConfigKey& key, const std::string& value, const std::string& source) {
  const std::string rule = std::string("must be a ") + (std::is_integral_v<Number> ? "whole " : "") + "number from " +
                           plain(key.min) + " to " + plain(key.max);
  const auto number = parse_number<Number>(value);
  if (!number || !(static_cast<double>(*number) >= key.min && static_cast<double>(*number) <= key.max)) {
    return wrong_value(key, value, source, rule);
  }
  slot = *number;
  return {};
}

Result<void> set(Config& config, const ConfigKey& key, const std::string& value, const std::string& source) {
  if (const auto* text = std::get_if<std::string Config::*>(&key.member)) {
    config.*(*text) = value;
    return {};
  }
  if (const auto* flag = std::get_if<bool Config::*>(&key.member)) {
    if (value != "true" && value != "false") return wrong_value(key, value, source, "must be true or false");
    config.*(*flag) = value == "true";
    return {};
  }
  if (const auto* integer = std::get_if<std::int64_t Config::*>(&key.member)) {
    return set_number(config.*(*integer), key, value, source);
  }
  return set_number(config.*std::get<double Config::*>(key.member), key, value, source);
}

const ConfigKey* find_key(std::string_view name) {
  const auto keys = config_keys();
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const ConfigKey& key) { return key.name == name; });
  return found == keys.end() ? nullptr : &*found;
}

// A key, or the name of a file that holds a secret key's value.
Result<void> assign(Config& config, std::string_view name, const std::string& value, const std::string& source) {
  if (const ConfigKey* key = find_key(name)) return set(config, *key, value, source);
  if (name.ends_with(file_suffix)) {
    const ConfigKey* key = find_key(name.substr(0, name.size() - file_suffix.size()));
    if (key != nullptr && key->secret) {
      auto content = read_file(value, 64 * 1024);
      if (!content) return std::move(content).error().within(source + ": '" + std::string(name) + "'");
      while (!content->empty() && (content->back() == '\n' || content->back() == '\r')) content->pop_back();
      return set(config, *key, *content, source);
    }
  }
  return unknown_key(name, source);
}

// "ARGOSY_HTTP_OPERATOR_PROT" is a mistake, ARGOSY_TEST_PG is somebody else's: a variable counts as ours when it starts
// like the first part of a key.
Result<void> read_environment(Config& config, const std::map<std::string, std::string>& environment) {
  for (const auto& [variable, value] : environment) {
    for (const ConfigKey& key : config_keys()) {
      const std::string name = environment_name(key.name);
      if (variable == name) ARGOSY_CHECK(set(config, key, value, variable));
      if (key.secret && variable == name + "_FILE") {
        ARGOSY_CHECK(assign(config, std::string(key.name) + std::string(file_suffix), value, variable));
      }
    }
  }
  return {};
}

Result<void> check_unknown_environment(const std::map<std::string, std::string>& environment) {
  for (const auto& [variable, value] : environment) {
    bool known = false;
    bool ours = false;
    for (const ConfigKey& key : config_keys()) {
      const std::string name = environment_name(key.name);
      known = known || variable == name || (key.secret && variable == name + "_FILE");
      ours = ours || variable.starts_with(environment_name(key.name.substr(0, key.name.find('.'))) + "_");
    }
    if (known || !ours) continue;
    std::string key = variable.substr(std::string_view("ARGOSY_").size());
    std::transform(key.begin(), key.end(), key.begin(),
                   [](unsigned char c) { return c == '_' ? '.' : std::tolower(c); });
    return make_error(Errc::unknown_key, "environment: there is no variable '" + variable + "'; did you mean '" +
                                             environment_name(nearest_key(key)) + "'?");
  }
  return {};
}

Result<void> check_whole(const Config& config) {
  if (config.operator_tls_certificate.empty() != config.operator_tls_key.empty()) {
    return make_error(Errc::invalid_argument,
                      "give both http.operator.tls_certificate and http.operator.tls_key, or neither");
  }
  if (auto proxies = TrustedProxies::parse(config.operator_trusted_proxies); !proxies) {
    return std::move(proxies).error().within("http.operator.trusted_proxies");
  }
  if (auto networks = AddressRules::parse(config.notify_allowed_networks); !networks) {
    return std::move(networks).error().within("notify.allowed_networks");
  }
  if (auto rule = SuggestionRule::parse(config.devices_take_suggested); !rule) {
    return std::move(rule).error().within("devices.take_suggested");
  }
  if (std::find(log_levels.begin(), log_levels.end(), config.log_level) == log_levels.end()) {
    return make_error(Errc::invalid_argument,
                      "log.level must be trace, debug, info, warn or error, not '" + config.log_level + "'");
  }
  return {};
}

std::string default_text(const ConfigKey& key) {
  const Config defaults;
  return std::visit(
      [&](auto member) -> std::string {
        const auto& value = defaults.*member;
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::string>) return value;
        if constexpr (std::is_same_v<T, bool>) return value ? "true" : "false";
        if constexpr (std::is_arithmetic_v<T>) return plain(static_cast<double>(value));
      },
      key.member);
}

std::string bounds_text(const ConfigKey& key) {
  if (std::holds_alternative<bool Config::*>(key.member)) return "true, false";
  if (std::holds_alternative<std::string Config::*>(key.member)) return key.secret ? "text, or a file: _file" : "text";
  return plain(key.min) + " to " + plain(key.max);
}

}  // namespace

std::string audit_archive(const Config& config) {
  return config.retention_audit_archive.empty() ? config.store_dir + "/audit" : config.retention_audit_archive;
}

std::string environment_name(std::string_view key) {
  std::string name = "ARGOSY_";
  for (const char c : key) name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

Result<Config> read_config(const ConfigSources& sources) {
  Config config;
  ARGOSY_TRY(const auto entries, parse_toml(sources.toml, sources.toml_name));
  for (const auto& [key, value] : entries) ARGOSY_CHECK(assign(config, key, value, sources.toml_name));
  ARGOSY_CHECK(check_unknown_environment(sources.environment));
  ARGOSY_CHECK(read_environment(config, sources.environment));
  for (const auto& [key, value] : sources.flags) ARGOSY_CHECK(assign(config, key, value, "command line"));
  ARGOSY_CHECK(check_whole(config));
  return config;
}

std::string config_help() {
  std::string text;
  for (const ConfigKey& key : config_keys()) {
    text += "  --" + std::string(key.name) + "=" + default_text(key) + "\n      " + std::string(key.help) + "\n";
  }
  return text;
}

std::string config_markdown() {
  std::string text = "| key | default | values | what |\n|---|---|---|---|\n";
  for (const ConfigKey& key : config_keys()) {
    const std::string preset = default_text(key);
    text += "| `" + std::string(key.name) + "` | " + (preset.empty() ? "" : "`" + preset + "`") + " | " +
            bounds_text(key) + " | " + std::string(key.help) + " |\n";
  }
  return text;
}

}  // namespace argosy::server
