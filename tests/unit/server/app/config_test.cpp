#include "server/app/config.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "common/base/file.hpp"
#include "server/app/config_keys.hpp"

namespace argosy::server {
namespace {

ConfigSources from_toml(const std::string& text) {
  return {.toml = text, .toml_name = "argosyd.toml"};
}

TEST(Config, DefaultsNeedNothing) {
  const Config config = read_config({}).value();
  EXPECT_EQ(config.operator_port, 8080);
  EXPECT_EQ(config.operator_address, "127.0.0.1");
}

TEST(Config, ReadsTables) {
  const Config config =
      read_config(from_toml("[http.operator]\nport = 9000\n[presence]\ntime_scale = 0.1\n[mqtt]\nenabled = false\n"
                            "[database]\nconninfo = \"dbname=x\"\n"))
          .value();
  EXPECT_EQ(config.operator_port, 9000);
  EXPECT_DOUBLE_EQ(config.presence_time_scale, 0.1);
  EXPECT_FALSE(config.mqtt_enabled);
  EXPECT_EQ(config.database_conninfo, "dbname=x");
}

TEST(Config, ReadsListsOfTexts) {
  const auto config =
      read_config(from_toml("[http.operator]\ntrusted_proxies = [\"127.0.0.1/32\", \"2001:db8::/32\"]\n"));
  EXPECT_EQ(config.value().operator_trusted_proxies, "127.0.0.1/32,2001:db8::/32");
  const auto wrong = read_config(from_toml("[http.operator]\ntrusted_proxies = \"proxy.example\"\n"));
  EXPECT_NE(wrong.error().message.find("trusted_proxies"), std::string::npos);
  EXPECT_NE(wrong.error().message.find("proxy.example"), std::string::npos);
  EXPECT_FALSE(read_config(from_toml("[http.operator]\ntrusted_proxies = [1]\n")));
}

TEST(Config, FlagsBeatTheEnvironmentWhichBeatsTheFile) {
  ConfigSources sources = from_toml("http.operator.port = 1\nhttp.device.port = 1\nmqtt.agent_port = 1");
  sources.environment = {{"ARGOSY_HTTP_OPERATOR_PORT", "2"}, {"ARGOSY_HTTP_DEVICE_PORT", "2"}};
  sources.flags = {{"http.operator.port", "3"}};
  const Config config = read_config(sources).value();
  EXPECT_EQ(config.operator_port, 3);
  EXPECT_EQ(config.device_port, 2);
  EXPECT_EQ(config.mqtt_agent_port, 1);
}

TEST(Config, AnUnknownKeyNamesTheNearest) {
  const auto in_file = read_config(from_toml("[http.operator]\nprot = 1"));
  EXPECT_EQ(in_file.error().code, Errc::unknown_key);
  EXPECT_EQ(in_file.error().message,
            "argosyd.toml: there is no key 'http.operator.prot'; did you mean "
            "'http.operator.port'?");
  const auto in_flags = read_config({.flags = {{"log.levle", "info"}}});
  EXPECT_NE(in_flags.error().message.find("'log.level'"), std::string::npos) << in_flags.error().message;
  const auto in_environment = read_config({.environment = {{"ARGOSY_MQTT_URL", "x"}}});
  EXPECT_NE(in_environment.error().message.find("ARGOSY_MQTT_URI"), std::string::npos)
      << in_environment.error().message;
}

TEST(Config, OtherProgramsVariablesAreNotOurs) {
  EXPECT_TRUE(read_config({.environment = {{"ARGOSY_TEST_PG", "x"}, {"HTTP_PROXY", "y"}, {"ARGOSY_URL", "z"}}}));
}

TEST(Config, ValuesKeepTheirBounds) {
  for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{{"http.operator.port", "65536"},
                                                                                   {"http.operator.port", "-1"},
                                                                                   {"http.operator.port", "80a"},
                                                                                   {"database.threads", "0"},
                                                                                   {"presence.time_scale", "0"},
                                                                                   {"presence.time_scale", "nan"},
                                                                                   {"mqtt.enabled", "yes"},
                                                                                   {"log.level", "loud"}}) {
    const auto config = read_config({.flags = {{key, value}}});
    ASSERT_FALSE(config) << key << "=" << value;
    EXPECT_EQ(config.error().code, Errc::invalid_argument);
    EXPECT_NE(config.error().message.find(key), std::string::npos) << config.error().message;
  }
}

TEST(Config, WhatIsNoTomlNamesTheLine) {
  const auto config = read_config(from_toml("[http]\nport = = 1\n"));
  EXPECT_NE(config.error().message.find("argosyd.toml, line 2"), std::string::npos) << config.error().message;
  EXPECT_FALSE(read_config(from_toml("[http.operator]\nport = [1]")));
}

TEST(Config, ASecretMayComeFromAFileAndIsNotShown) {
  const auto path = std::filesystem::temp_directory_path() / "argosy-config-test-secret";
  std::ofstream(path) << "dbname=x password=hush\n";
  EXPECT_EQ(read_config({.environment = {{"ARGOSY_DATABASE_CONNINFO_FILE", path}}}).value().database_conninfo,
            "dbname=x password=hush");
  EXPECT_EQ(read_config({.flags = {{"database.conninfo_file", path}}}).value().database_conninfo,
            "dbname=x password=hush");
  std::filesystem::remove(path);
  EXPECT_FALSE(read_config({.flags = {{"database.conninfo_file", path}}}));
  EXPECT_FALSE(read_config({.flags = {{"mqtt.uri_file", path}}})) << "no secret";
}

TEST(Config, TlsNeedsBothFiles) {
  EXPECT_FALSE(read_config({.flags = {{"http.operator.tls_certificate", "x.pem"}}}));
}

TEST(Config, EveryKeyIsInBoundsByDefault) {
  std::vector<std::pair<std::string, std::string>> flags;
  const std::string reference = config_markdown();
  for (const ConfigKey& key : config_keys()) {
    EXPECT_NE(reference.find("`" + std::string(key.name) + "`"), std::string::npos);
    if (std::holds_alternative<std::string Config::*>(key.member)) continue;
    const Config defaults;
    std::visit(
        [&](auto member) {
          using T = std::decay_t<decltype(defaults.*member)>;
          if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
            EXPECT_GE(static_cast<double>(defaults.*member), key.min) << key.name;
            EXPECT_LE(static_cast<double>(defaults.*member), key.max) << key.name;
          }
        },
        key.member);
  }
}

TEST(Config, TheDocumentedReferenceIsThisOne) {
  const std::string document = read_file(ARGOSY_SOURCE_DIR "/docs/operations.md").value();
  EXPECT_NE(document.find(config_markdown()), std::string::npos)
      << "docs/operations.md is out of date: put the output of argosyd --config-reference into it";
}

}  // namespace
}  // namespace argosy::server
