#include "common/wire/diagnostics.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/json/json_text.hpp"

namespace argosy::wire {
namespace {

const Instant now = parse_rfc3339("2026-11-30T08:00:00Z").value();

Diagnostics diagnostics() {
  Diagnostics of;
  of.id = 17;
  of.started_at = now;
  of.state.device = "cam-7";
  of.state.agent_version = "1.2.3";
  of.state.at = now;
  of.state.health = HealthSample{};
  of.state.health->disk_free_mb = 512;
  of.outbox_records = 4;
  of.journals = {R"({"model": "digits"})"};
  of.log = {{now, "enrolled as cam-7"}, {now, "digits: committed 1.1"}};
  return of;
}

TEST(Diagnostics, TheQuestionComesBack) {
  EXPECT_EQ(decode_diagnostics_ask(encode(DiagnosticsAsk{17})).value().id, 17);
  EXPECT_FALSE(decode_diagnostics_ask("{}"));
  EXPECT_FALSE(decode_diagnostics_ask(R"({"diagnostics": 0})"));
  EXPECT_TRUE(decode_diagnostics_ask(R"({"diagnostics": 1, "of_a_newer_server": true})"));
}

TEST(Diagnostics, TellWhatAPersonLooksFor) {
  const auto document = json_or_null(encode(diagnostics()));
  EXPECT_EQ(document["id"], 17);
  EXPECT_EQ(document["state"]["agent_version"], "1.2.3");
  EXPECT_EQ(document["state"]["health"]["disk_free_mb"], 512);
  EXPECT_EQ(document["outbox"]["records"], 4);
  EXPECT_EQ(document["journals"][0]["model"], "digits");
  EXPECT_EQ(document["log"][1]["text"], "digits: committed 1.1");
  const auto head = decode_diagnostics_head(encode(diagnostics())).value();
  EXPECT_EQ(head.id, 17);
  EXPECT_EQ(head.device, "cam-7");
}

TEST(Diagnostics, AreNeverTooLong) {
  auto of = diagnostics();
  of.log.assign(500, {now, std::string(2000, 'x')});
  auto document = encode(of);
  EXPECT_LE(document.size(), max_diagnostics_bytes);
  EXPECT_EQ(json_or_null(document)["log"].size(), most_log_lines);
  of.journals.assign(8, "{\"text\": \"" + std::string(7000, 'y') + "\"}");
  document = encode(of);
  EXPECT_LE(document.size(), max_diagnostics_bytes);
  EXPECT_LT(json_or_null(document)["log"].size(), most_log_lines) << "the oldest lines are left out";
  of.journals.assign(20, "{\"text\": \"" + std::string(7000, 'y') + "\"}");
  document = encode(of);
  EXPECT_LE(document.size(), max_diagnostics_bytes);
  EXPECT_TRUE(decode_diagnostics_head(document));
}

TEST(Diagnostics, ThatAreNoneAreRefused) {
  EXPECT_FALSE(decode_diagnostics_head("[]"));
  EXPECT_FALSE(decode_diagnostics_head(R"({"id": 1, "device": "../etc"})"));
  EXPECT_FALSE(decode_diagnostics_head(std::string(max_diagnostics_bytes + 1, ' ')));
}

}  // namespace
}  // namespace argosy::wire
