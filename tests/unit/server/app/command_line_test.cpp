#include "server/app/command_line.hpp"

#include <gtest/gtest.h>

namespace argosy::server {
namespace {

using Action = CommandLine::Action;
using Settings = std::vector<std::pair<std::string, std::string>>;

TEST(CommandLine, ReadsSettingsInBothForms) {
  const CommandLine line =
      parse_command_line({"--config", "a.toml", "--http.operator.port=9000", "--log.level", "debug"}).value();
  EXPECT_EQ(line.action, Action::serve);
  EXPECT_EQ(line.config_file, "a.toml");
  EXPECT_EQ(line.settings, (Settings{{"http.operator.port", "9000"}, {"log.level", "debug"}}));
}

TEST(CommandLine, ReadsActions) {
  EXPECT_EQ(parse_command_line({"--check-config"}).value().action, Action::check_config);
  EXPECT_EQ(parse_command_line({"--admin-link"}).value().action, Action::admin_link);
  const CommandLine pki = parse_command_line({"--init-pki", "d", "--host", "a", "--host=127.0.0.1"}).value();
  EXPECT_EQ(pki.pki_dir, "d");
  EXPECT_EQ(pki.hosts, (std::vector<std::string>{"a", "127.0.0.1"}));
}

TEST(CommandLine, VerifiesTheAuditLogWithOrWithoutANotedHead) {
  EXPECT_EQ(parse_command_line({"--verify-audit"}).value().action, CommandLine::Action::verify_audit);
  const auto line = parse_command_line({"--verify-audit=7:ab", "--config", "x"}).value();
  EXPECT_EQ(line.action, CommandLine::Action::verify_audit);
  EXPECT_EQ(line.noted_head, "7:ab");
  EXPECT_EQ(line.config_file, "x");
}

TEST(CommandLine, NamesWhatItDoesNotUnderstand) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"serve"}, {"--config"}, {"--init-pki", "d"}}) {
    const auto line = parse_command_line(arguments);
    ASSERT_FALSE(line);
    EXPECT_EQ(line.error().code, Errc::invalid_argument);
  }
}

TEST(CommandLine, HelpShowsEveryKey) {
  EXPECT_NE(usage().find("--http.operator.port=8080"), std::string::npos);
  EXPECT_NE(usage().find("--init-pki"), std::string::npos);
}

}  // namespace
}  // namespace argosy::server
